"""Taking in a page of a vendor's records: into rows, links, conflicts, or aside. Set-wise, in the caller's transaction.

Taking the same page in again changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Table
from datetime import datetime

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.sync.links import linking, matching, pending, referencing
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import Connection, Link
from backoffice.sync.pulls import joining
from backoffice.sync.pulls.comparing import Arrival, Batch, News, news, without_ours_on_the_way
from backoffice.sync.pulls.joining import is_of_the_whole, refused_by_database
from backoffice.sync.pulls.setting_aside import Aside, Unfit
from backoffice.sync.pushes.outbox import capability_for
from backoffice.sync.rows import rows
from connectors.kit.contract import Item
from connectors.kit.errors import Unreadable

logger = structlog.get_logger(__name__)

type Counts = Counter[str]

NEWS = ("new", "updated", "archived", "set_aside")


def take_in(connection: Connection, items: Sequence[Item]) -> Counts:
    """Take in records that the vendor just gave, outside of a pull. Inside `acting(…, connection=connection.pk)`."""
    return Taking(connection).take(items, since=timezone.now())


class Taking:
    """What a run needs to take in one page after the other."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.options = Options(connection)
        self.aside = Aside(connection)
        self.growth = linking.Growth()
        self.unsettled: list[Item] = []  # whose records are to be looked at again, once all have come
        self.expects_news = True  # as the last page brought some

    def take(self, items: Iterable[Item] | Batch, *, since: datetime) -> Counts:
        """Answers how many became what: new, updated, unchanged, archived, set_aside; mentioned, conflicts.

        `since` is when the vendor was asked, or earlier: what was pushed after that is not undone by older news.
        """
        counts: Counts = Counter()
        for kind, arrivals in (items if isinstance(items, Batch) else Batch(items)).kinds:
            counts += self._take_kind(kind, arrivals, since)
        return counts

    def _take_kind(self, kind: str, page: Sequence[Arrival], since: datetime) -> Counts:
        mentions = sum(arrival.item.is_stub for arrival in page)
        found = news(self.connection, kind, page)
        arrivals = without_ours_on_the_way(self.connection, kind, found, since) if found.arrivals else []
        self.expects_news = len(arrivals) * 2 > len(page)
        counts, unfit = self._take_arrivals(kind, arrivals, found) if arrivals else (Counter(), [])
        bad = {each.item.id for each in unfit}
        good = (arrival.item for arrival in page if not arrival.item.is_stub)
        self.aside.take_out(kind, (item.id for item in good if item.id not in bad))
        self.aside.put(unfit)
        return counts + Counter(unchanged=len(page) - mentions - sum(counts[word] for word in NEWS))

    def _take_arrivals(self, kind: str, arrivals: Sequence[Arrival], found: News) -> tuple[Counts, list[Unfit]]:
        readable, unfit = self._read(kind, arrivals)
        ours = referencing.to_ours(
            self.connection,
            [referencing.Neutral(arrival.mapping, arrival.item.id, arrival.record) for arrival in readable],
            self.options,
        )
        for arrival, record in zip(readable, ours.records, strict=True):
            arrival.ours, arrival.unresolved = record, set()
        for place, name, *_rest in ours.unresolved:
            readable[place].unresolved.add(name)
        several = self._find(kind, [arrival for arrival in readable if arrival.link is None])
        met = joining.join(self.connection, kind, [arrival for arrival in readable if arrival.object_id], self.options)
        back = [arrival for arrival in met.gone_here if self._comes_back(arrival)]
        self._take_back(readable, {each.item.id for each in met.unfit})
        new, refused = self._insert(kind, [*(each for each in readable if not each.object_id), *back])
        linked = self._link(kind, new, [*met.taken, *(each for each in met.gone_here if each not in back)])
        self._settle(kind, linked, readable, ours.unresolved, is_waited_for=found.is_waited_for)
        self._suggest(kind, new, several)
        self.unsettled += [arrival.item for arrival in met.taken if arrival.is_unsettled]
        # A mention that can't become a record is no record that was lost.
        unfit = [each for each in (*unfit, *met.unfit, *refused) if not each.item.is_stub]
        counts = Counter(
            new=sum(not arrival.item.is_stub for arrival in new),
            mentioned=sum(arrival.item.is_stub for arrival in new),
            updated=len(met.updated),
            archived=len(met.archived),
            set_aside=len(unfit),
            conflicts=met.conflicts,
        )
        return counts, unfit

    def _read(self, kind: str, arrivals: Sequence[Arrival]) -> tuple[list[Arrival], list[Unfit]]:
        readable: list[Arrival] = []
        unfit: list[Unfit] = []
        for arrival in arrivals:
            arrival.read()
            if arrival.error is None:
                readable.append(arrival)
                arrival.base = arrival.there
                arrival.object_id = arrival.link.object_id if arrival.link else 0
            elif isinstance(arrival.error, Unreadable):
                unfit.append(Unfit(arrival.item, str(arrival.error)))
            else:
                about = {"vendor": self.connection.vendor, "kind": kind, "id": arrival.item.id}
                logger.error("record_unreadable", exc_info=arrival.error, **about)
                unfit.append(Unfit(arrival.item, _("It can't be read: %(error)s") % {"error": repr(arrival.error)}))
        return readable, unfit

    def _find(self, kind: str, arrivals: Sequence[Arrival]) -> dict[str, matching.Several]:
        """Give those without a link the row they belong to. What may belong to several gets its own, and is told."""
        if not arrivals:
            return {}
        several: dict[str, matching.Several] = {}
        found = matching.match(self.connection, kind, [(arrival.item.id, arrival.ours) for arrival in arrivals])
        for arrival in arrivals:
            match = found.get(arrival.item.id)
            if isinstance(match, matching.Several):
                several[arrival.item.id] = match
            elif match is not None:
                arrival.object_id = match
        first = [arrival for arrival in arrivals if arrival.object_id]
        if first:
            links = linking.begin(self.connection, kind, {each.item.id: each.object_id for each in first})
            for arrival in first:
                arrival.link, arrival.is_first = links[arrival.item.id], True
        return several

    def _take_back(self, readable: Sequence[Arrival], unfit: set[str]) -> None:
        """Those that had just met their rows, and could agree on nothing, have not met."""
        unmet = [
            arrival.link.pk for arrival in readable if arrival.is_first and arrival.link and arrival.item.id in unfit
        ]
        if unmet:
            Link.objects.filter(pk__in=unmet).delete()

    def _comes_back(self, arrival: Arrival) -> bool:
        """Its row was deleted here, and it has changed there. If deleting is ours to tell the vendor, it stays so."""
        capability = capability_for(self.connection, arrival.item.kind)
        return not (self.connection.pushes and capability is not None and capability.delete)

    def _insert(self, kind: str, arrivals: Sequence[Arrival]) -> tuple[list[Arrival], list[Unfit]]:
        wanted: list[Arrival] = []
        refused: list[Unfit] = []
        for arrival in arrivals:
            reason = rows.refusal(kind, arrival.ours, is_new=True)
            if reason:
                refused.append(Unfit(arrival.item, reason))
            else:
                wanted.append(arrival)
        try:
            with transaction.atomic():
                self._put(kind, wanted)
            return wanted, refused
        except DatabaseError as error:
            if is_of_the_whole(error):
                raise
            logger.warning("page_refused_by_database", kind=kind, error=str(error))
        taken: list[Arrival] = []
        for arrival in wanted:
            try:
                with transaction.atomic():
                    self._put(kind, [arrival])
                taken.append(arrival)
            except DatabaseError as error:
                if is_of_the_whole(error):
                    raise
                refused.append(Unfit(arrival.item, refused_by_database(error)))
        return taken, refused

    def _put(self, kind: str, arrivals: Sequence[Arrival]) -> None:
        for arrival, id in zip(arrivals, rows.insert(kind, [each.ours for each in arrivals]), strict=True):
            arrival.object_id = id

    def _link(self, kind: str, new: Sequence[Arrival], met: Sequence[Arrival]) -> dict[str, int]:
        """What is new here, or has been found here, gets its link; links there are get the new state.

        Answers which of our records the vendor's ids stand for now, that stood for none before.
        """
        made = [
            linking.NewLink(
                *(arrival.item.id, arrival.object_id, arrival.base),
                *(arrival.digest, arrival.mapping.version, arrival.item.is_stub),
            )
            for arrival in new
            if arrival.link is None
        ]
        kept: list[Link] = []
        for arrival in (*new, *met):
            link = arrival.link
            if link is not None:
                link.object_id, link.version = arrival.object_id, arrival.mapping.version
                link.digest = b"" if arrival.is_unsettled else arrival.digest
                link.base, link.is_stub, link.gone_at = arrival.base, arrival.item.is_stub, None
                kept.append(link)
        if made:
            linking.make(self.connection, kind, made)
            self.growth.add(len(made))
        if kept:
            linking.keep(kept)
        return {arrival.item.id: arrival.object_id for arrival in (*new, *(each for each in met if each.is_first))}

    def _settle(
        self,
        kind: str,
        linked: Table[str, int],
        readable: Sequence[Arrival],
        unresolved: Sequence[referencing.Unresolved],
        *,
        is_waited_for: bool,
    ) -> None:
        """References: of these to what is not here yet, and of others to what has just come."""
        waiting = [
            pending.Waiting(kind, readable[place].object_id, field, target_kind, target_id)
            for place, field, target_kind, target_id in unresolved
            if readable[place].object_id
        ]
        if waiting:
            pending.pend(self.connection, waiting)
        if linked and (is_waited_for or waiting):
            pending.settle_pending(self.connection, kind, linked)

    def _suggest(self, kind: str, new: Sequence[Arrival], several: Table[str, matching.Several]) -> None:
        alike = {arrival.object_id: several[arrival.item.id] for arrival in new if arrival.item.id in several}
        if alike:
            matching.note(self.connection, kind, alike)
        if new:
            matching.suggest(self.connection, kind, [arrival.object_id for arrival in new])
