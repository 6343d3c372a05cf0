"""Accounts by Account ID, else by website, else by name."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, override

from backoffice.crm.models import Account
from backoffice.imports.faults import Fault
from backoffice.imports.merging import loading
from backoffice.imports.merging.companies import Accounts, Company
from backoffice.imports.merging.merger import Key, Merger, OnlyNew, Part, Source, Wish
from backoffice.imports.merging.references import Answer, Choices, Person, Reps
from backoffice.imports.reading.parsing import Parsed
from backoffice.imports.resources.accounts import AccountResource
from backoffice.imports.resources.reaching import OFFICE, Address, AddressPart, Phones

FILE = AccountResource.columns()
PLACE = {name: place for place, name in enumerate(FILE)}
ACCOUNT_ID, NAME, WEBSITE = PLACE["account_id"], PLACE["name"], PLACE["website"]
OWNER_NAME, OWNER_EMAIL = PLACE["owner_name"], PLACE["owner_email"]
TYPE, INDUSTRY, TAX_ID, PHONE = PLACE["type"], PLACE["industry"], PLACE["tax_id"], PLACE["phone"]
ADDRESS = {name: column.widget for name, column in FILE.items() if isinstance(column.widget, AddressPart)}

SOURCES: Mapping[str, Source] = {
    "name": Source(("name",), ""),
    "external_id": Source(("account_id",), None),
    "website": Source(("website",), ""),
    "owner_id": Source(("owner_email", "owner_name"), None),
    "phones": Source(("phone",), [], in_parts=True),
    "type_id": Source(("type",), None),
    "industry_id": Source(("industry",), None),
    "tax_id": Source(("tax_id",), ""),
    "addresses": Source(tuple(ADDRESS), [], in_parts=True),
}
TABLE = tuple(SOURCES)


class AccountLoader(Merger):
    """See `backoffice.imports.kinds.Loader`. Which account a row means is known before those to be made are made."""

    word = "account"
    model = Account
    file = FILE
    sources = SOURCES
    locks = ("account", "choice", "rep")
    places: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "account_type": (TABLE.index("type_id"),),
        "industry": (TABLE.index("industry_id"),),
        "rep": (TABLE.index("owner_id"),),
    }

    @override
    def make_parts(self) -> dict[str, Part]:
        self.types, self.industries = Choices("account_type"), Choices("industry")
        self.reps = Reps(str(FILE["owner_name"].header), str(FILE["owner_email"].header))
        headers = str(FILE["account_id"].header), str(FILE["name"].header)
        self.accounts = Accounts(*headers, update=True, discretion=self.discretion)
        return {"account_type": self.types, "industry": self.industries, "rep": self.reps}

    @override
    def prepare(self, rows: Sequence[list[Any]]) -> None:
        self.types.prepare({cells[TYPE] for cells in rows})
        self.industries.prepare({cells[INDUSTRY] for cells in rows})
        self.reps.prepare({Person(cells[OWNER_EMAIL], cells[OWNER_NAME]) for cells in rows})
        self.accounts.forget()
        self.accounts.prepare({Company(cells[ACCOUNT_ID], cells[NAME], cells[WEBSITE]) for cells in rows})

    @override
    def wishes(self, row: Parsed) -> list[Wish]:
        cells = row.values
        company = Company(cells[ACCOUNT_ID], cells[NAME], cells[WEBSITE])
        (account, _), (owner, _) = answers = self._referred(cells, company)
        row.faults = [answer.fault for answer in answers if answer.fault]
        if row.faults:
            return []
        type_, industry = self.types.find(cells[TYPE]).id, self.industries.find(cells[INDUSTRY]).id
        self.types.keep(type_)
        self.industries.keep(industry)
        self.reps.keep(owner)
        self.accounts.keep(account, company)
        given = self.accounts.id_given(company)
        values = [
            cells[NAME],
            OnlyNew(given) if given else None,
            cells[WEBSITE],
            owner,
            Phones([(OFFICE, cells[PHONE])]) if cells[PHONE] or self.clears("phone") else None,
            type_,
            industry,
            cells[TAX_ID],
            self._address(cells),
        ]
        return [Wish(row, values, account)]

    @override
    def misses(self, row: Parsed) -> list[Fault]:
        cells = row.values
        company = Company(cells[ACCOUNT_ID], cells[NAME], cells[WEBSITE])
        return [answer.fault for answer in self._referred(cells, company) if answer.fault]

    def _referred(self, cells: Sequence[Any], company: Company) -> tuple[Answer, Answer]:
        return self.accounts.find(company), self.reps.find(Person(cells[OWNER_EMAIL], cells[OWNER_NAME]))

    def _address(self, cells: Sequence[Any]) -> Address | None:
        said = [(part, cells[PLACE[name]]) for name, part in ADDRESS.items() if cells[PLACE[name]] or self.clears(name)]
        return Address(said) if said else None

    @override
    def key_of(self, wish: Wish) -> Key:
        return int(wish.extra)

    @override
    def found(self, keys: set[Key]) -> dict[Key, tuple[int, list[Any]]]:
        """Numbers below nought are accounts yet to be made."""
        ids = [key for key in keys if isinstance(key, int) and key > 0]
        here = loading.current(Account, TABLE, "id", ids) if ids else []
        return {id: (id, values) for id, _, *values in here}
