"""What a facade's write comes to: sent to the vendor first, done here alone once it is retired, or refused.

While the vendor is there, it decides: its id or its error is the answer, and what it has then is taken in here like
what a pull brings. A crash between the two loses nothing: the next pull brings it.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any, override
from uuid import uuid4

import msgspec
import structlog
from django.db import DatabaseError
from django.db import connection as database
from django.utils import timezone
from django.utils.translation import gettext as _
from msgspec import UNSET

from backoffice.changes.acting import Door, acting
from backoffice.crm.records import Record, Ref
from backoffice.sync.calls import connecting
from backoffice.sync.links import linking, referencing
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import Connection, ConnectionState, FacadeKey, HighestId, Link, Option
from backoffice.sync.pulls import taking
from backoffice.sync.pulls.joining import is_of_the_whole, refused_by_database
from backoffice.sync.pushes.outbox import capability_for
from backoffice.sync.rows import rows
from connectors.kit.contract import Capability, Connector, Item, Meaning
from connectors.kit.errors import Forbidden, Invalid, Unavailable
from connectors.kit.mapping import Entry
from connectors.kit.mapping import Mapping as RecordMapping

logger = structlog.get_logger(__name__)


class Writer(ABC):
    """One caller's writes. Records have the vendor's references. Raises the errors of `connectors.kit.errors`."""

    def __init__(self, connection: Connection, key: FacadeKey) -> None:
        self.connection = connection
        self.key = key

    @abstractmethod
    def create(self, kind: str, record: Record) -> str: ...

    @abstractmethod
    def update(self, kind: str, link: Link, shown: Record, given: Record) -> None:
        """`shown` is what the caller sees of the record now, `given` what is to be changed."""

    def acting(self) -> AbstractContextManager[None]:
        """As the rep behind the key; what changes came over this connection, and is no push to it."""
        rep = self.key.rep
        who = f"{self.connection.name}: {rep}" if rep else self.connection.name
        user = rep.user if rep else None
        return acting(user, Door.FACADE, connection=self.connection.pk, label="" if user else who)


def writer_for(connection: Connection, key: FacadeKey) -> Writer:
    if connection.state == ConnectionState.RETIRED:
        return Alone(connection, key)
    if not connection.pushes:
        return Refusing(connection, key)
    return Forwarding(connection, key) if connection.state == ConnectionState.ACTIVE else Waiting(connection, key)


class Refusing(Writer):
    """We only read from this vendor: its data is not ours to change."""

    @override
    def create(self, kind: str, record: Record) -> str:
        raise self._refusal()

    @override
    def update(self, kind: str, link: Link, shown: Record, given: Record) -> None:
        raise self._refusal()

    def _refusal(self) -> Forbidden:
        return Forbidden([_("“{name}” is only read from.").format(name=self.connection.name)])


class Waiting(Writer):
    """Paused: the vendor is not to be called now."""

    @override
    def create(self, kind: str, record: Record) -> str:
        raise self._refusal()

    @override
    def update(self, kind: str, link: Link, shown: Record, given: Record) -> None:
        raise self._refusal()

    def _refusal(self) -> Unavailable:
        return Unavailable(_("“{name}” is paused.").format(name=self.connection.name))


class Forwarding(Writer):
    """To the vendor first."""

    @override
    def create(self, kind: str, record: Record) -> str:
        capability = self._capability(kind)
        if not capability.create:
            raise Forbidden([_("{vendor} takes no new {kind}.").format(vendor=self.connection.vendor, kind=kind)])
        record = self._without_strangers(capability.mapping, record)
        connector = connecting.open_connector(self.connection)
        receipt = connector.create(kind, record)
        self._take_in(connector, capability, receipt.id, record)
        return receipt.id

    @override
    def update(self, kind: str, link: Link, shown: Record, given: Record) -> None:
        capability = self._capability(kind)
        if not capability.update:
            raise Forbidden([_("{vendor} changes no {kind}.").format(vendor=self.connection.vendor, kind=kind)])
        given = self._without_strangers(capability.mapping, given)
        changed = frozenset(known(given)) & capability.mapping.takes
        if not changed:
            return
        whole = msgspec.structs.replace(shown, **known(given))
        connector = connecting.open_connector(self.connection)
        connector.update(kind, link.remote_id, whole, changed)
        self._take_in(connector, capability, link.remote_id, whole)

    def _capability(self, kind: str) -> Capability:
        capability = capability_for(self.connection, kind)
        if capability is None:
            raise Forbidden([_("{vendor} takes no {kind}.").format(vendor=self.connection.vendor, kind=kind)])
        return capability

    def _without_strangers(self, mapping: RecordMapping[Any], record: Record) -> Record:
        """The caller is nobody there yet: the vendor puts in whoever our own credentials belong to."""
        options = Options(self.connection)
        caller = Ref(id=self.key.vendor_user)
        strange = {
            part.name: UNSET
            for part in mapping.parts
            if isinstance(part, Entry)
            and getattr(record, part.name) == caller
            and options.entry(part.list, caller) is None
        }
        return msgspec.structs.replace(record, **strange) if strange else record

    def _take_in(self, connector: Connector, capability: Capability, id: str, sent: Record) -> None:
        """The vendor has it: whatever happens here now, that is what the caller is told."""
        kind = capability.mapping.kind
        try:
            item = connector.view(kind, id) if capability.view else None
            if item is None:
                item = Item(kind, id, capability.mapping.encode(sent), capability.mapping)
            with self.acting():
                taking.take_in(self.connection, [item])
        except Exception as error:
            logger.warning(
                "facade_write_not_taken_in", connection=self.connection.name, kind=kind, id=id, exc_info=error
            )


NEXT_ID = f"""
INSERT INTO {HighestId._meta.db_table} AS known (connection_id, kind, last)
SELECT %(connection)s, %(kind)s, 1 + COALESCE(max(substring(remote_id FROM '[0-9]{{1,18}}$')::bigint), 0)
FROM {Link._meta.db_table} WHERE connection_id = %(connection)s AND kind = %(kind)s
ON CONFLICT (connection_id, kind) DO UPDATE SET last = GREATEST(known.last + 1, EXCLUDED.last)
RETURNING last
"""


class Alone(Writer):
    """The vendor is gone: here, and nowhere else. New ids go on above the highest it ever gave."""

    def __init__(self, connection: Connection, key: FacadeKey) -> None:
        super().__init__(connection, key)
        self.options = Options(connection)

    @override
    def create(self, kind: str, record: Record) -> str:
        mapping = self._mapping(kind)
        now = timezone.now().replace(microsecond=0)
        record = msgspec.structs.replace(
            record, created_there=record.created_there or now, changed_there=record.changed_there or now
        )
        with self.acting():
            agreed, ours, _unmapped = self._ours(mapping, record)
            self._check(kind, ours, is_new=True)
            try:
                (object_id,) = rows.insert(kind, [ours])
            except DatabaseError as error:
                raise self._refused(error) from error
            id = self._next_id(mapping)
            base = referencing.plain(mapping, agreed)
            linking.make(
                self.connection, kind, [linking.NewLink(id, object_id, base, b"", mapping.version, is_stub=False)]
            )
        return id

    @override
    def update(self, kind: str, link: Link, shown: Record, given: Record) -> None:
        mapping = self._mapping(kind)
        changed = {name for name, value in known(given).items() if value != getattr(shown, name)}
        record = msgspec.structs.replace(
            given,
            created_there=UNSET,
            changed_there=given.changed_there or timezone.now().replace(microsecond=0),
            **{name: UNSET for name in known(given).keys() - changed if name != "changed_there"},
        )
        with self.acting():
            agreed, ours, unmapped = self._ours(mapping, record)
            self._check(kind, ours, is_new=False)
            changes = known(ours) | dict.fromkeys(unmapped)
            try:
                rows.update(kind, {link.object_id: changes})
            except DatabaseError as error:
                raise self._refused(error) from error
            if unmapped:  # what means nothing here is kept as it was said
                here = Link.objects.select_for_update().get(pk=link.pk)
                said = referencing.plain(mapping, agreed)
                here.base = here.base | {name: said.get(name) for name in unmapped}
                here.save(update_fields=["base"])

    def _mapping(self, kind: str) -> RecordMapping[Any]:
        for capability in self.connection.connector.capabilities.values():
            if capability.mapping.kind == kind:
                return capability.mapping
        raise Forbidden([_("{vendor} takes no {kind}.").format(vendor=self.connection.vendor, kind=kind)])

    def _ours(self, mapping: RecordMapping[Any], record: Record) -> tuple[Record, Record, list[str]]:
        """The record with the vendor's references in full, with ours, and which of its fields mean nothing here."""
        self._know_the_caller(mapping, record)
        said: dict[str, Any] = {}
        for part in mapping.parts:
            ref = getattr(record, part.name)
            if isinstance(part, Entry) and isinstance(ref, Ref):
                entry = self.options.entry(part.list, ref)
                if entry is None:
                    raise Invalid([_("There is no “{value}” in that list.").format(value=ref.label or ref.id)])
                said[part.name] = Ref(entry.id, entry.label)
        record = msgspec.structs.replace(record, **said) if said else record
        ours = referencing.to_ours(self.connection, [referencing.Neutral(mapping, "", record)], self.options)
        if ours.unresolved:
            missing = ours.unresolved[0]
            raise Invalid([_("There is no {kind} {id}.").format(kind=missing.kind, id=missing.remote_id)])
        return record, ours.records[0], [each.field for each in ours.unmapped]

    def _know_the_caller(self, mapping: RecordMapping[Any], record: Record) -> None:
        """A rep whom the vendor never knew works on in its world: as one of its users."""
        caller, rep = Ref(id=self.key.vendor_user), self.key.rep
        if rep is None:
            return
        users = {each.name for each in self.connection.connector.lists if each.meaning is Meaning.REP}
        unknown = {
            part.list
            for part in mapping.parts
            if isinstance(part, Entry)
            and part.list in users
            and getattr(record, part.name) == caller
            and self.options.entry(part.list, caller) is None
        }
        for name in sorted(unknown):
            Option.objects.create(
                connection=self.connection, list=name, remote_id=caller.id, label=str(rep), rep=rep, is_chosen=True
            )
        if unknown:
            self.options = Options(self.connection)

    def _check(self, kind: str, record: Record, *, is_new: bool) -> None:
        reason = rows.refusal(kind, record, is_new=is_new)
        if reason:
            raise Invalid([reason])

    def _refused(self, error: DatabaseError) -> Exception:
        return error if is_of_the_whole(error) else Invalid([refused_by_database(error)])

    def _next_id(self, mapping: RecordMapping[Any]) -> str:
        """Never given before; two callers at once wait for each other. Of a vendor that has no numbers: at random."""
        links = Link.objects.filter(connection=self.connection, kind=mapping.kind)
        if links.exists() and not links.filter(remote_id__regex=r"^([a-z ]+:)?[0-9]{1,18}$").exists():
            return str(uuid4())
        with database.cursor() as cursor:
            cursor.execute(NEXT_ID, {"connection": self.connection.pk, "kind": mapping.kind})
            number = cursor.fetchone()[0]
        return mapping.id_of({mapping.id: number})


def known(record: Record, names: Collection[str] | None = None) -> dict[str, Any]:
    """The fields that are set."""
    every = record.__struct_fields__ if names is None else names
    return {name: value for name in every if (value := getattr(record, name)) is not UNSET}
