"""The columns of each kind of file, declared once: for template, upload, export and API.

A column says its header and the spellings it is known by, whether it must be there, which field of the record it speaks
of, and its widget: how a cell becomes a value and a value a cell.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, override

from django.db import models
from django.utils.functional import Promise
from import_export import fields, resources, widgets

from backoffice.crm import records
from backoffice.crm.models import Opportunity
from backoffice.imports import values
from backoffice.imports.options import CURRENCIES, Options
from backoffice.imports.values import AmountShapes, DateShapes, Parser
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

    @override
    def parser(self, options: Options) -> Parser:
        return values.amount(options.decimal_mark, options.money, self.DIGITS, self.PLACES)

    @override
    def render(self, value: Decimal | None, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else format(value, "f")


class Day(Cell):
    @override
    def parser(self, options: Options) -> Parser:
        return values.day(options.date_order)

    @override
    def render(self, value: dt.date | None, obj: Any = None, **kwargs: Any) -> str:
        return "" if value is None else value.isoformat()


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
        return DateShapes(str(self.header)) if isinstance(self.widget, Day) else None


class UploadResource(resources.ModelResource):
    """Only the declared columns, in the order they are declared."""

    record: ClassVar[type[records.Record]]
    key: ClassVar[str]

    @classmethod
    def columns(cls) -> Mapping[str, Column]:
        declared: Mapping[str, Column] = cls.fields
        return declared

    @classmethod
    def headers(cls) -> list[str]:
        return [str(column.header) for column in cls.columns().values()]


def every_field_of(model: type[models.Model]) -> tuple[str, ...]:
    """For `exclude`: nothing of the model comes in by itself, and declared columns keep their order."""
    return tuple(field.name for field in model._meta.get_fields())


class OpportunityResource(UploadResource):
    """As SalesDirector documents the file, and a currency beside the amount."""

    record = records.Opportunity
    key = "opportunity_id"

    opportunity_id = Column(
        "Opportunity ID",
        Text(),
        attribute="opportunity_id",
        field="external_id",
        required=True,
        aliases=(
            "opp id",
            "external opportunity id",
            "external opp id",
            "ID de oportunidad",
            "ID de la oportunidad",
            "ID oportunidad",
            "Clave de oportunidad",
            "Folio de oportunidad",
        ),
    )
    name = Column(
        "Opportunity Name",
        Text(),
        attribute="name",
        field="name",
        required=True,
        aliases=("opp name", "Nombre de oportunidad", "Nombre de la oportunidad", "Nombre oportunidad", "Oportunidad"),
    )
    amount = Column(
        "Amount",
        Amount(),
        attribute="amount",
        field="amount",
        aliases=("opp amount", "opportunity amount", "Importe", "Monto", "Valor", "Cantidad"),
    )
    currency = Column(
        "Currency",
        Currency(),
        attribute="currency",
        field="currency",
        clears=False,
        aliases=("currency code", "Moneda", "Divisa"),
    )
    close_date = Column(
        "Close Date",
        Day(),
        attribute="close_date",
        field="close_date",
        aliases=("closing date", "Fecha de cierre", "Cierre", "Fecha cierre"),
    )
    stage = Column(
        "Stage",
        Text(LABEL_CHARACTERS),
        attribute="stage__label",
        field="stage",
        aliases=("stage name", "opportunity stage", "sales stage", "Etapa", "Fase"),
    )
    owner_name = Column(
        "Opportunity Owner",
        Text(),
        attribute="owner__name",
        field="owner",
        clears=False,
        aliases=(
            "owner",
            "owner name",
            "opportunity owner name",
            "Propietario",
            "Propietario de la oportunidad",
            "Vendedor",
            "Responsable",
        ),
    )
    owner_email = Column(
        "Opportunity Owner Email",
        Email(),
        attribute="owner__email",
        field="owner",
        clears=False,
        aliases=(
            "owner email",
            "owner email address",
            "Correo del propietario",
            "Correo electrónico del propietario",
            "Email del propietario",
            "Correo del vendedor",
            "Email del vendedor",
        ),
    )
    account_id = Column(
        "Account ID",
        Text(),
        attribute="account__external_id",
        field="account",
        aliases=("acct id", "external account id", "ID de cuenta", "ID de la cuenta", "ID cuenta", "Clave de cuenta"),
    )
    account_name = Column(
        "Account Name",
        Text(),
        attribute="account__name",
        field="account",
        aliases=("account", "Cuenta", "Nombre de cuenta", "Nombre de la cuenta", "Empresa"),
    )
    website = Column(
        "Account URL/Website",
        Website(),
        attribute="account__website",
        field="account",
        aliases=("account url", "website", "account website", "url", "Sitio web", "Página web"),
    )
    type = Column(
        "Opportunity Type",
        Text(LABEL_CHARACTERS),
        attribute="type__label",
        field="type",
        aliases=("type", "opp type", "Tipo", "Tipo de oportunidad"),
    )
    next_step = Column(
        "Next Step",
        Text(PROSE_CHARACTERS),
        attribute="next_step",
        field="next_step",
        aliases=("next steps", "Siguiente paso", "Próximo paso", "Próximos pasos"),
    )

    class Meta:
        model = Opportunity
        exclude = every_field_of(Opportunity)
