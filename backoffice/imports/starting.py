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
from backoffice.imports import reading
from backoffice.imports.applying import JOB
from backoffice.imports.error_file import options_of_its_upload
from backoffice.imports.examining import Examined, examine
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import Kind, kind_called
from backoffice.imports.models import SUBJECT, Mode, Upload
from backoffice.imports.options import FLAGS, Options, options
from backoffice.jobs.starting import Subject, start

MODES = (Mode.APPLY,)


class NotAllowed(Exception):
    """This login may not upload."""


def receive(
    file: "File[bytes]",
    kind: str,
    user: User,
    *,
    mode: str = Mode.APPLY,
    given: Mapping[str, str | None] | None = None,
    name: str = "",
    api_key: int | None = None,
    limit_bytes: int | None = None,
) -> Upload:
    """Look the whole file over, keep it, and start the job that applies it.

    Raises Refused, with sentences for a person, when the file cannot be taken: then nothing is kept. Raises NotAllowed
    for a login that may not upload.
    """
    if not may(user, "add", Upload):
        raise NotAllowed
    if mode not in MODES:
        raise Refused(
            gettext("The option mode takes one of %(taken)s, not “%(value)s”.")
            % {"taken": ", ".join(MODES), "value": mode},
            option="mode",
        )
    known = kind_called(kind)
    shown_name = base_name(name or file.name or "")
    chosen = options(given or {})
    _refuse_options_of_other_kinds(known, chosen)
    examined = _examined(file, shown_name, known, user, chosen, limit_bytes or settings.UPLOAD_LIMIT_BYTES)
    return _kept(file, shown_name, known, Mode(mode), examined, user, api_key)


def _refuse_options_of_other_kinds(kind: Kind, chosen: Options) -> None:
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


def _kept(
    file: "File[bytes]", name: str, kind: Kind, mode: Mode, examined: Examined, user: User, api_key: int | None
) -> Upload:
    upload = Upload(
        kind=kind.name,
        mode=mode,
        name=name,
        size=examined.size,
        sha256=examined.sha256,
        layout=msgspec.to_builtins(examined.layout),
        options=msgspec.to_builtins(examined.options),
        header=examined.header,
        columns=examined.columns,
        unknown=examined.unknown,
        rows=examined.rows,
        asked_by=user,
    )
    file.seek(0)
    upload.file.save(name, file, save=False)
    try:
        with transaction.atomic():
            upload.save(force_insert=True)
            subject = Subject(SUBJECT, upload.pk, name)
            upload.job = start(
                JOB, {"upload": upload.pk}, asked_by=user, subject=subject, total=upload.rows, api_key=api_key
            )
            upload.save(update_fields=["job"])
    except BaseException:
        upload.file.delete(save=False)
        raise
    return upload
