"""What an export asked for by the API or the command line can be narrowed and sorted by: as the list of its kind."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import F
from django.http import QueryDict
from django.utils.translation import gettext
from ninja import Field
from pydantic import ValidationError

from backoffice.access.models import User
from backoffice.crm.filters import AccountFilters, ContactFilters, Filters, OpportunityFilters
from backoffice.imports.exports.exporting import Rows, Selection, door, model_of
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import Kind
from backoffice.imports.models import Format
from backoffice.paging import PageQuery, sort_named
from backoffice.quotas.api import QuotaFilters

DOOR = "api"


class Whole(PageQuery):
    """A list without pages."""

    limit: ClassVar[int] = 0  # type: ignore[misc]
    cursor: ClassVar[str] = ""  # type: ignore[misc]
    format: Format = Field(Format.CSV, description="What to write.")


class OpportunityExport(Whole, OpportunityFilters):
    pass


class ContactExport(Whole, ContactFilters):
    pass


class AccountExport(Whole, AccountFilters):
    pass


class QuotaExport(Whole, QuotaFilters):
    pass


FILTERS: Mapping[str, type[Filters]] = {
    "opportunities": OpportunityExport,
    "contacts": ContactExport,
    "accounts": AccountExport,
    "quotas": QuotaExport,
}


def selection_of(query: QueryDict) -> Selection:
    """Of the same rows whatever the format."""
    query = query.copy()
    query.pop("format", None)
    return Selection(DOOR, query.urlencode())


@door(DOOR)
def found(kind: Kind, user: User, query: str) -> Rows:
    """Raises Refused for filters that the kind's list does not have, and for values they do not take."""
    filters = understood(kind, QueryDict(query))
    rows: Any = model_of(kind)._default_manager
    sort = sort_named(filters.sort, filters.sorts)
    column = F(sort.column)
    first = column.desc(nulls_last=True) if sort.descending else column.asc(nulls_last=True)
    narrowed: Rows = filters.narrow(rows.visible_to(user))
    return narrowed.order_by(first, *(() if sort.column == "id" else ("-id" if sort.descending else "id",)))


def understood(kind: Kind, query: QueryDict) -> Filters:
    known = FILTERS[kind.name]
    unknown = sorted(query.keys() - known.model_fields.keys())
    if unknown:
        message = gettext("There is no such filter. Choose from: {known}.").format(known=", ".join(known.model_fields))
        raise Refused(f"{unknown[0]}: {message}", option=unknown[0])
    try:
        return known.model_validate(query.dict())
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(f"{first['loc'][0]}: {first['msg']}", option=str(first["loc"][0])) from error
