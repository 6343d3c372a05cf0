"""Taking an upload back, and taking that back: who may, when, and which undo holds. `taking_back` does it."""

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.changes.models import Change
from backoffice.imports.models import SUBJECT, Mode, Undo, Undone, Upload
from backoffice.imports.starting import NotAllowed, WrongState
from backoffice.imports.undo.holding import that_did_something, that_hold
from backoffice.imports.undo.taking_back import JOB
from backoffice.jobs.models import OPEN, Job, State
from backoffice.jobs.starting import Subject, start

LEFT_SOMETHING = (Undone.PARTLY.value, Undone.KEPT.value)


def undo(upload: Upload, user: User, *, mode: Mode = Mode.APPLY, api_key: int | None = None) -> Undo:
    """Start taking back what the upload did; a preview only looks what would become of it.

    Raises NotAllowed, and WrongState with the sentence of `why_not`.
    """
    return _start(upload, None, user, mode, api_key)


def undo_again(undo: Undo, user: User, *, mode: Mode = Mode.APPLY, api_key: int | None = None) -> Undo:
    """Start taking the undo itself back: what it removed returns, what it restored is as the upload had it.

    Raises NotAllowed, and WrongState with the sentence of `why_not_again`.
    """
    return _start(undo.upload, undo, user, mode, api_key)


def why_not(upload: Upload, user: User) -> str:
    """Why the upload can't be undone now, in a sentence; empty when it can."""
    job = upload.job
    if not _is_allowed(upload, user):
        return _("You may not undo this upload.")
    if job is None:
        return _("This upload was not applied: there is nothing to undo.")
    if job.is_open:
        return _("This upload is still being applied. Wait until it has ended, or cancel it first.")
    if running := _running(upload):
        return running
    if not Change.objects.filter(job_id=job.pk).exists():
        return _("This upload changed nothing: there is nothing to undo.")
    last = current(upload)
    if last is not None and not _left_something(last):
        return _("This upload has been undone already.")
    return ""


def why_not_again(undo: Undo, user: User) -> str:
    """Why the undo can't be taken back now, in a sentence; empty when it can."""
    job = undo.job
    if not _is_allowed(undo.upload, user):
        return _("You may not undo this upload.")
    if undo.mode != Mode.APPLY or job is None:
        return _("This undo was only a preview: there is nothing to take back.")
    if undo.undoes_id is not None:
        return _("This took an undo back. To go back once more, undo the upload again.")
    if running := _running(undo.upload):
        return running
    if not Change.objects.filter(job_id=job.pk).exists():
        return _("This undo changed nothing: there is nothing to take back.")
    back = that_did_something(undo.undos.filter(mode=Mode.APPLY)).order_by("-id").first()
    if back is not None and not _left_something(back):
        return _("This undo has been taken back already.")
    return ""


def current(upload: Upload) -> Undo | None:
    """The last undo that holds: it did something, and was not taken back. None while the upload stands."""
    return that_hold(upload.undos.all()).select_related("job").order_by("-id").first()


def latest(upload: Upload) -> Undo | None:
    """The last that was asked for, whichever way it goes: preview, undo, or taking an undo back."""
    return upload.undos.select_related("job", "undoes").order_by("-id").first()


def is_undone(upload: Upload) -> bool:
    return current(upload) is not None


def with_undone(uploads: QuerySet[Upload]) -> QuerySet[Upload]:
    """The uploads, each saying whether it `undone` is: what `is_undone` answers, without a query for each."""
    return uploads.annotate(undone=Exists(that_hold(Undo.objects.filter(upload=OuterRef("pk")))))


def _start(upload: Upload, undoes: Undo | None, user: User, mode: Mode, api_key: int | None) -> Undo:
    if not _is_allowed(upload, user):
        raise NotAllowed
    with transaction.atomic():
        # Of two who ask at once the second sees what the first has begun.
        locked = Upload.objects.select_for_update(of=("self",)).select_related("job").get(pk=upload.pk)
        refusal = why_not(locked, user) if undoes is None else why_not_again(undoes, user)
        if refusal:
            raise WrongState(refusal)
        undo = Undo.objects.create(upload=locked, undoes=undoes, mode=mode, asked_by=user)
        subject = Subject(SUBJECT, locked.pk, locked.name)
        undo.job = start(JOB, {"undo": undo.pk}, asked_by=user, subject=subject, api_key=api_key)
        undo.save(update_fields=["job"])
    return undo


def _is_allowed(upload: Upload, user: User) -> bool:
    return may(user, "add", Upload) and Upload.objects.visible_to(user).filter(pk=upload.pk).exists()


def _running(upload: Upload) -> str:
    running = upload.undos.filter(mode=Mode.APPLY, job__state__in=OPEN).order_by("-id").first()
    if running is None:
        return ""
    if running.undoes_id is None:
        return _("This upload is being undone already.")
    return _("The undo of this upload is being taken back. Wait until that has ended.")


def _left_something(undo: Undo) -> bool:
    """Whether asking for the same once more may have an effect."""
    ended_early = not Job.objects.filter(undo=undo, state=State.SUCCEEDED).exists()
    return ended_early or any(undo.counts.get(word) for word in LEFT_SOMETHING)
