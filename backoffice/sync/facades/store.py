"""A facade's world: the records linked to its connection, as the caller's rep sees them, with the vendor's ids."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, override

import msgspec
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.crm.records import Record, Ref
from backoffice.sync.facades.finding import CHANGED, CREATED, Finder
from backoffice.sync.facades.keys import sees_everything
from backoffice.sync.facades.shapes import shapes
from backoffice.sync.facades.writing import Writer, known, writer_for
from backoffice.sync.links import ref_plans, referencing
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import Connection, FacadeKey, Link, Option
from backoffice.sync.pushes import converting
from backoffice.sync.rows import rows
from connectors.kit.contract import VendorEntry
from connectors.kit.errors import Invalid, Missing
from connectors.kit.mapping import Entry
from connectors.kit.store import Caller, Query, Slice, Store, Stored


class DomainStore(Store):
    """Made for one request: what it has read once, it doesn't ask for again."""

    def __init__(self, connection: Connection, key: FacadeKey) -> None:
        self.connection = connection
        self.key = key
        self.shapes = shapes(connection.connector)
        self.finder = Finder(connection, key.rep, self.shapes)

    @property
    @override
    def caller(self) -> Caller:
        rep = self.key.rep
        if rep is None:
            return Caller(self.key.vendor_user, is_admin=True)
        return Caller(self.key.vendor_user, str(rep), rep.email or "", is_admin=sees_everything(rep))

    @property
    @override
    def now(self) -> datetime:
        """In whole seconds, as vendors keep time."""
        return timezone.now().replace(microsecond=0)

    @cached_property
    def options(self) -> Options:
        return Options(self.connection)

    @cached_property
    def writer(self) -> Writer:
        return writer_for(self.connection, self.key)

    @override
    def find(self, kind: str, query: Query) -> Slice:
        if kind not in self.shapes:
            return Slice([], 0)
        found = self.finder.narrowed(kind, query)
        end = None if query.limit is None else query.offset + query.limit
        page = self._stored(kind, found[query.offset : end])
        is_whole = not query.offset and (query.limit is None or len(page) < query.limit)
        return Slice(page, len(page) if is_whole else found.order_by().count())

    @override
    def get(self, kind: str, id: str) -> Stored | None:
        link = self._link(kind, id)
        if link is None:
            return None
        return next(iter(self._stored(kind, self.finder.rows(kind).filter(pk=link.object_id))), None)

    @override
    def create(self, kind: str, record: Record) -> str:
        given = self._cleaned(kind, record)
        self._refuse_unseen(kind, given)
        return self.writer.create(kind, given)

    @override
    def update(self, kind: str, id: str, record: Record) -> None:
        stored = self.get(kind, id)
        link = self._link(kind, id)
        if stored is None or link is None:
            raise Missing([_("There is no {kind} {id}.").format(kind=kind, id=id)])
        given = self._cleaned(kind, record)
        self._refuse_unseen(kind, given, stored.record)
        self.writer.update(kind, link, stored.record, given)

    @override
    def entries(self, name: str) -> Sequence[VendorEntry]:
        there = Option.objects.filter(connection=self.connection, list=name, gone_at=None).order_by("id")
        return [VendorEntry(name, each.remote_id, each.label, each.extras) for each in there]

    def _refuse_unseen(self, kind: str, given: Record, shown: Record | None = None) -> None:
        """What a record refers to, its owner may see: nobody comes to see a stranger's by pointing at it.

        What it is shown to refer to already may stay. Raises Invalid, as for what there is not.
        """
        if kind not in self.shapes:
            return
        before = self._references(kind, shown) if shown else set()
        wanted: dict[str, set[str]] = {}
        for target_kind, id in self._references(kind, given) - before:
            wanted.setdefault(target_kind, set()).add(id)
        for target_kind, ids in sorted(wanted.items()):
            for id in sorted(ids - self.finder.seen(target_kind, ids)):
                raise Invalid([_("There is no {kind} {id}.").format(kind=target_kind, id=id)])

    def _references(self, kind: str, record: Record) -> set[tuple[str, str]]:
        refs = ref_plans.plan_of(self.shapes[kind], self.options).refs(record)
        return {(target.kind, ref.id) for target, ref in refs if target.kind and ref.id}

    def _link(self, kind: str, id: str) -> Link | None:
        """Ids that hold the kind of entry are also found by their number alone."""
        if kind not in self.shapes or not id:
            return None
        links = Link.objects.filter(connection=self.connection, kind=kind, gone_at=None)
        return links.filter(remote_id__in=(id, f"{kind}:{id}")).first()

    def _stored(self, kind: str, found: QuerySet[Any]) -> list[Stored]:
        """A page of rows as the vendor would have them, in their order: a fixed number of queries."""
        page = list(found.values_list("pk", CREATED, CHANGED))
        ids = [pk for pk, _created, _changed in page]
        here = rows.read(kind, ids)
        of_page = Link.objects.filter(connection=self.connection, kind=kind, object_id__in=ids)
        links = {link.object_id: link for link in of_page}
        there = self._there(kind, here, links)
        return [
            Stored(
                links[pk].remote_id,
                msgspec.structs.replace(there[pk], created_there=created, changed_there=changed),
            )
            for pk, created, changed in page
            if pk in there and pk in links
        ]

    def _there(self, kind: str, here: Mapping[int, Record], links: Mapping[int, Link]) -> dict[int, Any]:
        mapping = self.shapes[kind]
        worth = converting.as_there(self.connection, mapping, here, links)
        records = {pk: each.record for pk, each in worth.items()}
        found = referencing.to_theirs(self.connection, mapping, records, links, self.options, labels=True)
        return {pk: self._named(kind, theirs) for pk, theirs in found.items()}

    def _named(self, kind: str, theirs: referencing.Theirs) -> Record:
        """With id and label of each entry of a list; what the vendor doesn't know is shown by our name for it."""
        changes: dict[str, Any] = {}
        for part in self.shapes[kind].parts:
            ref = getattr(theirs.record, part.name)
            if ref is None and (ours := theirs.instead.get(part.name)):
                changes[part.name] = Ref(label=ours.get("label", ""))
            elif isinstance(part, Entry) and isinstance(ref, Ref) and not (ref.id and ref.label):
                entry = self.options.entry(part.list, ref)
                changes[part.name] = Ref(entry.id, entry.label) if entry else ref
        record: Record = msgspec.structs.replace(theirs.record, **changes) if changes else theirs.record
        return record

    def _cleaned(self, kind: str, record: Record) -> Record:
        """Without references to nobody: a caller who is an administrator there has no user of their own."""
        nobody = {name: msgspec.UNSET for name, value in known(record).items() if value == Ref()}
        return msgspec.structs.replace(record, **nobody) if nobody else record
