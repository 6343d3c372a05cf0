"""Opportunities by Opportunity ID, with their owner, account, stage and type."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, override

from backoffice.crm.models import Opportunity
from backoffice.imports.faults import Fault
from backoffice.imports.merging import loading
from backoffice.imports.merging.companies import Accounts, AccountUpdates, Company, Naming
from backoffice.imports.merging.merger import Key, Merger, Part, Records, Source, Target, Wish
from backoffice.imports.merging.references import Answer, Choices, Person, Reps, uids_in
from backoffice.imports.reading.parsing import Parsed
from backoffice.imports.resources.opportunities import OpportunityResource

FILE = OpportunityResource.columns()
PLACE = {name: place for place, name in enumerate(FILE)}
KEY, NAME, AMOUNT, CURRENCY = (PLACE[name] for name in ("opportunity_id", "name", "amount", "currency"))
CLOSE_DATE, STAGE, TYPE, NEXT_STEP = (PLACE[name] for name in ("close_date", "stage", "type", "next_step"))
OWNER_EMAIL, OWNER_NAME = PLACE["owner_email"], PLACE["owner_name"]
ACCOUNT_ID, ACCOUNT_NAME, WEBSITE = (PLACE[name] for name in ("account_id", "account_name", "website"))

SOURCES: Mapping[str, Source] = {
    "name": Source(("name",), ""),
    "amount": Source(("amount",), None),
    "currency": Source(("currency", "amount"), ""),
    "close_date": Source(("close_date",), None),
    "stage_id": Source(("stage",), None),
    "stage_system": Source(("stage",), ""),
    "type_id": Source(("type",), None),
    "owner_id": Source(("owner_email", "owner_name"), None),
    "account_id": Source(("account_id", "account_name", "website"), None),
    "next_step": Source(("next_step",), ""),
}
TABLE = tuple(SOURCES)
ACCOUNT = TABLE.index("account_id")
STAGE_ID, STAGE_AS_SENT = TABLE.index("stage_id"), TABLE.index("stage_system")


class OpportunityLoader(Merger):
    """See `backoffice.imports.kinds.Loader`."""

    word = "opportunity"
    model = Opportunity
    file = FILE
    sources = SOURCES
    key_columns = ("external_id",)
    locks = ("account", "choice", "opportunity", "rep")
    places: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "stage": (TABLE.index("stage_id"),),
        "type": (TABLE.index("type_id"),),
        "rep": (TABLE.index("owner_id"),),
        "account": (ACCOUNT,),
    }

    @override
    def make_parts(self) -> dict[str, Part]:
        self.stages, self.types = Choices("stage"), Choices("type")
        self.reps = Reps(str(FILE["owner_name"].header), str(FILE["owner_email"].header))
        headers = str(FILE["account_id"].header), str(FILE["account_name"].header)
        self.accounts = Accounts(*headers, update=self.options.update_accounts, discretion=self.discretion)
        return {"stage": self.stages, "type": self.types, "rep": self.reps, "account": self.accounts}

    @override
    def prepare(self, rows: Sequence[list[Any]]) -> None:
        self.stages.prepare({cells[STAGE] for cells in rows})
        self.types.prepare({cells[TYPE] for cells in rows})
        self.reps.prepare({Person(cells[OWNER_EMAIL], cells[OWNER_NAME]) for cells in rows})
        self.accounts.prepare({Company(cells[ACCOUNT_ID], cells[ACCOUNT_NAME], cells[WEBSITE]) for cells in rows})

    @override
    def wishes(self, row: Parsed) -> list[Wish]:
        cells = row.values
        company = Company(cells[ACCOUNT_ID], cells[ACCOUNT_NAME], cells[WEBSITE])
        (owner, _), (account, _) = answers = self._referred(cells, company)
        row.faults = [answer.fault for answer in answers if answer.fault]
        if row.faults:
            return []
        stage, type_ = self.stages.find(cells[STAGE]).id, self.types.find(cells[TYPE]).id
        self.reps.keep(owner)
        self.accounts.keep(account, company)
        self.stages.keep(stage)
        self.types.keep(type_)
        amount = cells[AMOUNT]
        values = [
            cells[NAME],
            amount,
            cells[CURRENCY] or (None if amount is None else self.options.money),
            cells[CLOSE_DATE],
            stage,
            cells[STAGE],
            type_,
            owner,
            account,
            cells[NEXT_STEP],
        ]
        return [Wish(row, values, company)]

    @override
    def misses(self, row: Parsed) -> list[Fault]:
        cells = row.values
        company = Company(cells[ACCOUNT_ID], cells[ACCOUNT_NAME], cells[WEBSITE])
        return [answer.fault for answer in self._referred(cells, company) if answer.fault]

    def _referred(self, cells: Sequence[Any], company: Company) -> tuple[Answer, Answer]:
        return self.reps.find(Person(cells[OWNER_EMAIL], cells[OWNER_NAME])), self.accounts.find(company)

    @override
    def key_of(self, wish: Wish) -> Key:
        return str(wish.row.values[KEY])

    @override
    def found(self, keys: set[Key]) -> dict[Key, tuple[int, list[Any]]]:
        here = loading.current(Opportunity, TABLE, "external_id", list(keys))
        found: dict[Key, tuple[int, list[Any]]] = {key: (id, values) for key, id, *values in here}
        return found | _born_here(str(key) for key in keys - found.keys())

    @override
    def agree(self, wish: Wish, before: Sequence[Any], values: list[Any]) -> None:
        """How a source writes the stage is kept while it is the same stage."""
        if values[STAGE_ID] is not None and values[STAGE_ID] == before[STAGE_ID]:
            values[STAGE_AS_SENT] = before[STAGE_AS_SENT]

    @override
    def link(self, targets: Sequence[Target]) -> Records:
        if not self.options.update_accounts:
            return {}
        updates = AccountUpdates(self.accounts)
        updates.keeps_differences = self.keeps_differences
        wishes = (wish for target in targets for wish in target.wishes)
        namings = [Naming(wish, id, wish.extra) for wish in wishes if (id := wish.values[ACCOUNT])]
        return {"account": {"updated": updates.bring(namings)}}


def _born_here(keys: Iterable[str]) -> dict[Key, tuple[int, list[Any]]]:
    """An opportunity without an external id goes by its uid."""
    uids = uids_in(keys)
    if not uids:
        return {}
    ours = Opportunity.objects.filter(external_id=None, uid__in=set(uids.values()))
    ids = dict(ours.values_list("uid", "id"))
    values = {id: values for id, _, *values in loading.current(Opportunity, TABLE, "id", list(ids.values()))}
    return {key: (ids[uid], values[ids[uid]]) for key, uid in uids.items() if uid in ids}
