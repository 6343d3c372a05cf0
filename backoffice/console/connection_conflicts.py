"""A record's open conflicts, field by field: what both agreed on, what each made of it, and who changed ours when."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.changes.describing import ChangeLine, describe
from backoffice.changes.reading import history
from backoffice.changes.registry import model_of
from backoffice.console import connection_pages as pages
from backoffice.console.connection_records import Titled, named
from backoffice.console.connection_values import Asked, Teller
from backoffice.console.connection_words import field_label, moment
from backoffice.console.errors import NotThere
from backoffice.sync.conflicts import CannotSettle, settle
from backoffice.sync.models import Conflict, Side

ENTRIES_READ = 100
CHANGES_SHOWN = 3


class Shown(NamedTuple):
    """One field both sides changed."""

    conflict: Conflict
    label: str
    base: str
    here: str
    there: str
    changes: Sequence[ChangeLine]
    settled: str

    @property
    def field(self) -> str:
        return f"conflict-{self.conflict.pk}"


def visible_conflict(request: HttpRequest, conflict_id: int | str) -> Conflict:
    user: Any = request.user
    is_id = str(conflict_id).isdecimal() and int(conflict_id) < 2**63
    seen = Conflict.objects.visible_to(user) if may(user, "view", Conflict) else None
    found = seen.filter(pk=conflict_id).select_related("connection").first() if seen is not None and is_id else None
    if found is None:
        raise NotThere(gettext("There is no such conflict."))
    return found


def page(request: HttpRequest, conflict_id: str, context: dict[str, Any]) -> HttpResponse:
    """All open conflicts of the record and connection; one that is settled alone. POST settles what is chosen."""
    conflict = visible_conflict(request, conflict_id)
    if request.method == "POST":
        if not may(request.user, "change", Conflict):
            raise PermissionDenied
        return _settled(request, conflict)
    user: Any = request.user
    record = named([(conflict.kind, conflict.object_id)], user)[conflict.kind, conflict.object_id]
    connection = pages.visible_connection(request, conflict.connection_id)
    context |= pages.frame(request, connection, "conflicts") | {
        "title": record.name,
        "original": Titled(conflict, record.name),
        "conflict": conflict,
        "record": record,
        "fields": shown(_together(conflict), user),
        "may_settle": may(user, "change", Conflict) and conflict.settled_at is None,
        "sides": Side,
    }
    return TemplateResponse(request, "console/connections/conflict.html", context)


def _together(conflict: Conflict) -> list[Conflict]:
    if conflict.settled_at is not None:
        return [conflict]
    same = Conflict.objects.filter(
        connection=conflict.connection, kind=conflict.kind, object_id=conflict.object_id, settled_at=None
    )
    return list(same.select_related("connection", "settled_by").order_by("field"))


def _settled(request: HttpRequest, conflict: Conflict) -> HttpResponse:
    chosen = {each.pk: request.POST.get(f"conflict-{each.pk}", "") for each in _together(conflict)}
    picked = [each for each in _together(conflict) if chosen[each.pk] in Side.values]
    done = settle_all(request, [(each, Side(chosen[each.pk])) for each in picked])
    if not picked:
        messages.info(request, gettext("Nothing was chosen."))
    left = next((each for each in _together(conflict) if each.settled_at is None), None)
    if picked and done and (left is None or left.settled_at is not None):
        return HttpResponseRedirect(reverse("admin:sync_conflict_changelist"))
    return HttpResponseRedirect(reverse("admin:sync_conflict_change", args=[(left or conflict).pk]))


def settle_all(request: HttpRequest, wanted: Iterable[tuple[Conflict, Side]]) -> int:
    """Let sides have their way, and say what came of it. How many were settled."""
    done, refused = 0, dict[str, str]()
    for conflict, side in wanted:
        try:
            settle(conflict, side, request.user)  # type: ignore[arg-type]
            done += 1
        except CannotSettle as error:
            refused.setdefault(str(error), field_label(conflict.kind, conflict.field))
    if done:
        text = ngettext("%(count)d conflict settled.", "%(count)d conflicts settled.", done)
        messages.success(request, text % {"count": done})
    for sentence, field in refused.items():
        messages.warning(request, gettext("%(field)s: %(why)s") % {"field": field, "why": sentence})
    return done


def shown(conflicts: Sequence[Conflict], user: User) -> list[Shown]:
    """Of one record."""
    asked = {
        each.pk: [Asked(each.connection, each.kind, each.field, value) for value in (each.base, each.here, each.there)]
        for each in conflicts
    }
    teller = Teller((each for three in asked.values() for each in three), user)
    changes = _changes(conflicts[0], user) if conflicts else []
    found = []
    for conflict in conflicts:
        base, here, there = (teller.told(each) or "–" for each in asked[conflict.pk])
        label = field_label(conflict.kind, conflict.field)
        about = [line for line in changes if _touches(line, conflict)][:CHANGES_SHOWN]
        found.append(Shown(conflict, label, base, here, there, about, _outcome(conflict)))
    return found


def _changes(conflict: Conflict, user: User) -> list[ChangeLine]:
    """What happened to the record here, its own pulls apart."""
    entries = history(conflict.kind, conflict.object_id).exclude(connection_id=conflict.connection_id)
    return describe(entries[:ENTRIES_READ], user)


def _touches(line: ChangeLine, conflict: Conflict) -> bool:
    name = conflict.field.partition(".")[0]
    if line.change.child_kind is not None:
        return line.change.child_kind.replace("_", "").endswith(name.rstrip("s"))
    columns = {name, f"{name}_id"}
    field = next((each for each in model_of(conflict.kind)._meta.concrete_fields if each.name == name), None)
    return bool((columns | {str(field.column)} if field else columns) & set(line.change.columns))


def _outcome(conflict: Conflict) -> str:
    if conflict.settled_at is None:
        return ""
    words = {"side": Side(conflict.taken).label if conflict.taken else "–", "at": moment(conflict.settled_at)}
    by = conflict.settled_by
    if by is None:
        return gettext("Settled by a pull, %(at)s: %(side)s.") % words
    words["name"] = by.get_full_name() or by.get_username()
    return gettext("Settled by %(name)s, %(at)s: %(side)s.") % words
