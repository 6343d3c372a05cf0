"""The button over a list that exports it."""

from typing import Any

from django.template import Context, Library

from backoffice.console.export_pages import menu

register = Library()


@register.inclusion_tag("console/exports/menu.html", takes_context=True)
def export_menu(context: Context, changelist: Any) -> dict[str, Any]:
    if changelist.is_popup:
        return {}
    return menu(context["request"], changelist.model) | {"csrf_token": context.get("csrf_token")}
