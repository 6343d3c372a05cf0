"""What the columns of a file are made of. Each kind declares its own in `backoffice.imports.resources`.

A column says its header and the spellings it is known by, whether it must be there, which field of the record it speaks
of, and its widget: how a cell becomes a value and a value a cell.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, override

from django.db import models
from django.utils.functional import Promise
from import_export import fields, resources, widgets

from backoffice.crm import records
from backoffice.imports.faults import Invalid, shown
from backoffice.imports.options import CURRENCIES, Options
from backoffice.imports.reading import dates, months, values
from backoffice.imports.reading.dates import DateShapes
from backoffice.imports.reading.months import MonthShapes
from backoffice.imports.reading.values import AmountShapes, Parser
from backoffice.values import LONGEST_LINE

LABEL_CHARACTERS = 100
NAME_CHARACTERS = LONGEST_LINE
PROSE_CHARACTERS = 20_000


class Cell(widgets.Widget):
    """A two-way converter. The upload compiles `parser` once per file; import-export's own calls go through it too."""

    def parser(self, options: Options) -> Parser:
        raise NotImplementedError

    @override
    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> object:
        return self.parser(Options())(value) if value not in (None, "") else None

    @override
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else str(value)


class Text(Cell):
    def __init__(self, most: int = NAME_CHARACTERS) -> None:
        super().__init__()
        self.most = most

    @override
    def parser(self, options: Options) -> Parser:
        return values.text(self.most)


class Email(Cell):
    @override
    def parser(self, options: Options) -> Parser:
        return values.email()


class Website(Cell):
    @override
    def parser(self, options: Options) -> Parser:
        return values.website(NAME_CHARACTERS)


class Currency(Cell):
    @override
    def parser(self, options: Options) -> Parser:
        return values.currency(CURRENCIES)


class Amount(Cell):
    """Money with the scale of the domain's columns."""

    DIGITS, PLACES = 19, 4

    def __init__(self, *, may_be_negative: bool = True) -> None:
        super().__init__()
        self.may_be_negative = may_be_negative

    @override
    def parser(self, options: Options) -> Parser:
        parse = values.amount(options.decimal_mark, options.money, self.DIGITS, self.PLACES)
        return parse if self.may_be_negative else not_negative(parse)

    @override
    def render(self, value: Decimal | None, obj: Any = None, **kwargs: Any) -> str:
        """With two decimals, or with all four: three would look like a thousands mark."""
        if value is None:
            return ""
        text = f"{value:.{self.PLACES}f}"
        return text.removesuffix("00")


class Day(Cell):
    @override
    def parser(self, options: Options) -> Parser:
        return dates.day(options.date_order)

    @override
    def render(self, value: dt.date | None, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else value.isoformat()


class Month(Day):
    """The first day of a month."""

    @override
    def parser(self, options: Options) -> Parser:
        return months.month(options.date_order)


def not_negative(parse: Parser) -> Parser:
    def parse_not_negative(cell: str) -> object:
        value = parse(cell)
        if isinstance(value, Decimal) and value < 0:
            raise Invalid("negative_amount", value=shown(cell))
        return value

    return parse_not_negative


class Column(fields.Field):
    """A declared column.

    `field` is the record's field it speaks of, `attribute` the model's path an export reads. A column that does not
    `clear` keeps its value at a blank cell whatever the upload's options say.
    """

    def __init__(
        self,
        header: str | Promise,
        widget: Cell,
        *,
        attribute: str,
        field: str,
        aliases: Sequence[str] = (),
        required: bool = False,
        clears: bool = True,
    ) -> None:
        super().__init__(attribute=attribute, column_name=str(header), widget=widget)
        self.header = header
        self.field = field
        self.aliases = tuple(aliases)
        self.required = required
        self.clears = clears

    @property
    def spellings(self) -> tuple[str, ...]:
        return (str(self.header), *self.aliases)

    @property
    def shapes(self) -> AmountShapes | DateShapes | None:
        """What to watch while the file goes by, when the column's notation has to be decided from all of it."""
        if isinstance(self.widget, Amount):
            return AmountShapes(str(self.header))
        if isinstance(self.widget, Month):
            return MonthShapes(str(self.header))
        return DateShapes(str(self.header)) if isinstance(self.widget, Day) else None


class Shape(NamedTuple):
    """What a file of such columns needs. `idle` columns mean nothing in it; `twice` and `wrong` are sentences."""

    required: Sequence[str]
    idle: frozenset[str] = frozenset()
    twice: Sequence[str] = ()
    wrong: Sequence[str] = ()


class UploadResource(resources.ModelResource):
    """The declared columns, in the order they are declared, and those that a file may have beside them."""

    record: ClassVar[type[records.Record]]
    key: ClassVar[str]

    @classmethod
    def columns(cls) -> Mapping[str, Column]:
        declared: Mapping[str, Column] = cls.fields
        return declared

    @classmethod
    def headers(cls) -> list[str]:
        return [str(column.header) for column in cls.columns().values()]

    @classmethod
    def dynamic(cls, header: str) -> tuple[str, Column] | None:
        """The column that is not declared but told by its header (a month's amount), and the name it goes by."""
        return None

    @classmethod
    def column_called(cls, name: str) -> Column:
        """By the name it has in `Upload.columns`, declared or not. Raises KeyError when there is none."""
        return cls.columns()[name]

    @classmethod
    def columns_in(cls, positions: Mapping[str, int]) -> dict[str, Column]:
        """All that are declared, then those the file has beside them, in its order. Values of rows stand like this."""
        declared = cls.columns()
        beside = sorted(positions.keys() - declared.keys(), key=positions.__getitem__)
        return {**declared, **{name: cls.column_called(name) for name in beside}}

    @classmethod
    def watched(cls, positions: Mapping[str, int]) -> list[tuple[int, AmountShapes | DateShapes]]:
        """Places in the file where its notation shows. Columns that are not declared are written all alike."""
        columns = cls.columns_in(positions)
        shared: dict[type, AmountShapes | DateShapes] = {}
        found = []
        for name, place in positions.items():
            shapes = columns[name].shapes
            if shapes and name not in cls.columns():
                shapes = shared.setdefault(type(shapes), shapes)
            if shapes:
                found.append((place, shapes))
        return found

    @classmethod
    def shape(cls, named: Mapping[str, str], unknown: Sequence[str]) -> Shape:
        """What a file needs in which columns go by these names (each with the file's own header)."""
        return Shape([name for name, column in cls.columns().items() if column.required])


def every_field_of(model: type[models.Model]) -> tuple[str, ...]:
    """For `exclude`: nothing of the model comes in by itself, and declared columns keep their order."""
    return tuple(field.name for field in model._meta.get_fields())
