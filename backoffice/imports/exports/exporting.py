"""Records as files: which ones somebody asked for, at once when they are few, by a job when they are many.

A selection says through which door it was asked, and in that door's own words (a query string). It is looked up anew
when the job runs, by the rights its login has then.
"""

import io
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import batched
from typing import Any, BinaryIO, NamedTuple, cast

from django.conf import settings
from django.core.files import File
from django.db import models, transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce
from django.http import FileResponse
from django.utils import timezone
from django.utils.timezone import localdate
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.changes.acting import Door
from backoffice.crm.models import Account, Contact, Opportunity
from backoffice.downloads import attachment
from backoffice.imports.exports import writing
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS, Kind
from backoffice.imports.models import Export, Format
from backoffice.imports.resources.columns import Column
from backoffice.jobs.models import OPEN, Job
from backoffice.jobs.registry import Queue, job
from backoffice.jobs.running import Chunk, Failure, Run
from backoffice.jobs.starting import Subject, start

JOB, SUBJECT = "imports.export", "export"
ROWS_AT_ONCE = 2_000
EXPORTS_PER_SWEEP = 200

type Rows = QuerySet[Any]
type LookUp = Callable[[Kind, User, str], Rows]


class NotAllowed(Exception):
    """This login may not see records of the kind, or may not export."""


class Selection(NamedTuple):
    """Which records: the door, and its query string."""

    door: str
    query: str


_doors: dict[str, LookUp] = {}


def door(name: str) -> Callable[[LookUp], LookUp]:
    """Register how a door finds the rows of a query: those the login may see, narrowed and in order."""

    def register(look_up: LookUp) -> LookUp:
        _doors[name] = look_up
        return look_up

    return register


def selected(kind: Kind, user: User, selection: Selection) -> Rows:
    """Raises NotAllowed for a login that may not export, and whatever the door does about a query it can't read."""
    if not may(user, "add", Export) or not may(user, "view", model_of(kind)):
        raise NotAllowed
    return _doors[selection.door](kind, user, selection.query).filter(LEFT_OUT.get(kind.name, Q()))


def model_of(kind: Kind) -> type[models.Model]:
    model: type[models.Model] = kind.resource._meta.model
    return model


def kind_of(model: type[models.Model]) -> Kind | None:
    """The kind of file that is about rows of this model."""
    return next((kind for kind in KINDS.values() if model_of(kind) is model), None)


# Rows that a file of the kind has no column for.
LEFT_OUT: Mapping[str, Q] = {"quotas": Q(team__isnull=True)}


def _external_or_uid(path: str) -> Combinable:
    text: models.TextField[str, str] = models.TextField()
    return Coalesce(f"{path}external_id", Cast(f"{path}uid", text), output_field=text)


# What the models work out in Python, worked out by the database: by model and attribute, under a path to the model.
WORKED_OUT: Mapping[tuple[type[models.Model], str], Callable[[str], Combinable]] = {
    (Opportunity, "opportunity_id"): _external_or_uid,
    (Account, "account_id"): _external_or_uid,
    (Contact, "opportunity_id"): lambda path: Value(""),  # a row of a contact stands for none of its opportunities
}


def _value_of(column: Column, model: type[models.Model]) -> str | Combinable:
    """The column's attribute as a query asks for it."""
    path = str(column.attribute)
    *references, name = path.split("__")
    for reference in references:
        model = cast("type[models.Model]", model._meta.get_field(reference).related_model)
    work_out = WORKED_OUT.get((model, name))
    return work_out(path.removesuffix(name)) if work_out else path


def values(kind: Kind, rows: Rows) -> Iterator[tuple[Any, ...]]:
    """The values of the kind's columns, row by row, by a cursor on the server: call it within a transaction."""
    model = model_of(kind)
    wanted = [_value_of(column, model) for column in kind.resource.columns().values()]
    return rows.values_list(*wanted).iterator(chunk_size=ROWS_AT_ONCE)


def write(
    kind: Kind,
    rows: Rows,
    file: BinaryIO,
    format_: Format,
    *,
    for_people: bool = True,
    told: Callable[[int], None] = lambda done: None,
) -> int:
    """Write the rows to the file, and answer how many they were. `told` hears how many there are so far.

    Raises Refused when the format can't hold them.
    """
    columns = list(kind.resource.columns().values())
    writer = writing.writer(file, format_, columns, str(kind.label), for_people=for_people)
    done = 0
    try:
        with transaction.atomic():
            for some in batched(values(kind, rows), ROWS_AT_ONCE):
                done += len(some)
                writing.refuse_too_many(done, format_)
                writer.add(some)
                told(done)
    except BaseException:
        writer.discard()
        raise
    writer.close()
    return done


def export(kind: Kind, format_: Format, user: User, selection: Selection, api_key: int | None = None) -> Any:
    """A response with the file when there are few rows; an Export whose job writes it when there are many.

    Raises NotAllowed, and Refused when the format can't hold so many rows.
    """
    rows = selected(kind, user, selection)
    if not _are_many(rows):
        return at_once(kind, format_, rows, for_people=_is_for_people(selection))
    if format_ in writing.MOST_ROWS:
        writing.refuse_too_many(rows.order_by().count(), format_)
    return begin(kind, format_, user, selection, api_key)


def _are_many(rows: Rows) -> bool:
    most: int = settings.EXPORT_AT_ONCE_ROWS
    return len(rows.order_by().values_list("pk")[: most + 1]) > most


def _is_for_people(selection: Selection) -> bool:
    return selection.door != "api"


def at_once(kind: Kind, format_: Format, rows: Rows, *, for_people: bool) -> FileResponse:
    """The file, whole before the first byte is sent: what goes wrong is an error and not half a file."""
    file = io.BytesIO()
    write(kind, rows, file, format_, for_people=for_people)
    file.seek(0)
    return _attachment(file, kind.name, format_)


def _attachment(file: Any, kind: str, format_: Format) -> FileResponse:
    return attachment(file, f"{kind}-{localdate().isoformat()}.{format_}", writing.CONTENT_TYPES[format_])


def begin(kind: Kind, format_: Format, user: User, selection: Selection, api_key: int | None = None) -> Export:
    """The export and the job that writes its file. The same one asked for again while it is at work is that one."""
    asked = {"kind": kind.name, "format": format_, "selection": selection._asdict(), "asked_by": user}
    open_one = Export.objects.filter(**asked, job__state__in=OPEN).select_related("job").order_by("-id").first()
    if open_one is not None:
        return open_one
    with transaction.atomic():
        made = Export.objects.create(**asked)
        made.job = start(
            JOB,
            {"export": made.pk},
            asked_by=user,
            subject=Subject(SUBJECT, made.pk, f"{kind.label} ({format_.label})"),
            api_key=api_key,
        )
        made.save(update_fields=["job"])
    return made


@job(JOB, queue=Queue.DEFAULT, label=_("Export"), door=Door.CONSOLE)
def run_export(run: Run) -> None:
    """Begins anew whenever it is called: half a file is of no use."""
    asked = Export.objects.select_related("asked_by").get(pk=run.parameters["export"])
    if asked.asked_by is None:
        raise Failure(gettext("The login that asked for this is gone."))
    kind, format_, selection = KINDS[asked.kind], Format(asked.format), Selection(**asked.selection)

    def told(done: int) -> None:
        run.progress(done, max(total, done))
        run.check()

    try:
        rows = selected(kind, asked.asked_by, selection)
        total = rows.order_by().count()
        writing.refuse_too_many(total, format_)
        run.progress(0, total)
        with tempfile.TemporaryFile() as file:
            written = write(kind, rows, file, format_, for_people=_is_for_people(selection), told=told)
            _keep(run, asked, file, written)
    except NotAllowed:
        raise Failure(gettext("Your role may not do this.")) from None
    except Refused as refused:
        raise Failure(str(refused)) from refused


def _keep(run: Run, asked: Export, file: BinaryIO, rows: int) -> None:
    size = file.tell()
    file.seek(0)
    asked.file.save(asked.kind, File(file), save=False)

    def noted(chunk: Chunk) -> None:
        Export.objects.filter(pk=asked.pk).update(file=asked.file.name, rows=rows, size=size)
        chunk.done = chunk.total = rows

    try:
        run.in_chunk(noted)
    except BaseException:
        asked.file.delete(save=False)
        raise


def expires_at(asked: Export) -> datetime:
    """Until when the file is kept."""
    return asked.created_at + timedelta(days=settings.EXPORT_KEEP_DAYS)


def is_there(asked: Export) -> bool:
    """Whether the file is written and still kept."""
    return bool(asked.file) and timezone.now() < expires_at(asked)


def download(asked: Export) -> FileResponse | None:
    """The file as a download; nothing when there is none (yet, or any more)."""
    if not is_there(asked):
        return None
    try:
        return _attachment(asked.file.open("rb"), asked.kind, Format(asked.format))
    except FileNotFoundError:
        return None


def sweep() -> int:
    """Lets go of files older than EXPORT_KEEP_DAYS; answers how many. What was asked for stays known."""
    before = timezone.now() - timedelta(days=settings.EXPORT_KEEP_DAYS)
    old = list(Export.objects.filter(created_at__lt=before).exclude(file="").order_by("id")[:EXPORTS_PER_SWEEP])
    for asked in old:
        asked.file.delete(save=False)
        Export.objects.filter(pk=asked.pk).update(file="")
    return len(old)


def job_of(asked: Export) -> Job:
    assert asked.job is not None  # they are written together
    return asked.job
