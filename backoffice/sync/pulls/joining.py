"""A vendor's records that meet rows of ours: what both last agreed on, ours and theirs become one, set-wise.

Rows are locked first, so that nobody's edit gets in between.
"""

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError, DataError, IntegrityError, transaction
from django.utils.translation import gettext as _
from msgspec import UNSET

from backoffice.changes.registry import model_of
from backoffice.crm.records import Record
from backoffice.sync.links import referencing
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import Connection, Link, Policy
from backoffice.sync.pulls import amounts, opening
from backoffice.sync.pulls.comparing import Arrival
from backoffice.sync.pulls.merging import CUSTOM, TAGS, Merged, Sides, merge
from backoffice.sync.pulls.setting_aside import Unfit
from backoffice.sync.pushes import outbox
from backoffice.sync.rows import rows
from connectors.kit.mapping import Mapping

logger = structlog.get_logger(__name__)

ARCHIVED = "archived_at"
THEIR_CLOCK = frozenset({"changed_there"})  # that it moved is no news of its own


@dataclass
class Joined:
    """What became of the arrivals, each in one of the lists."""

    updated: list[Arrival] = field(default_factory=list)
    archived: list[Arrival] = field(default_factory=list)
    unchanged: list[Arrival] = field(default_factory=list)
    gone_here: list[Arrival] = field(default_factory=list)
    unfit: list[Unfit] = field(default_factory=list)
    conflicts: int = 0

    @property
    def taken(self) -> list[Arrival]:
        return [*self.updated, *self.archived, *self.unchanged]


@dataclass(eq=False)
class Meeting:
    """One arrival that has a row, and what the merge makes of both."""

    arrival: Arrival
    merged: Merged
    values: dict[str, Any]  # to be written to the row


def join(connection: Connection, kind: str, arrivals: Sequence[Arrival], options: Options) -> Joined:
    """Bring rows and arrivals together; each arrival and its link are left with the new base, unwritten."""
    joined = Joined()
    if not arrivals:
        return joined
    here = rows.read(kind, [arrival.object_id for arrival in arrivals], lock=True)
    fit = _fit(kind, arrivals, joined)
    meetings: list[Meeting] = []
    for mapping in dict.fromkeys(arrival.mapping for arrival in arrivals):
        of_mapping = [arrival for arrival in fit if arrival.mapping is mapping]
        present = [arrival for arrival in of_mapping if arrival.object_id in here]
        joined.gone_here += [arrival for arrival in of_mapping if arrival.object_id not in here]
        meetings += _meet(connection, mapping, present, here, options)
    meetings = _write(kind, meetings, joined)
    joined.conflicts = opening.note(
        connection,
        kind,
        {
            meeting.arrival.object_id: opening.Met(meeting.arrival.there, meeting.merged.conflicts, meeting.values)
            for meeting in meetings
        },
    )
    sent = {meeting.arrival.object_id: [*meeting.merged.send] for meeting in meetings if meeting.merged.send}
    if sent:
        outbox.enqueue_many(connection, kind, "update", sent)
    return joined


def _fit(kind: str, arrivals: Sequence[Arrival], joined: Joined) -> list[Arrival]:
    """Those our tables can hold, whatever of them is to be written."""
    fit: list[Arrival] = []
    for arrival in arrivals:
        reason = rows.refusal(kind, arrival.ours, is_new=False)
        if reason:
            joined.unfit.append(Unfit(arrival.item, reason))
        else:
            fit.append(arrival)
    return fit


def _meet(
    connection: Connection,
    mapping: Mapping[Any],
    arrivals: Sequence[Arrival],
    records: Table[int, Record],
    options: Options,
) -> list[Meeting]:
    if not arrivals:
        return []
    ours = {arrival.object_id: records[arrival.object_id] for arrival in arrivals}
    links = {arrival.object_id: arrival.link for arrival in arrivals if arrival.link}
    theirs = referencing.to_theirs(connection, mapping, ours, links, options)
    changed_at = _changed_at(mapping.kind, list(ours)) if connection.policy == Policy.NEWEST else {}
    meetings = []
    for arrival in arrivals:
        id, link = arrival.object_id, arrival.link
        here = theirs[id].plain(mapping)
        base = None if arrival.is_first or link is None else link.base
        amounts.put_as_there(connection, mapping, here, ours[id], (link.converted if link else None) or {})
        if link and _is_back(link, ours[id]):
            here[ARCHIVED] = link.base.get(ARCHIVED)
        sides = Sides(changed_at.get(id), arrival.record.changed_there or None)
        unsaid = (
            arrival.unresolved.intersection(each.field for each in theirs[id].missing) if arrival.is_first else set()
        )
        merged = merge(
            base, here, arrival.there, fields=mapping.holds - unsaid, policy=Policy(connection.policy), sides=sides
        )
        if unsaid:  # both may mean the same: it shows when what they refer to has come
            merged.base |= dict.fromkeys(unsaid)
            arrival.is_unsettled = True
        meetings.append(Meeting(arrival, merged, _values(arrival, ours[id], merged)))
    return meetings


def _changed_at(kind: str, ids: list[int]) -> dict[int, datetime]:
    found = model_of(kind)._default_manager.filter(pk__in=ids)
    return dict(found.values_list("pk", "changed_at"))


def _values(arrival: Arrival, row: Record, merged: Merged) -> dict[str, Any]:
    """What is to be written to the row. A reference that can't be resolved is left for when it can."""
    values: dict[str, Any] = {}
    for name, plain in merged.write.items():
        value = plain if name in {TAGS, CUSTOM} else getattr(arrival.ours, name)
        if value is UNSET:
            continue
        values[name] = value
    amounts.put_currency(arrival.mapping, values, arrival.ours)
    if arrival.link and _is_back(arrival.link, row):
        values.setdefault(ARCHIVED, None)
    return values


def _is_back(link: Link, row: Record) -> bool:
    """It had vanished at the vendor's, and for that alone was archived here."""
    return link.gone_at is not None and row.archived_at == link.gone_at


def _write(kind: str, meetings: Sequence[Meeting], joined: Joined) -> list[Meeting]:
    """Answers those that could be written, or needed no writing."""
    changed = _updated(kind, meetings, joined)
    spoilt = {unfit.item.id for unfit in joined.unfit}
    kept = [meeting for meeting in meetings if meeting.arrival.item.id not in spoilt]
    for meeting in kept:
        _agree(meeting)
        is_news = meeting.arrival.object_id in changed and not THEIR_CLOCK.issuperset(meeting.values)
        if is_news and meeting.values.get(ARCHIVED):
            joined.archived.append(meeting.arrival)
        else:
            (joined.updated if is_news else joined.unchanged).append(meeting.arrival)
    return kept


def _updated(kind: str, meetings: Sequence[Meeting], joined: Joined) -> set[int]:
    """Write the values; one row at a time where the database refuses them together, so that it takes the others."""
    changes = {meeting.arrival.object_id: meeting.values for meeting in meetings if meeting.values}
    if not changes:
        return set()
    try:
        with transaction.atomic():
            return rows.update(kind, changes)
    except DatabaseError as error:
        if is_of_the_whole(error):
            raise
        logger.warning("page_refused_by_database", kind=kind, error=str(error))
    changed: set[int] = set()
    for meeting in meetings:
        id = meeting.arrival.object_id
        try:
            with transaction.atomic():
                changed |= rows.update(kind, {id: changes[id]}) if id in changes else set()
        except DatabaseError as error:
            if is_of_the_whole(error):
                raise
            joined.unfit.append(Unfit(meeting.arrival.item, refused_by_database(error)))
    return changed


def is_of_the_whole(error: DatabaseError) -> bool:
    """Whether it says nothing of the rows: the server is gone, two writers met, the time is up."""
    return not isinstance(error, DataError | IntegrityError)


def refused_by_database(error: DatabaseError) -> str:
    first = str(error).partition("\n")[0]
    return _("The database does not take it: %(error)s") % {"error": first}


def _agree(meeting: Meeting) -> None:
    arrival, base = meeting.arrival, meeting.merged.base
    arrival.base = base
    if arrival.link:
        arrival.link.base = base
        arrival.link.converted = amounts.still_converted(arrival.mapping, arrival.link.converted, base)
