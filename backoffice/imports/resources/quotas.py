"""The columns of a file of quotas: a row for each rep and month, or a row for each rep and a column for each month."""

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import override

from django.utils.translation import gettext

from backoffice.crm import records
from backoffice.imports.faults import listed, shown
from backoffice.imports.reading import months
from backoffice.imports.resources import spellings
from backoffice.imports.resources.columns import (
    Amount,
    Column,
    Currency,
    Email,
    Month,
    Shape,
    Text,
    UploadResource,
    every_field_of,
)
from backoffice.quotas.models import Quota

AMOUNT_OF = "amount:"  # before a month, the name of the column with its amounts


class QuotaResource(UploadResource):
    """As SalesDirector documents the file, with a currency and the rep's name beside it."""

    record = records.Quota
    key = "email"

    email = Column(
        "Email Address of Salesrep",
        Email(),
        attribute="rep__email",
        field="rep",
        required=True,
        clears=False,
        aliases=(
            *("email", "email address", "mail", "rep email", "rep email address", "salesrep email"),
            *("salesrep email address", "sales rep email address", "sales rep email", "email of salesrep"),
            *("owner email", "representative email", "user email", "seller email", "salesperson email"),
            *("Correo", "Correo electrónico", "Correo del vendedor", "Correo electrónico del vendedor"),
            *("Email del vendedor", "Correo vendedor", "Email vendedor", "Correo del representante"),
            *("Correo electrónico del representante", "Dirección de correo", "Dirección de correo electrónico"),
        ),
    )
    month = Column(
        "Month",
        Month(),
        attribute="month",
        field="month",
        required=True,
        clears=False,
        aliases=(
            *("date", "period", "month date", "quota month", "target month", "month of quota", "year month"),
            *("Mes", "Fecha", "Periodo", "Mes de la cuota", "Mes cuota", "Año y mes"),
        ),
    )
    amount = Column(
        "Amount",
        Amount(may_be_negative=False),
        attribute="amount",
        field="amount",
        required=True,
        clears=False,
        aliases=(
            *("quota", "quota amount", "target", "target amount", "sales target", "sales quota", "goal", "sales goal"),
            *("Importe", "Monto", "Cantidad", "Valor", "Cuota", "Cuota de ventas", "Meta", "Meta de ventas"),
            *("Objetivo", "Objetivo de ventas", "Monto de la cuota", "Importe de la cuota"),
        ),
    )
    currency = Column(
        "Currency",
        Currency(),
        attribute="currency",
        field="currency",
        clears=False,
        aliases=spellings.CURRENCY,
    )
    name = Column(
        "Name of Salesrep",
        Text(),
        attribute="rep__name",
        field="rep",
        clears=False,
        aliases=(
            *("name", "full name", "rep", "rep name", "salesrep", "sales rep", "salesrep name", "sales rep name"),
            *("owner", "owner name", "representative", "seller", "salesperson"),
            *("Nombre", "Nombre completo", "Vendedor", "Nombre del vendedor", "Representante"),
            *("Nombre del representante",),
        ),
    )

    class Meta:
        model = Quota
        exclude = every_field_of(Quota)

    @classmethod
    @override
    def dynamic(cls, header: str) -> tuple[str, Column] | None:
        month = months.month_called(header)
        return (f"{AMOUNT_OF}{month}", _amount_of(month)) if month else None

    @classmethod
    @override
    def column_called(cls, name: str) -> Column:
        month = month_of(name)
        return _amount_of(month) if month else super().column_called(name)

    @classmethod
    @override
    def shape(cls, named: Mapping[str, str], unknown: Sequence[str]) -> Shape:
        headers_of_months = [header for name, header in named.items() if month_of(name)]
        if not headers_of_months:
            without_year = [shown(header) for header in unknown if months.is_month_without_year(header)]
            wrong = [_year_please(without_year)] if without_year and "month" not in named else []
            return Shape(["email", "month", "amount"], wrong=wrong)
        if "month" in named:
            return Shape(["email"], twice=[_both_ways(named["month"], headers_of_months)])
        return Shape(["email"], idle=frozenset({"amount"}))


def month_of(name: str) -> dt.date | None:
    """The month whose amounts a column of this name (see `Upload.columns`) holds; None for the declared ones."""
    before, mark, month = name.partition(AMOUNT_OF)
    if before or not mark:
        return None
    try:
        return dt.date.fromisoformat(month)
    except ValueError:
        return None


@lru_cache(1_000)
def _amount_of(month: dt.date) -> Column:
    header = f"{month:%Y-%m}"
    return Column(header, Amount(may_be_negative=False), attribute="amount", field="amount", clears=False)


def _year_please(headers: Sequence[str]) -> str:
    return gettext(
        "The columns %(columns)s name months without a year. Write it in each of them, such as %(example)s."
    ) % {
        "columns": listed(headers),
        "example": "Jan 2026",
    }


def _both_ways(month: str, headers: Sequence[str]) -> str:
    return gettext(
        "The file says the month in two ways: in the column “%(month)s”, and above the columns %(columns)s. "
        "Keep one way, or leave the other's columns out with the option columns."
    ) % {"month": shown(month), "columns": listed([shown(header) for header in headers])}
