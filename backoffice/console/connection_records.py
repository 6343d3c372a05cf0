"""Names of, and ways to, the records that links, pushes, conflicts and suggestions speak of."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.changes.registry import model_of
from backoffice.console.connection_words import kind_label


class Named(NamedTuple):
    """A record as its reader may know it. `link` is empty where there is nothing to open."""

    kind: str
    object_id: int
    name: str
    link: str

    @property
    def cell(self) -> SafeString:
        """Its kind and name, as a link where there is one."""
        if not self.link:
            return format_html('<span class="lv-quiet">{}</span> {}', self.kind, self.name)
        return format_html(
            '<span class="lv-quiet">{}</span> <a class="lv-link" href="{}">{}</a>', self.kind, self.link, self.name
        )


class Titled:
    """A row under the name of the record it speaks of: what stands above its page."""

    def __init__(self, row: Model, title: str) -> None:
        self._meta = row._meta
        self.pk = row.pk
        self.title = title

    def __str__(self) -> str:
        return self.title


type Key = tuple[str, int]


def named(records: Iterable[Key], user: User) -> dict[Key, Named]:
    """All of them, by kind and id; what `user` may not see, or is gone, by its number. A query for each kind."""
    wanted: dict[str, set[int]] = {}
    for kind, pk in records:
        wanted.setdefault(kind, set()).add(pk)
    found: dict[Key, Named] = {}
    for kind, ids in wanted.items():
        label, names = kind_label(kind), _names(kind, ids, user)
        for pk in ids:
            link = link_to(kind, pk) if pk in names else ""
            found[kind, pk] = Named(label, pk, names.get(pk) or f"#{pk}", link)
    return found


def _names(kind: str, ids: set[int], user: User) -> dict[int, str]:
    model = model_or_none(kind)
    if model is None or not may(user, "view", model):
        return {}
    return {row.pk: str(row) for row in model.objects.visible_to(user).filter(pk__in=ids)}


def model_or_none(kind: str) -> Any:
    try:
        model: Any = model_of(kind)
    except KeyError:
        return None
    return model if hasattr(model._default_manager, "visible_to") else None


def link_to(kind: str, pk: int) -> str:
    model = model_or_none(kind)
    try:
        return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[pk]) if model else ""
    except NoReverseMatch:
        return ""
