"""Merging the rows of a file into the records they speak of: the steps that all kinds of upload share.

A row wishes one record (`Wish`; rarely several) to be so; a `Target` is such a record with all the wishes a chunk has
for it. Wishes are laid over what is there in file order, each keeping its own outcome; then new records are copied in
and changed ones updated, each set-wise. Unchanged rows cost one look and write nothing.

A kind says what a row means: its table's columns with where they come from, its references, its key (`Merger`).
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from backoffice.changes.registry import kind_of
from backoffice.crm.models.base import Row
from backoffice.imports.faults import Fault
from backoffice.imports.merging import loading
from backoffice.imports.merging.discretion import Discretion
from backoffice.imports.merging.loading import Moved
from backoffice.imports.models import Outcome
from backoffice.imports.options import Blank, Options
from backoffice.imports.reading.parsing import Parsed
from backoffice.imports.resources.columns import Column

type Records = dict[str, dict[str, int]]
type Key = Hashable

NEW, UPDATED, UNCHANGED, FAILED = (str(outcome) for outcome in Outcome)
STRENGTH = (UNCHANGED, UPDATED, NEW)
KEEP: Any = object()  # what a blank cell means where it leaves the value as it is


class Source(NamedTuple):
    """Where a column of the table comes from: columns of the file, and what it holds when it is empty.

    In parts: each column of the file speaks of its own part of the value (`Over`), and clears no more than that.
    """

    names: tuple[str, ...]
    empty: Any
    in_parts: bool = False


class Part(Protocol):
    """Records that rows refer to; those yet to be made go by negative numbers until `create`."""

    @property
    def model(self) -> type[Row]: ...

    def forget(self) -> None: ...

    def create(self) -> dict[int, int]: ...


class Over:
    """A value that depends on the one it is laid over (a phone within the list of them).

    No `ABC`: whether a value is one is asked for every cell that changes, and that would take three times as long.
    """

    __slots__ = ()

    def over(self, was: Any) -> Any:
        """What is to stand there instead of `was`, which stays as it is."""
        raise NotImplementedError


class OnlyNew(Over):
    """What a record without a value gets; one that has its own keeps it."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def over(self, was: Any) -> Any:
        return was or self.value


class Difference(NamedTuple):
    """What a row does to one column of the table; or, where `of` names one, of another record than the row's own."""

    column: str
    before: Any
    after: Any
    of: int | None = None


class Wish:
    """What one row says of one record: values in the order of the table's columns, None where it says nothing."""

    __slots__ = ("differences", "extra", "key", "outcome", "row", "values")

    def __init__(self, row: Parsed, values: list[Any], extra: Any = None) -> None:
        self.row = row
        self.values = values
        self.extra = extra  # the kind's own
        self.key: Key = None
        self.outcome = ""
        self.differences: list[Difference] = []


class Target:
    """One record that wishes of the chunk are about: as it is, and as they will have it."""

    __slots__ = ("id", "key", "values", "was", "wishes")

    def __init__(self, key: Key, id: int, was: list[Any] | None) -> None:
        self.key = key
        self.id = id  # 0 until a new one has its own
        self.was = was
        self.values: list[Any] = []
        self.wishes: list[Wish] = []

    @property
    def is_changed(self) -> bool:
        return self.was is not None and self.values != self.was


class Table:
    """Records of one model, and writing what the wishes laid over them come to."""

    model: ClassVar[type[Row]]
    key_columns: ClassVar[tuple[str, ...]] = ()  # written with a new record, beside `columns`

    def __init__(self, columns: Sequence[str], empty: Sequence[Any], blanks: Sequence[Any]) -> None:
        self.columns = tuple(columns)
        self.empty = list(empty)
        self.blanks = list(blanks)
        self.keeps_differences = False  # for a preview: what each row does to each column

    def new_row(self, target: Target) -> tuple[Any, ...]:
        """A new record as id, key columns, values."""
        key = (target.key,) if self.key_columns else ()
        return (target.id, *key, *target.values)

    def agree(self, wish: Wish, before: Sequence[Any], values: list[Any]) -> None:
        """What changes in other columns because of what the wish just changed."""

    def write(self, targets: Iterable[Target]) -> dict[str, int]:
        new, changed = [], []
        for target in targets:
            if target.was is None:
                new.append(target)
                continue
            self.fold(target)
            if target.is_changed:
                changed.append(target)
        return {"new": self._insert(new), "updated": self._update(changed)}

    def _insert(self, targets: Sequence[Target]) -> int:
        if targets:
            ids = loading.new_ids(self.model, len(targets))
            loading.copy(self.model, ("id", *self.key_columns, *self.columns), self._new_rows(targets, ids))
        return len(targets)

    def _new_rows(self, targets: Sequence[Target], ids: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """Made while PostgreSQL is busy with those before."""
        for target, id in zip(targets, ids, strict=True):
            target.id = id
            self.fold(target)
            yield self.new_row(target)

    def _update(self, targets: Sequence[Target]) -> int:
        """Once they are locked the rows are read again: nobody's edit in between is lost."""
        if not targets:
            return 0
        locked = loading.current(self.model, self.columns, "id", [target.id for target in targets], lock=True)
        here = {id: values for id, _, *values in locked}
        for target in targets:
            if target.id not in here:
                raise Moved
            target.was = here[target.id]
            self.fold(target)
        changed = [(target.id, *target.values) for target in targets if target.is_changed]
        return len(loading.update(self.model, self.columns, changed)) if changed else 0

    def fold(self, target: Target) -> None:
        """Lay the wishes over what is there, one after the other."""
        is_new = target.was is None
        values = self.empty.copy() if target.was is None else target.was.copy()
        for wish in target.wishes:
            before = values.copy()
            changed = _lay_over(values, wish.values, self.blanks)
            if changed:
                self.agree(wish, before, values)
                changed = values != before
            wish.outcome = NEW if is_new else UPDATED if changed else UNCHANGED
            is_new = False
            if self.keeps_differences:
                wish.differences = _differences(self.columns, before, values)
        target.values = values
        if values == target.was:
            for wish in target.wishes:  # whatever they did, they took it back
                wish.outcome, wish.differences = UNCHANGED, []


class Merger(Table, ABC):
    """A loader (see `backoffice.imports.kinds.Loader`) for rows that speak of records of one model.

    `places` says, for each kind of reference, in which places of the values ids of such records stand.
    """

    word: ClassVar[str]  # what `Upload.records` counts its records as
    file: ClassVar[Mapping[str, Column]]
    sources: ClassVar[Mapping[str, Source]]
    locks: ClassVar[tuple[str, ...]]
    places: ClassVar[Mapping[str, tuple[int, ...]]] = {}

    def __init__(self, positions: Mapping[str, int], options: Options) -> None:
        self.positions = positions
        self.options = options
        self.discretion = Discretion()
        empty = [source.empty for source in self.sources.values()]
        super().__init__(tuple(self.sources), empty, [self._blank(source) for source in self.sources.values()])
        self.parts: Mapping[str, Part] = self.make_parts()

    # What a kind says.

    @abstractmethod
    def make_parts(self) -> dict[str, Part]:
        """The references rows make, by the word `Upload.records` counts them as."""

    @abstractmethod
    def prepare(self, rows: Sequence[list[Any]]) -> None:
        """Look up, set-wise, everything the rows (values of the file's columns) refer to."""

    @abstractmethod
    def wishes(self, row: Parsed) -> list[Wish]:
        """What the row wants; nothing, and the reasons added to `row.faults`, when it can't be done."""

    @abstractmethod
    def misses(self, row: Parsed) -> list[Fault]:
        """What is wrong with what the row refers to, as `wishes` says it; but nothing is made for it."""

    @abstractmethod
    def key_of(self, wish: Wish) -> Key:
        """Asked when all references have their ids."""

    @abstractmethod
    def found(self, keys: set[Key]) -> dict[Key, tuple[int, list[Any]]]:
        """Those of the records that are there, with id and values."""

    def relate(self, targets: Sequence[Target]) -> None:
        """What wishes have to know of the records found before they are laid over them."""

    def link(self, targets: Sequence[Target]) -> Records:
        """What else the rows want beside the records' own columns, once these are written; may raise outcomes."""
        return {}

    # What happens with it.

    def forget(self) -> None:
        for part in self.parts.values():
            part.forget()

    def load(self, rows: Sequence[Parsed]) -> Records:
        loading.lock_kinds(*self.locks)
        wrong = [row for row in rows if row.faults]
        self.prepare([row.values for row in rows if not row.faults])
        wishes = [wish for row in rows for wish in self._wishes(row)]
        made = {word: part.create() for word, part in self.parts.items()}
        for word, ids in made.items():
            if ids:
                _put_real_ids(wishes, self.places.get(word, ()), ids, kind_of(self.parts[word].model))
        targets = self._targets(wishes)
        self.relate(targets)
        records: Records = {self.word: self.write(targets)}
        records |= {word: {"new": len(ids)} for word, ids in made.items() if ids}
        for word, counts in self.link(targets).items():
            records[word] = records.get(word, {}) | counts
        _tell_rows(targets, kind_of(self.model))
        if wrong:
            self._name_the_rest(wrong)
        return records

    def _name_the_rest(self, rows: Sequence[Parsed]) -> None:
        """Rows whose own cells are wrong say in the same go what is wrong with what they refer to."""
        self.prepare([row.values for row in rows])
        for row in rows:
            said = {fault.column for fault in row.faults}
            row.faults += [fault for fault in self.misses(row) if fault.column not in said]
        self.forget()  # what they refer to and nobody made

    def _wishes(self, row: Parsed) -> list[Wish]:
        wishes = [] if row.faults else self.wishes(row)
        if row.faults:
            row.outcome = FAILED
            return []
        if not wishes:
            row.outcome = UNCHANGED
        return wishes

    def _targets(self, wishes: Sequence[Wish]) -> list[Target]:
        """Each record once, with its wishes in the order of the file."""
        for wish in wishes:
            wish.key = self.key_of(wish)
        found = self.found({wish.key for wish in wishes})
        targets: dict[Key, Target] = {}
        for wish in wishes:
            id, was = found.get(wish.key, (0, None))
            by = ("id", id) if id else wish.key
            target = targets.get(by)
            if target is None:
                target = targets[by] = Target(wish.key, id, was)
            target.wishes.append(wish)
        return list(targets.values())

    def clears(self, name: str) -> bool:
        """Whether a blank cell of this column of the file clears what is there."""
        return self.options.blank is Blank.CLEAR and name in self.positions and self.file[name].clears

    def _blank(self, source: Source) -> Any:
        """An absent column is left, and so is one that a blank never clears."""
        present = [name for name in source.names if name in self.positions]
        return source.empty if present and not source.in_parts and all(map(self.clears, present)) else KEEP


def _lay_over(values: list[Any], wanted: Sequence[Any], blanks: Sequence[Any]) -> bool:
    changed = False
    for place, said in enumerate(wanted):
        value = blanks[place] if said is None else said
        if value is KEEP or value == values[place]:
            continue
        if isinstance(value, Over):
            value = value.over(values[place])
            if value == values[place]:
                continue
        values[place] = value
        changed = True
    return changed


def _differences(columns: Sequence[str], before: Sequence[Any], after: Sequence[Any]) -> list[Difference]:
    return [
        Difference(column, was, will) for column, was, will in zip(columns, before, after, strict=True) if was != will
    ]


def _tell_rows(targets: Iterable[Target], kind: str) -> None:
    """A row's outcome is the strongest of what became of its wishes; of several records its own is the last changed."""
    for target in targets:
        for wish in target.wishes:
            row = wish.row
            if row.object_id is None:
                row.object_id = target.id
            elif wish.outcome != UNCHANGED:
                row.wrote(kind, row.object_id)
                row.object_id = target.id
            row.outcome = stronger(row.outcome, wish.outcome)
            row.differences += wish.differences


def stronger(one: str, other: str) -> str:
    return other if not one or STRENGTH.index(other) > STRENGTH.index(one) else one


def _put_real_ids(wishes: Iterable[Wish], places: Sequence[int], ids: Mapping[int, int], kind: str) -> None:
    """Of those that refer to what was made, the first has brought it."""
    untold = set(ids)
    for wish in wishes:
        for place in places:
            id = wish.values[place]
            if isinstance(id, int) and id < 0:
                wish.values[place] = ids[id]
                if id in untold:
                    untold.remove(id)
                    wish.row.wrote(kind, ids[id])
