"""Taking a file: from the console, the API and the command line alike."""

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath

import msgspec
from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.utils.translation import gettext

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.imports import applying
from backoffice.imports.drafting import (
    WrongState,
    end_preview,
    keep_examined,
    locked,
    noticed_of,
    options_for,
    remembered,
    usable,
)
from backoffice.imports.error_file import options_of_its_upload
from backoffice.imports.faults import Refused, shown
from backoffice.imports.kinds import kind_called
from backoffice.imports.models import SUBJECT, Mode, Upload
from backoffice.imports.options import Options
from backoffice.imports.previews import previewing
from backoffice.imports.reading import files
from backoffice.imports.reading.examining import examine
from backoffice.jobs.models import Job
from backoffice.jobs.starting import Subject, start

__all__ = ["NotAllowed", "WrongState", "mode_called", "receive", "start_apply", "start_preview"]


class NotAllowed(Exception):
    """This login may not upload."""


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
    if notify and not user.email:
        raise Refused(gettext("Your login has no email address yet."), option="notify")
    is_draft = mode == Mode.DRAFT
    known = kind_called(kind)
    said = given or {}
    chosen = options_for(known, said)
    upload = Upload(kind=kind, mode=mode, name=base_name(name or file.name or ""), notify=notify, asked_by=user)

    def settled(header: list[str]) -> Options:
        carried = options_of_its_upload(header, known, user)
        if carried:  # a corrected error file is taken as it is
            return msgspec.structs.replace(carried, **{option: getattr(chosen, option) for option in _named(said)})
        if not is_draft:
            return chosen
        before = usable(known, header, remembered(user, kind, header))
        return msgspec.structs.replace(chosen, columns=before | chosen.columns)

    limit = limit_bytes or settings.UPLOAD_LIMIT_BYTES
    stream = files.binary(file)
    examined = examine(stream, upload.name, known.resource, chosen, limit, settle=settled, is_draft=is_draft)
    upload.size, upload.sha256 = examined.size, examined.sha256
    keep_examined(upload, examined)
    return _kept(file, upload, user, api_key)


def _named(given: Mapping[str, str | None]) -> list[str]:
    return [name for name, value in given.items() if value and value.strip()]


def base_name(name: str) -> str:
    """The last part of a path as browsers of either world send it, fit to show."""
    last = PurePosixPath(PureWindowsPath(name).name).name
    return "".join(character for character in last if character.isprintable())[:255] or "upload.csv"


def start_preview(upload: Upload, user: User, api_key: int | None = None) -> Job:
    """Find out in the background what would become of its rows. One that is under way is answered instead of another.

    Raises WrongState when the upload is being or was applied, Refused while its columns or options are not settled.
    """
    _allow(user)
    with transaction.atomic():
        here = locked(upload)
        noticed_of(here).refuse()
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
        here = locked(upload)
        noticed_of(here).refuse()
        end_preview(here, user)
        job = here.job = _job(applying.JOB, here, user, api_key)
        here.mode = Mode.APPLY
        here.save(update_fields=["job", "mode"])
    upload.refresh_from_db()
    return job


def _allow(user: User) -> None:
    if not may(user, "add", Upload):
        raise NotAllowed


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
