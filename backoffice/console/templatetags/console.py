"""What the console's templates ask for."""

from typing import Any

from django.contrib.admin.views.main import PAGE_VAR
from django.template import Context, Library
from unfold.templatetags.unfold_list import result_headers

from backoffice.console.cells import rows
from backoffice.console.lists import ChangeList

register = Library()


@register.simple_tag
def page_address(changelist: Any, number: int) -> str:
    """The address of the list's page `number`, with its search, filters and order."""
    return changelist.page_address(number) if isinstance(changelist, ChangeList) else f"?{PAGE_VAR}={number}"


@register.inclusion_tag("console/list_rows.html", takes_context=True)
def list_rows(context: Context, changelist: ChangeList) -> dict[str, Any]:
    """The list's table: its headers and its page of rows."""
    headers = list(result_headers(changelist))
    return {
        "cl": changelist,
        "result_headers": headers,
        "num_sorted_fields": sum(1 for header in headers if header["sortable"] and header["sorted"]),
        "results": list(rows(changelist)),
        "has_add_permission": changelist.model_admin.has_add_permission(context["request"]),
    }
