"""Contacts by email, with their account, owner, and the opportunities they take part in."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, override

from backoffice.crm.models import Contact
from backoffice.crm.models.contacts import SHOWN_NAME
from backoffice.imports.faults import Fault, shown
from backoffice.imports.merging import loading, opportunity_links
from backoffice.imports.merging.companies import NO_COMPANY, Accounts, AccountUpdates, Company, Naming
from backoffice.imports.merging.merger import (
    KEEP,
    UPDATED,
    Difference,
    Key,
    Merger,
    OnlyNew,
    Over,
    Part,
    Records,
    Source,
    Target,
    Wish,
    stronger,
)
from backoffice.imports.merging.opportunity_links import Opening, Opportunities
from backoffice.imports.merging.references import Answer, Person, Reps
from backoffice.imports.reading.parsing import Parsed
from backoffice.imports.resources.contacts import ContactResource
from backoffice.imports.resources.reaching import MOBILE, OFFICE, Phones

FILE = ContactResource.columns()
PLACE = {name: place for place, name in enumerate(FILE)}
OPPORTUNITY_ID, EMAIL, FULL_NAME = PLACE["opportunity_id"], PLACE["email"], PLACE["full_name"]
PARTS = tuple(PLACE[name] for name in ("given", "family", "second_family"))
TITLE, COMPANY_NAME, ACCOUNT_ID = PLACE["title"], PLACE["company_name"], PLACE["account_id"]
OWNER_NAME, OWNER_EMAIL = PLACE["owner_name"], PLACE["owner_email"]
PHONES = {"phone": OFFICE, "mobile": MOBILE}

SOURCES: Mapping[str, Source] = {
    "name": Source(("full_name",), ""),
    "given": Source(("given",), ""),
    "family": Source(("family",), ""),
    "second_family": Source(("second_family",), ""),
    "job_title": Source(("title",), ""),
    "company_name": Source(("company_name",), ""),
    "account_id": Source(("account_id", "company_name"), None),
    "emails": Source(("email",), [], in_parts=True),
    "phones": Source(tuple(PHONES), [], in_parts=True),
    "owner_id": Source(("owner_email", "owner_name"), None),
}
TABLE = tuple(SOURCES)
NAME, ACCOUNT = TABLE.index("name"), TABLE.index("account_id")
NAME_PARTS = slice(TABLE.index("given"), TABLE.index("second_family") + 1)

HERE = f"""
    SELECT email, id, {SHOWN_NAME}, company_name, account_id IS NOT NULL FROM crm_contact
    WHERE email = ANY(%s) AND archived_at IS NULL ORDER BY id
"""


class Hit(NamedTuple):
    """A contact that has the email of a row."""

    id: int
    name: str


class Stands(NamedTuple):
    """What a contact has, or will have when the rows so far are written."""

    company_name: str
    has_account: bool


class AccountOfOpportunity(Over):
    """Taken with a new link to the opportunity. Later on it only fills a gap: whoever gave another account meant it."""

    __slots__ = ("id", "is_new")

    def __init__(self, id: int, *, is_new: bool) -> None:
        self.id, self.is_new = id, is_new

    @override
    def over(self, was: Any) -> Any:
        return self.id if self.is_new else was or self.id


class Said:
    """What a row says beside the contact's own columns."""

    __slots__ = ("company", "is_new_link", "opening")

    def __init__(self, opening: Opening | None, company: Company) -> None:
        self.opening = opening
        self.company = company
        self.is_new_link = False


class ContactLoader(Merger):
    """See `backoffice.imports.kinds.Loader`."""

    word = "contact"
    model = Contact
    file = FILE
    sources = SOURCES
    locks = ("account", "contact", "rep")
    places: ClassVar[Mapping[str, tuple[int, ...]]] = {"rep": (TABLE.index("owner_id"),), "account": (ACCOUNT,)}

    @override
    def make_parts(self) -> dict[str, Part]:
        self.here: dict[str, list[Hit]] = {}
        self.stands: dict[str, Stands] = {}
        self.opportunities = Opportunities(str(FILE["opportunity_id"].header))
        self.reps = Reps(str(FILE["owner_name"].header), str(FILE["owner_email"].header))
        self.accounts = Accounts(
            str(FILE["account_id"].header),
            str(FILE["company_name"].header),
            update=self.options.update_accounts,
            name_is_enough=True,
            discretion=self.discretion,
        )
        return {"rep": self.reps, "account": self.accounts}

    @override
    def prepare(self, rows: Sequence[list[Any]]) -> None:
        self.here, self.stands = {}, {}
        for email, id, name, *stands in loading.rows(HERE, [list({cells[EMAIL] for cells in rows})]):
            self.here.setdefault(email, []).append(Hit(id, name))
            self.stands[email] = Stands(*stands)
        self.opportunities.prepare({cells[OPPORTUNITY_ID] for cells in rows})
        self.reps.prepare({Person(cells[OWNER_EMAIL], cells[OWNER_NAME]) for cells in rows})
        self.accounts.prepare({Company(cells[ACCOUNT_ID], cells[COMPANY_NAME], None) for cells in rows})

    @override
    def wishes(self, row: Parsed) -> list[Wish]:
        cells = row.values
        opening, unknown = self.opportunities.find(cells[OPPORTUNITY_ID])
        company = self._company(cells, opening)
        (owner, owner_fault), (account, account_fault) = self._referred(cells, company)
        row.faults = _those(unknown, self._several(cells[EMAIL]), owner_fault, account_fault)
        if row.faults:
            return []
        self.reps.keep(owner)
        self.accounts.keep(account, company)
        self._note(cells, account=bool(account or (opening and opening.account_id)))
        values = [
            cells[FULL_NAME],
            *(cells[place] for place in PARTS),
            cells[TITLE],
            cells[COMPANY_NAME],
            KEEP if account is None and cells[COMPANY_NAME] else account,
            OnlyNew([{"address": cells[EMAIL]}]),
            self._phones(cells),
            owner,
        ]
        return [Wish(row, values, Said(opening, company))]

    @override
    def misses(self, row: Parsed) -> list[Fault]:
        cells = row.values
        opening, unknown = self.opportunities.find(cells[OPPORTUNITY_ID])
        owner, account = self._referred(cells, self._company(cells, opening))
        return _those(unknown, self._several(cells[EMAIL]), owner.fault, account.fault)

    def _referred(self, cells: Sequence[Any], company: Company) -> tuple[Answer, Answer]:
        return self.reps.find(Person(cells[OWNER_EMAIL], cells[OWNER_NAME])), self.accounts.find(company)

    def _several(self, email: str) -> Fault | None:
        hits = self.here.get(email, ())
        if len(hits) < 2:
            return None
        names = self.discretion.listed(Contact, {hit.id: f"{hit.name or email} (#{hit.id})" for hit in hits})
        return Fault("several_contacts", str(FILE["email"].header), {"value": shown(email), "hits": names})

    def _company(self, cells: Sequence[Any], opening: Opening | None) -> Company:
        """The account the row itself names. An opportunity brings its own, and a company that the contact has
        already says nothing new: it may since have been given to another account, or this one another name.
        """
        if not cells[ACCOUNT_ID]:
            if opening and opening.account_id:
                return NO_COMPANY
            stands = self.stands.get(cells[EMAIL])
            if stands and stands.has_account and stands.company_name == cells[COMPANY_NAME]:
                return NO_COMPANY
        return Company(cells[ACCOUNT_ID], cells[COMPANY_NAME], None)

    def _note(self, cells: Sequence[Any], *, account: bool) -> None:
        """What the rows after this one find."""
        was = self.stands.get(cells[EMAIL], Stands("", has_account=False))
        if not cells[COMPANY_NAME] and self.clears("company_name"):
            was = Stands("", has_account=False)
        self.stands[cells[EMAIL]] = Stands(cells[COMPANY_NAME] or was.company_name, account or was.has_account)

    def _phones(self, cells: Sequence[Any]) -> Phones | None:
        said = [(kind, cells[PLACE[name]]) for name, kind in PHONES.items() if cells[PLACE[name]] or self.clears(name)]
        return Phones(said) if said else None

    @override
    def key_of(self, wish: Wish) -> Key:
        return str(wish.row.values[EMAIL])

    @override
    def found(self, keys: set[Key]) -> dict[Key, tuple[int, list[Any]]]:
        emails = {hits[0].id: email for email, hits in self.here.items() if email in keys}
        here = loading.current(Contact, TABLE, "id", list(emails)) if emails else []
        return {emails[id]: (id, values) for id, _, *values in here}

    @override
    def relate(self, targets: Sequence[Target]) -> None:
        said = [(target, wish) for target in targets for wish in target.wishes if wish.extra.opening]
        there = {(wish.extra.opening.id, target.id) for target, wish in said if target.id}
        seen: set[tuple[int, Key]] = {
            (opportunity, contact) for opportunity, contact in opportunity_links.linked(there)
        }
        for target, wish in said:
            opening = wish.extra.opening
            pair = (opening.id, target.id or target.key)
            wish.extra.is_new_link = pair not in seen
            seen.add(pair)
            if opening.account_id and not wish.row.values[ACCOUNT_ID]:
                wish.values[ACCOUNT] = AccountOfOpportunity(opening.account_id, is_new=wish.extra.is_new_link)

    @override
    def agree(self, wish: Wish, before: Sequence[Any], values: list[Any]) -> None:
        """Where Fullname is blank, First and Last Name stand for it: no old one is to hide them."""
        is_blank = "full_name" in self.positions and not wish.row.values[FULL_NAME]
        if is_blank and values[NAME_PARTS] != before[NAME_PARTS] and _is_made_of(values[NAME], before[NAME_PARTS]):
            values[NAME] = ""

    @override
    def link(self, targets: Sequence[Target]) -> Records:
        said = [(wish, target.id) for target in targets for wish in target.wishes if wish.extra.is_new_link]
        said.sort(key=lambda one: one[0].row.number)  # at an opportunity they stand as in the file
        for wish, _ in said:
            wish.outcome = stronger(wish.outcome, UPDATED)
            wish.row.wrote("opportunity", wish.extra.opening.id)
            if self.keeps_differences:
                wish.differences.append(Difference("opportunity_id", None, wish.row.values[OPPORTUNITY_ID]))
        pairs = [(wish.extra.opening.id, contact) for wish, contact in said]
        records: Records = {"opportunity_contact": {"new": opportunity_links.link(pairs)}}
        if self.options.update_accounts:
            records["account"] = {"updated": self._update_accounts(targets)}
        return records

    def _update_accounts(self, targets: Sequence[Target]) -> int:
        updates = AccountUpdates(self.accounts)
        updates.keeps_differences = self.keeps_differences
        wishes = (wish for target in targets for wish in target.wishes if any(wish.extra.company))
        return updates.bring(Naming(wish, wish.values[ACCOUNT], wish.extra.company) for wish in wishes)


def _those(*faults: Fault | None) -> list[Fault]:
    return [fault for fault in faults if fault]


def _is_made_of(name: str, parts: Sequence[str]) -> bool:
    return name.casefold().split() == " ".join(parts).casefold().split()
