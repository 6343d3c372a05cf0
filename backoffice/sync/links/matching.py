"""Which row a vendor's new record belongs to: only by what belongs to one alone; the rest is suggested to a person.

A record joins a row that is not linked to its connection yet, and no other record of the connection joins that row.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.utils.translation import gettext_noop as _
from msgspec import UNSET

from backoffice.changes.registry import model_of
from backoffice.crm.records import Record
from backoffice.imports.merging import loading
from backoffice.imports.merging.companies import domains
from backoffice.sync.links.shared_keys import is_generic_tax_id, is_role_mailbox, is_shared_domain
from backoffice.sync.models import Connection, Suggestion

SAME_EMAIL = _("the same email")
SAME_TAX_ID = _("the same tax id")
SAME_DOMAIN = _("the same website")
SAME_ID = _("the same ID")
SAME_NAME = _("the same name")
LIKE_NAME = _("a name like it")


class Several(NamedTuple):
    """Rows it may belong to, none of which it may simply join: several, or one that is another record's already."""

    ids: tuple[int, ...]
    reason: str


type Match = int | Several | None


class Key(NamedTuple):
    """A strong key of a kind: the values a record has of it, and the rows that have them, not archived."""

    reason: str
    of: Callable[[Any], Iterable[str]]
    statement: str  # answers (value, id) for the values given
    # What is really compared of the values; those that tell nothing are left out.
    bare: Callable[[Iterable[str]], Mapping[str, str]] | None = None


ROWS = "SELECT {column}, id FROM {table} WHERE {column} = ANY(%s) {and_also} ORDER BY id"
NOT_ARCHIVED = "AND archived_at IS NULL"


def match(connection: Connection, kind: str, items: Sequence[tuple[str, Record]]) -> dict[str, Match]:
    """For each of the vendor's records (its id, the record with our references) the row it belongs to.

    Until the transaction ends nobody else matches and creates records of the kind.
    """
    found: dict[str, Match] = dict.fromkeys(remote_id for remote_id, _ in items)
    keys = KEYS.get(kind, ())
    if not keys or not items:
        return found
    loading.lock_kinds(kind)
    hits = _hits(keys, items)
    taken = _linked(connection, kind, {id for ids in hits.values() for id in ids})
    for remote_id, record_hits in hits.items():
        free = {id: reason for id, reason in record_hits.items() if id not in taken}
        if len(free) == 1 and len(record_hits) == 1:
            (found[remote_id],) = free
            taken |= free.keys()
        elif record_hits:
            found[remote_id] = Several(tuple(record_hits), next(iter(record_hits.values())))
    return found


def _hits(keys: Sequence[Key], items: Sequence[tuple[str, Record]]) -> dict[str, dict[int, str]]:
    """The rows each record may belong to, with why. One query for each key."""
    hits: dict[str, dict[int, str]] = defaultdict(dict)
    for key in keys:
        values = {remote_id: set(key.of(record)) for remote_id, record in items}
        if key.bare:
            bare = key.bare(set().union(*values.values()))
            values = {id: {bare[value] for value in of_record if value in bare} for id, of_record in values.items()}
        wanted = sorted(set().union(*values.values()))
        rows: dict[str, list[int]] = defaultdict(list)
        for value, id in loading.rows(key.statement, [wanted]) if wanted else ():
            rows[value].append(id)
        for remote_id, of_record in values.items():
            for value in sorted(of_record):
                for id in rows.get(value, ()):
                    hits[remote_id].setdefault(id, key.reason)
    return hits


def _linked(connection: Connection, kind: str, ids: set[int]) -> set[int]:
    statement = "SELECT object_id FROM sync_link WHERE connection_id = %s AND kind = %s AND object_id = ANY(%s)"
    return {id for (id,) in loading.rows(statement, [connection.pk, kind, list(ids)])} if ids else set()


def _text(record: Any, field: str) -> str:
    value = getattr(record, field)
    return "" if value is UNSET or value is None else str(value).strip()


def _emails(record: Any) -> Iterable[str]:
    """All of the record's; of ours the first is looked at."""
    if record.emails is UNSET:
        return
    for email in record.emails or ():
        address = email.address.strip().lower()
        if address and not is_role_mailbox(address):
            yield address


def _tax_ids(record: Any) -> Iterable[str]:
    """As it stands, and without what people put between."""
    given = _text(record, "tax_id")
    bare = "".join(letter for letter in given.upper() if letter.isalnum())
    if not is_generic_tax_id(bare):
        yield from {given, given.upper(), bare}


def _websites(record: Any) -> Iterable[str]:
    """Also the domain of its own mail: not every vendor shows a website. Of ours the website is looked at."""
    website = _text(record, "website")
    if website:
        yield website
    for email in record.emails or () if record.emails is not UNSET else ():
        domain = email.address.strip().lower().rpartition("@")[2]
        if domain:
            yield domain


def _own_domains(websites: Iterable[str]) -> Mapping[str, str]:
    return {website: domain for website, domain in domains(websites).items() if not is_shared_domain(domain)}


def _external_ids(record: Any) -> Iterable[str]:
    given = _text(record, "external_id")
    if given:
        yield given


def _names(record: Any) -> Iterable[str]:
    name = _text(record, "name")
    if name:
        yield name


def _by_id(kind: str) -> Key:
    """Archived rows too: the table takes an ID but once."""
    return Key(SAME_ID, _external_ids, ROWS.format(column="external_id", table=f"crm_{kind}", and_also=""))


KEYS: Mapping[str, Sequence[Key]] = {
    "account": (
        _by_id("account"),
        Key(SAME_TAX_ID, _tax_ids, ROWS.format(column="tax_id", table="crm_account", and_also=NOT_ARCHIVED)),
        Key(
            SAME_DOMAIN,
            _websites,
            ROWS.format(column="domain", table="crm_account", and_also=NOT_ARCHIVED),
            bare=_own_domains,
        ),
    ),
    "contact": (Key(SAME_EMAIL, _emails, ROWS.format(column="email", table="crm_contact", and_also=NOT_ARCHIVED)),),
    "opportunity": (_by_id("opportunity"),),
    "product": (_by_id("product"),),
    "tag": (  # a tag is its name
        Key(
            SAME_NAME,
            _names,
            "SELECT given, tag.id FROM unnest(%s::text[]) AS given JOIN crm_tag AS tag ON tag.name_key = fold(given)",
        ),
    ),
}


def note(connection: Connection, kind: str, alike: Mapping[int, Several]) -> None:
    """Suggest to a person that these rows, made for a vendor's records, may be the ones they resemble."""
    Suggestion.objects.bulk_create(
        [
            Suggestion(connection=connection, kind=kind, object_id=id, like_id=like_id, reason=several.reason)
            for id, several in alike.items()
            for like_id in several.ids[:MOST_ALIKE]
            if like_id != id
        ],
        ignore_conflicts=True,
    )


MOST_ALIKE = 3
MOST_LOOKED_AT = 3
# Of the new name's trigrams, the share that the other's text must have. Among 20,000 accounts a look took 14 ms at the
# usual 0.6, and 3 ms at 0.8, which misses names with a slip of the pen.
ALIKE_ENOUGH = "0.7"
NAMED = ("account", "contact")
# Rows of the same folded name that are not this connection's; of contacts only at the same company, or at none known.
SAME_NAMES = """
    SELECT new.id, other.id FROM {table} AS new
    CROSS JOIN LATERAL (
        SELECT there.id FROM {table} AS there
        WHERE there.name_key = new.name_key AND there.id <> new.id AND there.archived_at IS NULL {and_also}
        AND NOT EXISTS (
            SELECT FROM sync_link WHERE connection_id = %(connection)s AND kind = %(kind)s AND object_id = there.id
        )
        ORDER BY there.id LIMIT {most}
    ) AS other
    WHERE new.id = ANY(%(ids)s) AND new.name_key <> ''
"""
SAME_COMPANY = "AND (there.account_id = new.account_id OR there.account_id IS NULL OR new.account_id IS NULL)"
LIKE_NAMES = """
    SELECT new.id, other.id FROM {table} AS new
    CROSS JOIN LATERAL (
        SELECT there.id FROM {table} AS there
        WHERE there.search %%> new.name_key AND similarity(there.name_key, new.name_key) >= 0.6
        AND there.id <> new.id AND there.archived_at IS NULL {and_also}
        AND NOT EXISTS (
            SELECT FROM sync_link WHERE connection_id = %(connection)s AND kind = %(kind)s AND object_id = there.id
        )
        ORDER BY similarity(there.name_key, new.name_key) DESC, there.id LIMIT {most}
    ) AS other
    WHERE new.id = ANY(%(ids)s) AND length(new.name_key) >= 5
"""


def suggest(connection: Connection, kind: str, object_ids: Sequence[int]) -> int:
    """Look for rows that new ones resemble by name, and note them for a person; how many rows resemble one.

    Equal names are looked for all; similar ones, which cost more, for a few of each page only.
    """
    if kind not in NAMED or not object_ids:
        return 0
    alike = _resembling(SAME_NAMES, connection, kind, list(object_ids), SAME_NAME)
    others = [id for id in object_ids if id not in alike][:MOST_LOOKED_AT]
    if others:
        loading.rows("SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)", [ALIKE_ENOUGH])
        alike |= _resembling(LIKE_NAMES, connection, kind, others, LIKE_NAME)
    note(connection, kind, alike)
    return len(alike)


def _resembling(statement: str, connection: Connection, kind: str, ids: list[int], reason: str) -> dict[int, Several]:
    found: dict[int, list[int]] = defaultdict(list)
    text = statement.format(
        table=model_of(kind)._meta.db_table, and_also=SAME_COMPANY if kind == "contact" else "", most=MOST_ALIKE
    )
    for id, like_id in loading.rows(text, {"connection": connection.pk, "kind": kind, "ids": ids}):
        found[id].append(like_id)
    return {id: Several(tuple(like_ids), reason) for id, like_ids in found.items()}
