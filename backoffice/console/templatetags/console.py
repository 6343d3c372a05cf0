"""What the console's templates ask for."""

from typing import Any

from django.contrib.admin.views.main import PAGE_VAR
from django.template import Library

from backoffice.console.lists import ChangeList

register = Library()


@register.simple_tag
def page_address(changelist: Any, number: int) -> str:
    """The address of the list's page `number`, with its search, filters and order."""
    return changelist.page_address(number) if isinstance(changelist, ChangeList) else f"?{PAGE_VAR}={number}"
