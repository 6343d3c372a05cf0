"""Which account the words of a row mean; making those that are not there yet, and bringing others up to date.

It works in the steps of `backoffice.imports.merging.references`.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from backoffice.crm.models import Account
from backoffice.crm.models.accounts import DOMAIN
from backoffice.imports.faults import Fault, shown
from backoffice.imports.merging import loading
from backoffice.imports.merging.discretion import Discretion
from backoffice.imports.merging.merger import KEEP, UNCHANGED, OnlyNew, Table, Target, Wish, stronger
from backoffice.imports.merging.references import NOTHING, Answer, Planned, settled, uids_in

REMEMBERED = 50_000
OF_ACCOUNT = "account."  # before a column of the account that a row about something else changes

# Sites on which many companies have their page: sharing one of these makes two accounts no relatives.
SHARED_SITES = frozenset(
    {
        *("about.me", "amazon.com", "blogspot.com", "business.site", "etsy.com", "facebook.com", "fb.com", "github.io"),
        *("gmail.com", "godaddysites.com", "google.com", "hotmail.com", "instagram.com", "linkedin.com", "linktr.ee"),
        *("mercadolibre.com", "mercadolibre.com.mx", "myshopify.com", "outlook.com", "tiktok.com", "tumblr.com"),
        *("twitter.com", "weebly.com", "wix.com", "wixsite.com", "wordpress.com", "x.com", "yahoo.com", "youtube.com"),
    }
)


MATCHED = ("name", "external_id", "name_key", "domain", "archived_at")  # as a `Hit` has them
BY_DOMAIN = f"""
    SELECT domain, id, {", ".join(MATCHED)} FROM crm_account
    WHERE domain = ANY(%s) AND archived_at IS NULL ORDER BY id
"""
BY_NAME = f"""
    SELECT name_key, id, {", ".join(MATCHED)} FROM crm_account
    WHERE name_key = ANY(%s) AND (%s OR external_id IS NULL) AND archived_at IS NULL ORDER BY id
"""


class Company(NamedTuple):
    """How a row names an account; any part may be blank."""

    external_id: str | None
    name: str | None
    website: str | None


NO_COMPANY = Company(None, None, None)


class Hit(NamedTuple):
    """An account that is there or planned, as far as matching needs it."""

    id: int
    name: str
    external_id: str | None = None
    name_key: str = ""
    domain: str | None = None
    archived_at: dt.datetime | None = None


class Accounts:
    """By Account ID, which is its uid where it has none; else by website domain; else by exact folded name among
    accounts without an ID; else a new one.

    A row that gives an ID never means an account that has another one. Where the `name_is_enough`, a row without an ID
    means any account of the name: the only one, or the only one without an ID. Where rows `update` accounts, what one
    gives to an account (an ID, another name or website) is known to those after it.
    """

    model = Account

    def __init__(
        self,
        id_column: str,
        name_column: str,
        *,
        update: bool = False,
        name_is_enough: bool = False,
        discretion: Discretion | None = None,
    ) -> None:
        self.id_column, self.name_column = id_column, name_column
        self.discretion = discretion or Discretion()
        self.updates = update
        self.name_is_enough = name_is_enough
        # Where it can't change with the rows, an answer holds for all the file.
        self.remembers = not (update or name_is_enough)
        self.answers: dict[Company, Answer] = {}
        self.made: frozenset[int] = frozenset()  # by the last `create`
        self._hits: dict[int, Hit] = {}
        self._by_id: dict[str, int] = {}
        self._uids: set[str] = set()  # of what rows give as IDs
        self._by_domain: dict[str, list[int]] = {}
        self._by_name: dict[str, list[int]] = {}
        self._planned: Planned[Company] = Planned()
        self._keys: dict[str, str] = {}
        self._domains: dict[str, str] = {}

    def forget(self) -> None:
        self.answers.clear()
        self._planned.clear()

    def prepare(self, companies: Iterable[Company]) -> None:
        if len(self.answers) > REMEMBERED or not self.remembers:
            self.answers.clear()
        unknown = [company for company in companies if any(company) and company not in self.answers]
        for found in (self._hits, self._by_id, self._uids, self._by_domain, self._by_name):
            found.clear()
        if not unknown:
            return
        self._keys = loading.folded(sorted({company.name for company in unknown if company.name}))
        self._domains = domains({company.website for company in unknown if company.website})
        self._look_up(sorted({company.external_id for company in unknown if company.external_id}))

    def _look_up(self, external_ids: Sequence[str]) -> None:
        for text, *found in loading.current(Account, MATCHED, "external_id", external_ids) if external_ids else ():
            self._by_id[text] = self._hit(Hit(*found))
        uids = uids_in(text for text in external_ids if text not in self._by_id)
        if uids:
            by_uid = {uid: found for uid, *found in loading.current(Account, MATCHED, "uid", list(uids.values()))}
            for text, uid in uids.items():
                if uid in by_uid:
                    self._by_id[text] = self._hit(Hit(*by_uid[uid]))
                    self._uids.add(text)
        for key, *found in loading.rows(BY_DOMAIN, [list(set(self._domains.values()))]):
            self._by_domain.setdefault(key, []).append(self._hit(Hit(*found)))
        for key, *found in loading.rows(BY_NAME, [list(set(self._keys.values())), self.name_is_enough]):
            self._by_name.setdefault(key, []).append(self._hit(Hit(*found)))

    def _hit(self, hit: Hit) -> int:
        self._hits[hit.id] = hit
        return hit.id

    def id_given(self, company: Company) -> str | None:
        """The Account ID the row gives, unless it is only how we call an account without one."""
        return None if company.external_id in self._uids else company.external_id

    def find(self, company: Company) -> Answer:
        answer = self.answers.get(company) if self.remembers else None
        if answer is None or (answer.id is not None and answer.id < 0 and answer.id not in self._planned.kept):
            answer = self._find(company)
            if not answer.fault:
                self.answers[company] = answer
        return answer

    def keep(self, number: int | None, company: Company) -> None:
        """The account of a row that did not fail: rows further down find it too."""
        if number is None:
            return
        if number < 0 and number not in self._planned.kept:
            self._planned.keep(number)
            self._hit(Hit(number, company.name or ""))
            self._learn(number, company)
        elif self.updates and not self._hits[number].archived_at:
            self._learn(number, company)

    def _learn(self, number: int, company: Company) -> None:
        """What the row makes of the account: by that it is found from here on, and no longer by what it had."""
        hit, given = self._hits[number], self.id_given(company)
        if given and not hit.external_id:
            hit = hit._replace(external_id=given)
            self._by_id[given] = number
        if company.name:
            hit = hit._replace(name=company.name, name_key=self._keys[company.name])
            _add(self._by_name, hit.name_key, number)
        if company.website:
            hit = hit._replace(domain=self._domains.get(company.website))
            if hit.domain:
                _add(self._by_domain, hit.domain, number)
        self._hits[number] = hit

    def _find(self, company: Company) -> Answer:
        if not any(company):
            return NOTHING
        if company.external_id and company.external_id in self._by_id:
            return Answer(self._by_id[company.external_id])
        for hits in (self._of_the_site(company), self._of_the_name(company)):
            if len(hits) > 1:
                return Answer(fault=self._several(company, hits))
            if hits:
                return Answer(hits[0].id)
        if not company.name:
            named = company.external_id or company.website or ""
            values = {"value": shown(named), "name_column": self.name_column}
            return Answer(fault=Fault("account_needs_name", self.name_column, values))
        return Answer(self._planned.add(company))

    def _of_the_site(self, company: Company) -> list[Hit]:
        domain = self._domains.get(company.website or "")
        hits = [hit for hit in self._those(self._by_domain, domain) if hit.domain == domain]
        return _without_id(hits) if company.external_id else hits

    def _of_the_name(self, company: Company) -> list[Hit]:
        key = self._keys[company.name] if company.name else None
        hits = [hit for hit in self._those(self._by_name, key) if hit.name_key == key]
        without_id = _without_id(hits)
        is_name_enough = self.name_is_enough and not company.external_id
        return hits if is_name_enough and len(without_id) != 1 else without_id

    def _those(self, found: Mapping[str, Sequence[int]], key: str | None) -> list[Hit]:
        return [self._hits[id] for id in found.get(key, ())] if key else []

    def _several(self, company: Company, hits: Sequence[Hit]) -> Fault:
        named = company.website if company.website in self._domains else company.name
        names = {hit.id: f"{hit.name} ({hit.external_id or f'#{hit.id}'})" for hit in hits}
        told = self.discretion.listed(Account, names)
        values = {"value": shown(named or company.name or ""), "hits": told, "id_column": self.id_column}
        code = "several_accounts" if any(hit.external_id for hit in hits) else "several_accounts_without_id"
        return Fault(code, self.name_column, values)

    def create(self) -> dict[int, int]:
        wanted = self._planned.wanted()
        if wanted:
            ids = dict(zip((number for number, _ in wanted), loading.new_ids(Account, len(wanted)), strict=True))
            rows = ((ids[number], new.name, new.external_id, new.website or "") for number, new in wanted)
            loading.copy(Account, ("id", "name", "external_id", "website"), rows)
        else:
            ids = {}
        settled(self.answers, ids)
        self._planned.clear()
        self.made = frozenset(ids.values())
        return ids


class Naming(NamedTuple):
    """A row's wish, and the account that the row names."""

    wish: Wish
    account_id: int
    company: Company


class AccountUpdates(Table):
    """What rows about something else say of the accounts they name: name, website and, if it has none, its ID."""

    model = Account

    def __init__(self, accounts: Accounts) -> None:
        super().__init__(("name", "website", "external_id"), ("", "", None), (KEEP, KEEP, KEEP))
        self.accounts = accounts

    def bring(self, namings: Iterable[Naming]) -> int:
        """Answers how many accounts changed that were there before. A row whose account changed is updated."""
        targets: dict[int, Target] = {}
        said: list[tuple[int, Wish, Wish]] = []
        for wish, id, company in sorted(namings, key=lambda naming: naming.wish.row.number):
            given = self.accounts.id_given(company)
            values = [company.name, company.website, OnlyNew(given) if given else None]
            about_account = Wish(wish.row, values)
            said.append((id, wish, about_account))
            targets.setdefault(id, Target(id, id, None)).wishes.append(about_account)
        for _, id, *was in loading.current(Account, self.columns, "id", list(targets)):
            targets[id].was = was
        here = [target for target in targets.values() if target.was is not None]
        self.write(here)
        for id, wish, about_account in said:
            if about_account.outcome != UNCHANGED:
                wish.outcome = stronger(wish.outcome, about_account.outcome)
                wish.row.wrote("account", id)
            wish.differences += [
                difference._replace(column=f"{OF_ACCOUNT}{difference.column}", of=id)
                for difference in about_account.differences
            ]
        return sum(target.is_changed and target.id not in self.accounts.made for target in here)


def _without_id(hits: Iterable[Hit]) -> list[Hit]:
    return [hit for hit in hits if not hit.external_id]


def _add(found: dict[str, list[int]], key: str, number: int) -> None:
    numbers = found.setdefault(key, [])
    if number not in numbers:
        numbers.append(number)


def domains(websites: Iterable[str]) -> dict[str, str]:
    """Each website's domain as the account's own column has it, without those that many companies share."""
    wanted = sorted(websites)
    if not wanted:
        return {}
    statement = f"SELECT website, {DOMAIN} FROM unnest(%s::text[]) AS given(website)"
    found = loading.rows(statement, [wanted])
    return {website: domain for website, domain in found if domain and not _is_shared(domain)}


def _is_shared(domain: str) -> bool:
    labels = domain.split(".")
    return any(".".join(labels[start:]) in SHARED_SITES for start in range(len(labels) - 1))
