"""The opportunities that rows about people name by ID, and the links between both."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from backoffice.crm.models import Opportunity, OpportunityContact
from backoffice.imports.faults import Fault, shown
from backoffice.imports.merging import loading
from backoffice.imports.merging.references import uids_in

type Pair = tuple[int, int]  # opportunity and contact, by id

LINKED = """
    SELECT opportunity_id, contact_id FROM crm_opportunitycontact
    JOIN unnest(%s::bigint[], %s::bigint[]) AS wanted(opportunity, contact)
        ON wanted.opportunity = opportunity_id AND wanted.contact = contact_id
"""
LAST_POSITIONS = """
    SELECT opportunity_id, max(position) FROM crm_opportunitycontact
    WHERE opportunity_id = ANY(%s) GROUP BY opportunity_id
"""


class Opening(NamedTuple):
    id: int
    account_id: int | None


class Opportunities:
    """By Opportunity ID or, born here, by their uid. An unknown one is never added: that is another file's work."""

    def __init__(self, id_column: str) -> None:
        self.id_column = id_column
        self._here: dict[str, Opening] = {}

    def prepare(self, ids: Iterable[str | None]) -> None:
        wanted = {id for id in ids if id}
        found = loading.current(Opportunity, ("account_id",), "external_id", list(wanted)) if wanted else ()
        self._here = {external_id: Opening(id, account) for external_id, id, account in found}
        uids = uids_in(wanted - self._here.keys())
        if uids:
            ours = Opportunity.objects.filter(external_id=None, uid__in=set(uids.values()))
            born_here = {uid: Opening(*found) for uid, *found in ours.values_list("uid", "id", "account_id")}
            self._here |= {text: born_here[uid] for text, uid in uids.items() if uid in born_here}

    def find(self, id: str | None) -> tuple[Opening | None, Fault | None]:
        if not id:
            return None, None
        opening = self._here.get(id)
        return opening, None if opening else Fault("unknown_opportunity", self.id_column, {"value": shown(id)})


def linked(pairs: Collection[Pair]) -> set[Pair]:
    """Which of the pairs are linked already."""
    if not pairs:
        return set()
    found = loading.rows(LINKED, [[opportunity for opportunity, _ in pairs], [contact for _, contact in pairs]])
    return {(opportunity, contact) for opportunity, contact in found}


def link(pairs: Sequence[Pair]) -> int:
    """Link pairs that are not linked yet; each contact comes last at its opportunity."""
    if not pairs:
        return 0
    last: dict[int, int] = dict(loading.rows(LAST_POSITIONS, [list({opportunity for opportunity, _ in pairs})]))
    rows = []
    for id, (opportunity, contact) in zip(loading.new_ids(OpportunityContact, len(pairs)), pairs, strict=True):
        last[opportunity] = last.get(opportunity, -1) + 1
        rows.append((id, opportunity, contact, last[opportunity]))
    loading.copy(OpportunityContact, ("id", "opportunity_id", "contact_id", "position"), rows)
    return len(rows)
