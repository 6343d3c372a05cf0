"""What the JSON API takes and answers about connections and conflicts."""

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Field, Schema
from pydantic import ConfigDict

from backoffice import values
from backoffice.bodies import Body
from backoffice.jobs.api import PersonOut
from backoffice.jobs.models import State
from backoffice.paging import PageQuery
from backoffice.sync.models import ConnectionState, Policy, SendsNew, Side

NAME = r"^[a-z0-9][a-z0-9-]*$"
LONGEST_NAME = 60
LONGEST_SECRET = 4_000

EXAMPLE: dict[str, Any] = {
    "vendor": "tactile",
    "name": "tactile-uk",
    "base_url": "https://site.tactilecrm.com",
    "secrets": {"api_token": "0123456789abcdef0123456789abcdef01234567"},
    "settings": {"threads": 4},
    "directions": ["pull", "push"],
    "currency": "GBP",
    "time_zone": "Europe/London",
}

Direction = Literal["pull", "push"]
ConnectionName = Annotated[str, Field(max_length=LONGEST_NAME, pattern=NAME)]
Secret = Annotated[str, Field(max_length=LONGEST_SECRET, pattern=f"^[^{values.CONTROL}]*$")]
Said = values.Line | values.Integer | bool | None


class NewConnection(Body):
    """What is not sent is as usual: see the answer."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    vendor: Annotated[str, Field(max_length=40, pattern=r"^[a-z]+$")] = Field(..., examples=["tactile"])
    name: ConnectionName = Field(..., description="Stands in addresses and commands.", examples=["tactile-uk"])
    base_url: values.Name = Field(..., examples=["https://site.tactilecrm.com"])
    settings: dict[values.Line, Said] = Field({}, description="As the vendor declares them; see its capabilities.")
    secrets: dict[values.Line, Secret] = Field({}, description="Credentials. Never shown again.")
    directions: list[Direction] = Field(["pull"], max_length=2)
    sends_new: SendsNew = SendsNew.ALL
    policy: Policy = Field(Policy.ASK, description="Who is right when both sides changed the same field.")
    currency: values.Currency | None = Field(None, description="Of amounts given without one; else the company's.")
    time_zone: values.Line = Field("UTC", description="Of times given without one.", examples=["Europe/London"])
    every_minutes: Annotated[int, Field(ge=1, le=525_600, strict=True)] | None = Field(
        15, description="Pull so often; null: only when asked to."
    )
    full_every_hours: Annotated[int, Field(ge=1, le=8_760, strict=True)] = 24
    most_archived_percent: values.Percentage = 20

    def given(self) -> dict[str, Any]:
        """As `registering` takes it."""
        given = self.model_dump(exclude={"directions"})
        if self.currency is None:
            del given["currency"]
        return given | {"pulls": "pull" in self.directions, "pushes": "push" in self.directions}


class PullBody(Body):
    full: values.YesNo = Field(False, description="Look at everything, not only at what has changed.")


class ConnectionFilters(PageQuery):
    vendor: values.QueryText = ""
    state: ConnectionState | None = None


class HealthOut(Schema):
    trouble: str = Field(description="What is wrong, in words; empty when nothing is.")
    trouble_since: datetime | None
    last_good_at: datetime | None
    last_full_at: datetime | None
    next_pull_at: datetime | None
    held_until: datetime | None = Field(description="Not called before: the vendor is down, or told us to wait.")


class ConnectionItem(Schema):
    id: int
    name: str
    vendor: str
    vendor_label: str
    base_url: str
    state: ConnectionState
    directions: list[Direction]
    settings: dict[str, Any]
    sends_new: SendsNew
    policy: Policy
    currency: str
    time_zone: str
    every_minutes: int | None
    full_every_hours: int
    most_archived_percent: int
    facade: bool
    facade_host: str | None
    created_at: datetime
    health: HealthOut


class CapabilityOut(Schema):
    """What the vendor lets be done with records of a kind, and which of their fields it has."""

    kind: str
    pull: bool
    create: bool
    update: bool
    delete: bool
    find: bool
    view: bool
    reads: list[str]
    writes: list[str]


class StreamOut(Schema):
    name: str
    moved_at: datetime
    full_pass_at: datetime | None


class JobOfConnection(Schema):
    id: int
    state: State


class WaitingOut(Schema):
    """What waits for the vendor, or for a person."""

    conflicts: int
    set_aside: int
    unmapped: int
    waiting: int
    rejected: int
    uncertain: int


class ConnectionOut(ConnectionItem):
    records: dict[str, int] = Field(description="How many of each kind are linked.")
    counts: WaitingOut
    capabilities: list[CapabilityOut]
    streams: list[StreamOut]
    last_pull: JobOfConnection | None
    last_push: JobOfConnection | None


class Started(Schema):
    job: JobOfConnection


class CheckedOut(Schema):
    """Whether it works, in words."""

    works: bool
    text: str
    hints: list[str]


class ConflictFilters(PageQuery):
    connection: values.QueryText = ""
    kind: values.QueryText = Field("", description="Of the record: opportunity, account, …")
    record: values.QueryId | None = Field(None, description="The record's id; with its kind.")
    settled: values.QueryYesNo = Field(False, description="true: those that are settled; else the open ones.")


class ConflictOut(Schema):
    """One field that was changed here and there. Values are as the vendor can hold them."""

    id: int
    connection: str
    kind: str
    record_id: int
    field: str
    base: Any = Field(description="What both last agreed on.")
    here: Any = Field(description="Ours.")
    there: Any = Field(description="The vendor's.")
    opened_at: datetime
    settled_at: datetime | None
    settled_by: PersonOut | None
    taken: Side | None


class Resolution(Body):
    take: Side = Field(..., description="Whose value stands: ours (here) or the vendor's (there).")
