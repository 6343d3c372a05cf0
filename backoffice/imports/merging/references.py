"""Which rep or entry of a pick list the words of a row mean; and making those that are not there yet.

Each class works in the same steps for a chunk: `prepare` looks up everything the chunk's rows name in a few set-wise
queries, `find` answers row by row in file order, `keep` notes what a row that did not fail needs, `create` makes that.
What is yet to be made goes by a negative number. Answers are remembered from chunk to chunk, until `forget`.
"""

import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from rapidfuzz import fuzz, process

from backoffice.crm.models import Choice, Rep, Status
from backoffice.imports.faults import Fault, listed, shown
from backoffice.imports.merging import loading, stages

NEAR_ENOUGH = 80


class Answer(NamedTuple):
    """The id that was found or is to be made (negative), None for nothing named; or what is wrong."""

    id: int | None = None
    fault: Fault | None = None


NOTHING = Answer()


@dataclass
class Planned[T]:
    """Records to be made: each is kept only once a row that needs it does not fail."""

    plans: list[T] = field(default_factory=list)
    kept: set[int] = field(default_factory=set)

    def add(self, plan: T) -> int:
        self.plans.append(plan)
        return -len(self.plans)

    def keep(self, number: int | None) -> None:
        if number is not None and number < 0:
            self.kept.add(number)

    def wanted(self) -> list[tuple[int, T]]:
        """Those to make, with their numbers, in the order of the file."""
        return [(-place, plan) for place, plan in enumerate(self.plans, start=1) if -place in self.kept]

    def clear(self) -> None:
        self.plans.clear()
        self.kept.clear()


def settled[K](remembered: dict[K, Answer], ids: Mapping[int, int]) -> None:
    """Puts real ids where plans were, and drops what was not made."""
    for key, answer in list(remembered.items()):
        if answer.id is not None and answer.id < 0:
            if answer.id in ids:
                remembered[key] = Answer(ids[answer.id])
            else:
                del remembered[key]


def uids_in(texts: Iterable[str]) -> dict[str, uuid.UUID]:
    """Those of the texts that are uids: records without an ID of their own go by these."""
    found = {}
    for text in texts:
        if len(text) in {32, 36}:
            with suppress(ValueError):
                found[text] = uuid.UUID(text)
    return found


class Choices:
    """One of our own pick lists. A label that is not in it yet is added at its end."""

    model = Choice

    def __init__(self, list_name: str) -> None:
        self.list = list_name
        self.answers: dict[str, Answer] = {}
        self._by_key: dict[str, int] = {}
        self._planned: Planned[str] = Planned()
        self._keys: dict[str, str] = {}

    def forget(self) -> None:
        self.answers.clear()
        self._by_key.clear()
        self._planned.clear()

    def prepare(self, labels: Iterable[str | None]) -> None:
        unknown = {label for label in labels if label and label not in self.answers}
        if not unknown:
            return
        self._keys = loading.folded(sorted(unknown))
        self._by_key = dict(Choice.objects.filter(list=self.list).values_list("label_key", "id"))

    def find(self, label: str | None) -> Answer:
        if not label:
            return NOTHING
        answer = self.answers.get(label)
        if answer is None:
            key = self._keys[label]
            if key not in self._by_key:
                self._by_key[key] = self._planned.add(label)
            answer = self.answers[label] = Answer(self._by_key[key])
        return answer

    def keep(self, number: int | None) -> None:
        self._planned.keep(number)

    def create(self) -> dict[int, int]:
        wanted = self._planned.wanted()
        if wanted:
            last = Choice.objects.filter(list=self.list).order_by("-order").values_list("order", flat=True).first() or 0
            ids = dict(zip((number for number, _ in wanted), loading.new_ids(Choice, len(wanted)), strict=True))
            rows = (self._row(ids[number], label, last + place) for place, (number, label) in enumerate(wanted, 1))
            loading.copy(Choice, ("id", "list", "label", "order", "status", "probability"), rows)
        else:
            ids = {}
        settled(self.answers, ids)
        self._planned.clear()
        return ids

    def _row(self, id: int, label: str, order: int) -> tuple[object, ...]:
        if self.list != "stage":
            return (id, self.list, label, order, "", None)
        status = stages.usual_status(self._keys[label])
        probability = {Status.WON: 100, Status.LOST: 0}.get(status)
        return (id, self.list, label, order, status.value, probability)


class Person(NamedTuple):
    """How a row names a rep; either may be blank."""

    email: str | None
    name: str | None


class Reps:
    """By email; without one by the full name, when exactly one rep bears it. Name and email together add a rep."""

    model = Rep

    def __init__(self, name_column: str, email_column: str) -> None:
        self.name_column, self.email_column = name_column, email_column
        self.answers: dict[Person, Answer] = {}
        self._by_email: dict[str, int] = {}
        self._by_name: dict[str, list[tuple[int, str]]] = {}
        self._planned: Planned[Person] = Planned()
        self._keys: dict[str, str] = {}
        self._names_in_emails: dict[str, str] | None = None
        self._near: dict[str, str] = {}  # of the chunk's emails

    def forget(self) -> None:
        self.answers.clear()
        self._planned.clear()
        self._names_in_emails = None

    def prepare(self, people: Iterable[Person]) -> None:
        unknown = [person for person in people if any(person) and person not in self.answers]
        emails = sorted({person.email for person in unknown if person.email})
        names = sorted({person.name for person in unknown if person.name and not person.email})
        self._by_email, self._by_name, self._keys = {}, {}, loading.folded(names)
        self._near.clear()
        if emails:
            self._by_email = dict(
                loading.rows("SELECT lower(email), id FROM crm_rep WHERE lower(email) = ANY(%s)", [emails])
            )
        if names:
            keys = sorted(set(self._keys.values()))
            for key, id, name in Rep.objects.filter(name_key__in=keys).values_list("name_key", "id", "name"):
                self._by_name.setdefault(key, []).append((id, name))

    def find(self, person: Person) -> Answer:
        answer = self.answers.get(person)
        if answer is None:
            answer = self._find(person)
            if not answer.fault:
                self.answers[person] = answer
        return answer

    def keep(self, number: int | None) -> None:
        self._planned.keep(number)

    def _find(self, person: Person) -> Answer:
        if person.email:
            return self._by_their_email(person.email, person.name)
        return self._by_their_name(person.name) if person.name else NOTHING

    def _by_their_email(self, email: str, name: str | None) -> Answer:
        number = self._by_email.get(email)
        # A plan whose row failed is no rep: the row that names the rep in full makes another.
        if number is not None and (number > 0 or number in self._planned.kept or name):
            return Answer(number)
        if name:
            number = self._by_email[email] = self._planned.add(Person(email, name))
            return Answer(number)
        near = self._near.get(email)
        if near is None:
            near = self._near[email] = self._nearest(email)
        values = {"value": shown(email), "name_column": self.name_column} | ({"near": near} if near else {})
        return Answer(fault=Fault("unknown_rep_email_near" if near else "unknown_rep_email", self.email_column, values))

    def _by_their_name(self, name: str) -> Answer:
        hits = self._by_name.get(self._keys[name], [])
        if len(hits) == 1:
            return Answer(hits[0][0])
        values = {"value": shown(name), "email_column": self.email_column}
        if not hits:
            return Answer(fault=Fault("unknown_rep_name", self.name_column, values))
        values["hits"] = listed([f"{found} (#{id})" for id, found in hits])
        return Answer(fault=Fault("several_reps", self.name_column, values))

    def _nearest(self, email: str) -> str:
        """The most alike of those whose name is alike; everybody's domain is."""
        if self._names_in_emails is None:
            emails = Rep.objects.exclude(email=None).values_list("email", flat=True)
            self._names_in_emails = {str(email): str(email).partition("@")[0].lower() for email in emails}
        name = email.partition("@")[0]
        near = process.extract(name, self._names_in_emails, scorer=fuzz.ratio, score_cutoff=NEAR_ENOUGH)
        return max((found for _, _, found in near), key=lambda found: fuzz.ratio(email, found), default="")

    def create(self) -> dict[int, int]:
        wanted = self._planned.wanted()
        if wanted:
            ids = dict(zip((number for number, _ in wanted), loading.new_ids(Rep, len(wanted)), strict=True))
            loading.copy(
                Rep, ("id", "email", *NAME_PARTS), (_rep_row(ids[number], person) for number, person in wanted)
            )
            self._names_in_emails = None
        else:
            ids = {}
        settled(self.answers, ids)
        self._planned.clear()
        return ids


NAME_PARTS = ("given", "family", "second_family")


def _rep_row(id: int, person: Person) -> tuple[object, ...]:
    parts = parts_of_name(person.name or "")
    return (id, person.email, *(parts.get(part, "") for part in NAME_PARTS))


def parts_of_name(name: str) -> dict[str, str]:
    """A full name as the rep's fields hold it: "Ana López Díaz" and "López, Ana" both begin with Ana."""
    family, comma, given = name.partition(",")
    if comma and given.strip():
        return {"given": given.strip(), "family": family.strip()}
    words = name.split()
    if len(words) < 3:
        return {"given": words[0], "family": " ".join(words[1:])}
    return {"given": " ".join(words[:-2]), "family": words[-2], "second_family": words[-1]}
