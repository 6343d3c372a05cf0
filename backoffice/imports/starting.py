"""Taking a file: from the console, the API and the command line alike."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePosixPath, PureWindowsPath

import msgspec
from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.utils.translation import gettext

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.imports import applying, drafting, previewing, reading
from backoffice.imports.error_file import options_of_its_upload
from backoffice.imports.examining import Examined, examine
from backoffice.imports.faults import Refused, shown
from backoffice.imports.kinds import Kind, kind_called
from backoffice.imports.models import SUBJECT, Mode, Upload
from backoffice.imports.options import FLAGS, Options, options
from backoffice.jobs import verbs
from backoffice.jobs.models import Job
from backoffice.jobs.starting import Subject, start


class NotAllowed(Exception):
    """This login may not upload."""


class WrongState(Exception):
    """The upload has moved on; the message says where it stands."""


def mode_called(name: str) -> Mode:
    """What may be asked for from outside. Raises Refused for anything else."""
    if name not in {Mode.PREVIEW, Mode.APPLY}:
        raise Refused(
            gettext("The option mode takes one of %(taken)s, not “%(value)s”.")
            % {"taken": f"{Mode.PREVIEW}, {Mode.APPLY}", "value": shown(name)},
            option="mode",
        )
    return Mode(name)


def receive(  # noqa: PLR0913 - a keyword for each thing that a door may say
    file: "File[bytes]",
    kind: str,
    user: User,
    *,
    mode: Mode = Mode.APPLY,
    given: Mapping[str, str | None] | None = None,
    name: str = "",
    api_key: int | None = None,
    limit_bytes: int | None = None,
    notify: bool = False,
) -> Upload:
    """Look the whole file over, keep it, and start the job that previews or applies it; none for a draft.

    Raises Refused, with sentences for a person, when the file cannot be taken: then nothing is kept. A draft is taken
    whenever it can be read at all (see `backoffice.imports.drafting`). Raises NotAllowed for a login that may not
    upload.
    """
    _allow(user)
    known = kind_called(kind)
    shown_name = base_name(name or file.name or "")
    chosen = options(given or {})
    refuse_options_of_other_kinds(known, chosen)
    examined = _examined(file, shown_name, known, user, chosen, limit_bytes or settings.UPLOAD_LIMIT_BYTES)
    upload = Upload(
        kind=kind,
        mode=mode,
        name=shown_name,
        size=examined.size,
        sha256=examined.sha256,
        layout=msgspec.to_builtins(examined.layout),
        options=msgspec.to_builtins(examined.options),
        header=examined.header,
        columns=examined.columns,
        unknown=examined.unknown,
        rows=examined.rows,
        notify=notify,
        asked_by=user,
    )
    return _kept(file, upload, user, api_key)


def refuse_options_of_other_kinds(kind: Kind, chosen: Options) -> None:
    for name in FLAGS:
        if getattr(chosen, name) and name not in kind.options:
            raise Refused(
                gettext("The option %(option)s is not for %(kind)s.") % {"option": name, "kind": kind.name}, option=name
            )


def base_name(name: str) -> str:
    """The last part of a path as browsers of either world send it, fit to show."""
    last = PurePosixPath(PureWindowsPath(name).name).name
    return "".join(character for character in last if character.isprintable())[:255] or "upload.csv"


def _examined(file: "File[bytes]", name: str, kind: Kind, user: User, chosen: Options, limit_bytes: int) -> Examined:
    stream = reading.binary(file)
    try:
        return examine(stream, name, kind.resource, chosen, limit_bytes)
    except Refused as refused:
        # A corrected error file may hold too few rows to tell how dates are written: its upload told.
        known = options_of_its_upload(stream, name, kind, user) if refused.option else None
        if known is None:
            raise
        return examine(stream, name, kind.resource, chosen.noted(known), limit_bytes)


def start_preview(upload: Upload, user: User, api_key: int | None = None) -> Job:
    """Find out in the background what would become of its rows. One that is under way is answered instead of another.

    Raises WrongState when the upload is being or was applied, Refused while its columns or options are not settled.
    """
    _allow(user)
    with transaction.atomic():
        here = _locked(upload)
        if here.preview_job and here.preview_job.is_open:
            job = here.preview_job
        else:
            job = here.preview_job = _job(previewing.JOB, here, user, api_key)
            here.mode = Mode.PREVIEW
            here.previewed = {}
            here.save(update_fields=["preview_job", "mode", "previewed"])
    upload.refresh_from_db()
    return job


def start_apply(upload: Upload, user: User, api_key: int | None = None) -> Job:
    """Apply it in the background, previewed or not. A preview under way is cancelled.

    Raises WrongState when the upload is being or was applied, Refused while its columns or options are not settled.
    """
    _allow(user)
    with transaction.atomic():
        here = _locked(upload)
        if here.preview_job and here.preview_job.is_open:
            with suppress(verbs.NotAllowed, verbs.WrongState):
                verbs.cancel(here.preview_job, user)
        job = here.job = _job(applying.JOB, here, user, api_key)
        here.mode = Mode.APPLY
        here.save(update_fields=["job", "mode"])
    upload.refresh_from_db()
    return job


def _allow(user: User) -> None:
    if not may(user, "add", Upload):
        raise NotAllowed


def _locked(upload: Upload) -> Upload:
    """As it is now, for whoever comes first."""
    here = Upload.objects.select_for_update(of=("self",)).select_related("job", "preview_job").get(pk=upload.pk)
    if here.job:
        words = gettext("The upload is being applied already.") if here.job.is_open else gettext("It was applied.")
        raise WrongState(words)
    if not here.file:
        raise WrongState(gettext(applying.GONE))
    drafting.refuse_unsettled(here)
    return here


def _job(kind: str, upload: Upload, user: User, api_key: int | None) -> Job:
    subject = Subject(SUBJECT, upload.pk, upload.name)
    return start(kind, {"upload": upload.pk}, asked_by=user, subject=subject, total=upload.rows, api_key=api_key)


def _kept(file: "File[bytes]", upload: Upload, user: User, api_key: int | None) -> Upload:
    file.seek(0)
    upload.file.save(upload.name, file, save=False)
    try:
        with transaction.atomic():
            upload.save(force_insert=True)
            match upload.mode:
                case Mode.APPLY:
                    upload.job = _job(applying.JOB, upload, user, api_key)
                case Mode.PREVIEW:
                    upload.preview_job = _job(previewing.JOB, upload, user, api_key)
            upload.save(update_fields=["job", "preview_job"])
    except BaseException:
        upload.file.delete(save=False)
        raise
    return upload
