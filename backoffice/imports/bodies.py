"""What the JSON API takes and answers about uploads."""

from datetime import datetime
from typing import Annotated

from django.db.models import Q, QuerySet
from ninja import Field, Schema

from backoffice.imports.models import Mode, Outcome, Phase, Upload
from backoffice.imports.options import Blank
from backoffice.imports.reading.values import DateOrder, DecimalMark
from backoffice.jobs.api import PersonOut
from backoffice.jobs.models import OPEN, State
from backoffice.paging import PageQuery
from backoffice.values import CONTROL, QueryId, QueryText, QueryYesNo

LONGEST_COLUMNS = 50_000


class UploadForm(Schema):
    """The fields beside the file. Options that are left out are found out from the file, or have the usual value."""

    kind: QueryText = Field(description="What is in the file.", examples=["opportunities"])
    mode: QueryText = Field(
        Mode.APPLY.value, description="What to do with it: apply, or preview (and apply it later, or never)."
    )
    date_order: QueryText = Field("", description=f"{', '.join(DateOrder)}; asked for where dates fit both.")
    decimal_mark: QueryText = Field("", description=f"{' or '.join(DecimalMark)}; asked for where amounts fit both.")
    currency: QueryText = Field("", description="Of amounts that do not say theirs (ISO 4217).")
    blank: QueryText = Field("", description=f"What a blank cell means: {' or '.join(Blank)}.")
    create_reps: QueryText = Field("", description="true: add reps that are not there yet. For quotas.")
    update_accounts: QueryText = Field(
        "", description="true: an account that a row names takes the row's name and website. Not for quotas."
    )
    columns: Annotated[str, Field(max_length=LONGEST_COLUMNS, pattern=f"^[^{CONTROL}]*$")] = Field(
        "",
        description="A JSON object: headers of the file to columns of ours, or to the empty text: then it is ignored.",
        examples=['{"Rep mail": "Email Address of Salesrep"}'],
    )
    notify: QueryYesNo = Field(False, description="true: the outcome is sent to you by email.")

    @property
    def options(self) -> dict[str, str]:
        return self.model_dump(exclude={"kind", "mode", "notify"})


class UploadFilters(PageQuery):
    kind: QueryText = ""
    phase: Phase | None = None
    state: State | None = Field(None, description="Of the job that applies or previews it.")
    asked_by: QueryId | None = Field(None, description="Who uploaded it: the login's id.")
    undone: QueryYesNo | None = None

    def narrow(self, uploads: QuerySet[Upload]) -> QuerySet[Upload]:
        """Those that `told` tells of."""
        wanted = Q(kind=self.kind) if self.kind else Q()
        wanted &= IN_PHASE[self.phase] if self.phase else Q()
        if self.state:
            wanted &= Q(job__state=self.state) | Q(job=None, preview_job__state=self.state)
        wanted &= Q(asked_by=self.asked_by) if self.asked_by else Q()
        wanted &= Q(undone=self.undone) if self.undone is not None else Q()
        return uploads.filter(wanted)


IN_PHASE = {
    Phase.DRAFT: Q(job=None, preview_job=None),
    Phase.PREVIEWING: Q(job=None, preview_job__state__in=OPEN),
    Phase.PREVIEWED: Q(job=None, preview_job__isnull=False) & ~Q(preview_job__state__in=OPEN),
    Phase.APPLYING: Q(job__state__in=OPEN),
    Phase.APPLIED: Q(job__isnull=False) & ~Q(job__state__in=OPEN),
}


class RowFilters(PageQuery):
    outcome: Outcome | None = None


class JobRef(Schema):
    id: int
    state: State


class Started(Schema):
    id: int
    job: JobRef


class CountsOut(Schema):
    """Every row ends in exactly one of new, updated, unchanged and failed."""

    rows: int
    new: int
    updated: int
    unchanged: int
    failed: int


class NearOut(Schema):
    id: int
    name: str
    score: float = Field(description="How similar the names are, up to 1.")


class CreatedOut(Schema):
    name: str
    detail: str = Field(description="An account's website, a rep's email.")
    line: int | None = Field(description="The first of the file that names it.")
    near: list[NearOut] = Field(description="What is there already under a similar name.")


class CreatesOut(Schema):
    total: int
    first: list[CreatedOut]


class PreviewOut(Schema):
    counts: CountsOut
    records: dict[str, dict[str, int]]
    creates: dict[str, CreatesOut] = Field(
        description="What would be made on the side, by kind: at its end, not in lists."
    )
    error: str = Field(description="Why the preview failed as a whole.")
    job: JobRef


class UploadOut(Schema):
    id: int
    kind: str
    mode: str
    name: str = Field(description="The file's.")
    phase: Phase
    state: State | None = Field(description="Of the job that applies or previews it; null for a draft.")
    counts: CountsOut
    records: dict[str, dict[str, int]] = Field(description="Records made or changed by kind, also those on the side.")
    error_file: str | None = Field(description="Where to fetch the rows that failed; null without any.")
    preview: PreviewOut | None
    undone: bool
    undo: str | None = Field(description="Where the last undo is told of; null while there is none.")
    error: str = Field(description="Why the job failed as a whole.")
    job: JobRef | None
    size: int
    ignored_columns: list[str]
    options: dict[str, str | bool | dict[str, str]] = Field(description="As given, or as found out from the file.")
    asked_by: PersonOut | None = Field(description="Who uploaded it.")
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime = Field(description="Until when the file and the rows that failed are kept.")


class ReasonOut(Schema):
    """Rows that fail for one reason; the first of them are of as many values as there are."""

    rows: int
    column: str = Field(description="Empty where the whole row is wrong.")
    sentence: str = Field(description="As it holds for all of the rows: what they differ in is left open.")
    values: int = Field(description="Over how many different values.")
    named: list[str] = Field(description="The first of these.")
    lines: list[int] = Field(description="Of the first rows.")


class UploadWithReasons(UploadOut):
    reasons: list[ReasonOut] = Field(description="Why rows failed, or would, most frequent first.")


class ChangeOut(Schema):
    column: str
    before: str | None = Field(description="What is there; null where you may not see it.")
    after: str


class RowOut(Schema):
    number: int
    line: int = Field(description="As a text editor shows it.")
    outcome: Outcome
    record_id: int | None = Field(description="Of what it speaks of; null for one that is not there yet.")
    changes: list[ChangeOut] = Field(description="Of a preview: what it would change.")
    errors: list[str] = Field(description="What is wrong with it.")
