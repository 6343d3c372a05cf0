"""What the entries of a vendor's lists mean here: kept in step, proposed, settled by a person, looked up.

Nothing is guessed: an entry that means nothing yet is listed, and what needs it waits.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import msgspec
from django.db import connection as database
from django.db.models import Q
from django.utils import timezone

from backoffice.access.models import User
from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Choice, Rep
from backoffice.crm.records import Ref
from backoffice.sync.meanings import proposing, spreading
from backoffice.sync.models import Connection, Option
from connectors.kit.contract import Meaning, VendorEntry, VendorList

LABEL, REMOTE_ID = 300, 200


def lists_of(connection: Connection) -> dict[str, VendorList]:
    return {each.name: each for each in connection.connector.lists}


def refresh(connection: Connection, entries: Iterable[VendorEntry]) -> None:
    """Have the vendor's lists here as they are there. An entry that is gone keeps its meaning: old records have it."""
    there = {(entry.list, entry.id[:REMOTE_ID]): entry for entry in entries}
    _write(connection, there.values(), are_gone=False)
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE sync_option SET gone_at = now() WHERE connection_id = %s AND gone_at IS NULL"
            " AND (list, remote_id) NOT IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            [connection.pk, [name for name, _ in there], [id for _, id in there]],
        )


def _write(connection: Connection, entries: Collection[VendorEntry], *, are_gone: bool) -> None:
    """Of what is here already, only what the vendor says anew is changed; of those `are_gone`, nothing."""
    if not entries:
        return
    conflict = (
        "DO NOTHING"
        if are_gone
        else """DO UPDATE SET label = excluded.label, extras = excluded.extras, gone_at = NULL
            WHERE (sync_option.label, sync_option.extras, sync_option.gone_at)
            IS DISTINCT FROM (excluded.label, excluded.extras, NULL)"""
    )
    with database.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO sync_option (connection_id, list, remote_id, label, extras, is_chosen, gone_at)
            SELECT %s, list, remote_id, label, extras, false, %s
            FROM unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[]) AS given(list, remote_id, label, extras)
            ON CONFLICT (connection_id, list, remote_id) {conflict}
            """,
            [
                connection.pk,
                timezone.now() if are_gone else None,
                [entry.list for entry in entries],
                [entry.id[:REMOTE_ID] for entry in entries],
                [entry.label.replace("\0", "")[:LABEL] for entry in entries],
                [msgspec.json.encode(entry.extras).decode() for entry in entries],
            ],
        )


def propose(connection: Connection) -> int:
    """Give the entries that mean nothing yet, and that no person settled, what they evidently mean. How many that were.

    Records that have them get it too.
    """
    with _acting(connection, None):
        _lock(connection)
        return _propose(connection)


def _propose(connection: Connection) -> int:
    lists = lists_of(connection)
    open_ones = list(Option.objects.filter(connection=connection, choice=None, rep=None, is_chosen=False))
    reps = [option for option in open_ones if option.list in lists and _is_rep(lists[option.list])]
    choices = [option for option in open_ones if option.list in lists and not _is_rep(lists[option.list])]
    found: list[Option] = []
    for option, rep_id in proposing.reps_for(reps).items():
        option.rep_id = rep_id
        found.append(option)
    for option, choice_id in proposing.choices_for(choices, lists).items():
        option.choice_id = choice_id
        found.append(option)
    _settle(connection, found, dict.fromkeys([option.pk for option in found]))
    return len(found)


def _is_rep(vendor_list: VendorList) -> bool:
    return vendor_list.meaning is Meaning.REP


def mean(option: Option, *, by: User | None, choice: Choice | None = None, rep: Rep | None = None) -> int:
    """A person says what an entry means (neither: nothing). How many records pulled before were changed by it."""
    with _acting(option.connection, by):
        _lock(option.connection)
        was = option.choice_id or option.rep_id
        option.choice, option.rep, option.is_chosen = choice, rep, True
        return _settle(option.connection, [option], {option.pk: was})


def adopt(connection: Connection, *, by: User | None, lists: Collection[str] | None = None) -> int:
    """Make entries, and reps, of our own for what means nothing yet, in all lists or these. How many were mapped.

    What a person has said means nothing is left so.
    """
    known = lists_of(connection)
    with _acting(connection, by):
        _lock(connection)
        found = Option.objects.filter(connection=connection, choice=None, rep=None, is_chosen=False, gone_at=None)
        open_ones = [
            each for each in found.order_by("id") if each.list in known and (lists is None or each.list in lists)
        ]
        for option in open_ones:
            if _is_rep(known[option.list]):
                option.rep_id = proposing.new_rep(option)
            else:
                option.choice_id = proposing.new_choice(option, known[option.list].choices)
        _settle(connection, open_ones, dict.fromkeys([option.pk for option in open_ones]))
    return len(open_ones)


def _acting(connection: Connection, by: User | None) -> Any:
    """As a pull: what the vendor had already is no change to send it."""
    return acting(by, Door.PULL, connection=connection.pk, label="" if by else "pull")


def _lock(connection: Connection, how: str = "pg_advisory_xact_lock") -> None:
    """Meanings change while no page is taken in, and the other way round: a page's records must not miss a change."""
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {how}(hashtext('meanings of entries'), %s)", [connection.pk])


def _settle(connection: Connection, options: list[Option], was: dict[int, int | None]) -> int:
    Option.objects.bulk_update(options, ["choice", "rep", "is_chosen"])
    return sum(spreading.spread(connection, option, was[option.pk]) for option in options)


def unmapped(connection: Connection) -> list[tuple[Option, int]]:
    """The entries that mean nothing yet, with how many linked records have each; the most used first."""
    used = spreading.used(connection)
    found = Option.objects.filter(connection=connection, choice=None, rep=None, list__in=lists_of(connection))
    counted = [(option, used.get(option.pk, 0)) for option in found.filter(Q(is_chosen=False) | Q(gone_at=None))]
    return sorted(counted, key=lambda pair: (-pair[1], pair[0].list, pair[0].label))


class Known(NamedTuple):
    """An entry as look-ups need it. `meaning` is the id of our choice or rep."""

    list: str
    id: str
    label: str
    meaning: int | None
    is_gone: bool


class Options:
    """All entries of a connection, looked up both ways. Made for a run; see `hold`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.lists = lists_of(connection)
        self.plans: dict[Any, Any] = {}  # of `ref_plans`
        self._load()

    def hold(self) -> None:
        """See what was changed meanwhile; from here to the end of the transaction nobody changes what entries mean."""
        _lock(self.connection, "pg_advisory_xact_lock_shared")
        if self._state() != self._seen:
            self._load()

    def _state(self) -> Any:
        """Another one whenever an entry was written."""
        with database.cursor() as cursor:
            cursor.execute(
                "SELECT count(*), sum(hashint8(id * 4294967296 + xmin::text::bigint)::bigint) FROM sync_option"
                " WHERE connection_id = %s",
                [self.connection.pk],
            )
            return cursor.fetchone()

    def _load(self) -> None:
        self._seen = self._state()
        self._by_id: dict[tuple[str, str], Known] = {}
        self._by_label: dict[tuple[str, str], list[Known]] = defaultdict(list)
        self._by_meaning: dict[tuple[str, int], list[Known]] = defaultdict(list)
        rows = Option.objects.filter(connection=self.connection).order_by("id")
        for name, id, label, choice_id, rep_id, gone_at in rows.values_list(
            "list", "remote_id", "label", "choice_id", "rep_id", "gone_at"
        ):
            known = Known(name, id, label, choice_id or rep_id, gone_at is not None)
            self._by_id[name, id] = known
            self._by_label[name, label.casefold()].append(known)
            if known.meaning:
                self._by_meaning[name, known.meaning].append(known)

    def list_for(self, choices: str) -> str:
        """The vendor's list that corresponds to ours ("": the one of its users), where a mapping doesn't say."""
        wanted = Meaning.CHOICE if choices else Meaning.REP
        return next(
            (name for name, each in self.lists.items() if (each.meaning, each.choices) == (wanted, choices)), ""
        )

    def choices_of(self, list_name: str) -> str:
        """Our pick list that the vendor's corresponds to; "" for its users."""
        found = self.lists.get(list_name)
        return found.choices if found else ""

    def entry(self, list_name: str, ref: Ref) -> Known | None:
        """By id; else by label, if all entries of that label that are still there mean the same."""
        if ref.id:
            return self._by_id.get((list_name, ref.id))
        same = self._by_label.get((list_name, ref.label.casefold()), [])
        exact = [known for known in same if known.label == ref.label] or same
        there = [known for known in exact if not known.is_gone] or exact
        return there[0] if there and len({known.meaning for known in there}) == 1 else None

    def meaning_of(self, list_name: str, ref: Ref) -> int | None:
        known = self.entry(list_name, ref)
        return known.meaning if known else None

    choice_of = meaning_of
    rep_of = meaning_of

    def ref_of(self, list_name: str, meaning: int, prefer: Ref | None = None) -> Ref | None:
        """The entry that means this, with id and label. Of several the preferred one, if it does."""
        known = self._by_meaning.get((list_name, meaning), [])
        if prefer is not None:
            for each in known:
                if each.id == prefer.id if prefer.id else each.label == prefer.label:
                    return Ref(each.id, each.label)
        there = [each for each in known if not each.is_gone]
        return Ref(there[0].id, there[0].label) if there else None

    def knows(self, list_name: str, ref: Ref) -> bool:
        return (list_name, ref.id) in self._by_id if ref.id else (list_name, ref.label.casefold()) in self._by_label

    def learn(self, met: Collection[tuple[str, Ref]]) -> None:
        """Take in entries that records have and the vendor's lists lack: users who left, statuses retired."""
        new = {
            (name, (ref.id or ref.label)[:REMOTE_ID]): VendorEntry(name, ref.id or ref.label, ref.label or ref.id)
            for name, ref in met
            if name in self.lists and not self.knows(name, ref)
        }
        if new:
            _write(self.connection, new.values(), are_gone=True)
            _propose(self.connection)
            self._load()
