"""The sidebar: what a login may open, grouped by what people come to do."""

from collections.abc import Iterator
from typing import NamedTuple, NotRequired, TypedDict

from django.apps import apps
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.access.permissions import may


class Page(NamedTuple):
    """A model's list in the sidebar."""

    model: str
    icon: str


class Group(NamedTuple):
    title: str | Promise
    pages: tuple[Page, ...]


class Item(TypedDict):
    title: str
    icon: str
    link: str


class Section(TypedDict):
    items: list[Item]
    title: NotRequired[str]
    separator: NotRequired[bool]
    collapsible: NotRequired[bool]


GROUPS = (
    Group(
        _("Sell"),
        (
            Page("crm.opportunity", "sell"),
            Page("crm.account", "apartment"),
            Page("crm.contact", "person"),
            Page("crm.activity", "event"),
            Page("crm.note", "sticky_note_2"),
            Page("crm.document", "description"),
            Page("crm.ticket", "support_agent"),
            Page("crm.campaign", "campaign"),
            Page("crm.group", "groups"),
            Page("crm.product", "inventory_2"),
        ),
    ),
    Group(_("Plan"), (Page("quotas.quota", "flag"), Page("quotas.exchangerate", "currency_exchange"))),
    Group(
        _("Work"),
        (
            Page("imports.upload", "upload_file"),
            Page("imports.export", "download"),
            Page("jobs.job", "manufacturing"),
        ),
    ),
    Group(
        _("Connect"),
        (
            Page("sync.connection", "cable"),
            Page("sync.conflict", "call_split"),
            Page("sync.push", "outbox"),
            Page("sync.setaside", "rule"),
            Page("sync.suggestion", "join_inner"),
        ),
    ),
    Group(
        _("Company"),
        (
            Page("crm.rep", "badge"),
            Page("crm.team", "diversity_3"),
            Page("crm.region", "public"),
            Page("crm.choice", "list"),
            Page("crm.tag", "label"),
            Page("crm.customfield", "tune"),
            Page("crm.layout", "view_column"),
        ),
    ),
    Group(_("Admin"), (Page("access.user", "key"), Page("access.apikey", "vpn_key"))),
)


def sidebar(request: HttpRequest) -> list[Section]:
    """Unfold's navigation, with only what `request.user` may see."""
    home: Item = {"title": gettext("Overview"), "icon": "space_dashboard", "link": reverse("admin:index")}
    sections: list[Section] = [{"items": [home]}]
    for group in GROUPS:
        items = list(_items(request, group))
        if items:
            sections.append({"title": str(group.title), "separator": True, "items": items})
    return sections


def _items(request: HttpRequest, group: Group) -> Iterator[Item]:
    for page in group.pages:
        app_label, model_name = page.model.split(".")
        try:
            model = apps.get_model(app_label, model_name)
            link = reverse(f"admin:{app_label}_{model_name}_changelist")
        except (LookupError, NoReverseMatch):
            continue
        if may(request.user, "view", model):
            yield {"title": capfirst(str(model._meta.verbose_name_plural)), "icon": page.icon, "link": link}
