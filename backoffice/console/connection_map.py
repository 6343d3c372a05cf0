"""The value map: what each entry of the vendor's lists means here. Unmapped ones first, and counted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext

from backoffice.access.permissions import may
from backoffice.console import connection_pages as pages
from backoffice.console.connection_counts import UNMAPPED
from backoffice.console.connection_pages import Tab
from backoffice.console.connection_words import connector_of
from backoffice.crm.models import Choice, Rep
from backoffice.crm.models.choices import ChoiceList
from backoffice.sync.meanings import options, spreading
from backoffice.sync.models import Connection, Option
from backoffice.sync.pushes import outbox
from connectors.kit.contract import Meaning, VendorList

SHOWN = 50
NOTHING, OPEN = "none", ""  # an entry that a person says means nothing here; one nobody has said anything of


class Meant(NamedTuple):
    """One of the entries of ours that an entry may mean."""

    value: str
    label: str


@dataclass(frozen=True)
class Row:
    """An entry of the vendor's, and what it may mean."""

    option: Option
    used: int
    value: str
    offered: Sequence[Meant]
    hint: str

    @property
    def is_unmapped(self) -> bool:
        return self.value == OPEN

    @property
    def field(self) -> str:
        return f"entry-{self.option.pk}"


class Group(NamedTuple):
    """Entries of one of the vendor's lists."""

    label: str
    ours: str
    rows: list[Row]


def page(request: HttpRequest, connection_id: int, context: dict[str, Any]) -> HttpResponse:
    """The map of one list, or, without `list`, all that is unmapped."""
    connection = pages.visible_connection(request, connection_id)
    lists = lists_of(connection)
    may_settle = may(request.user, "change", Option)
    if request.method == "POST":
        if not may_settle:
            raise PermissionDenied
        _settle(request, connection, lists)
        return HttpResponseRedirect(request.get_full_path())
    chosen = request.GET.get("list", "")
    chosen = chosen if chosen in lists else ""
    shown = Paginator(_entries(connection, chosen, lists), SHOWN).get_page(request.GET.get("p"))
    counts = _counts(connection, lists)
    context |= pages.frame(request, connection, "map") | {
        "groups": _groups(connection, shown, lists),
        "shown": shown,
        "lists": _tabs(connection, chosen, lists, counts),
        "chosen": chosen,
        "is_empty": not counts,
        "unmapped": sum(number for number, _all in counts.values()),
        "adoptable": _adoptable(request.user, lists, counts, chosen),
        "may_settle": may_settle,
        "nothing": NOTHING,
    }
    return TemplateResponse(request, "console/connections/map.html", context)


def adopt(request: HttpRequest, connection_id: int, context: dict[str, Any]) -> HttpResponse:
    """Asks first (GET), then makes entries of our own for what is unmapped (POST)."""
    connection = pages.visible_connection(request, connection_id)
    if not may(request.user, "change", Option):
        raise PermissionDenied
    lists = lists_of(connection)
    chosen = request.POST.get("list", "") or request.GET.get("list", "")
    wanted = [name for name in ([chosen] if chosen in lists else lists) if _may_adopt(request.user, lists[name])]
    back = pages.address(connection, "map") + (f"?list={chosen}" if chosen in lists else "")
    if request.method == "POST":
        made = options.adopt(connection, by=request.user, lists=wanted)  # type: ignore[arg-type]
        outbox.release(connection)
        text = ngettext("%(count)d entry has one of ours now.", "%(count)d entries have one of ours now.", made)
        messages.success(request, text % {"count": made})
        return HttpResponseRedirect(back)
    rows = Option.objects.filter(UNMAPPED, connection=connection, list__in=wanted, gone_at=None).order_by("id")
    context |= {
        "title": gettext("Make our own entries"),
        "connection": connection,
        "original": connection,
        "groups": _named_by_list(rows, lists),
        "back": back,
        "chosen": chosen if chosen in lists else "",
    }
    return TemplateResponse(request, "console/connections/adopt.html", context)


def lists_of(connection: Connection) -> dict[str, VendorList]:
    return options.lists_of(connection) if connector_of(connection) else {}


def _settle(request: HttpRequest, connection: Connection, lists: Mapping[str, VendorList]) -> None:
    """What was changed on the page, and nothing else: somebody may have settled the rest meanwhile."""
    settled = changed = 0
    for option in _those_changed(request.POST, connection, lists):
        said = request.POST[f"entry-{option.pk}"]
        choice, rep = _meant(said, lists[option.list])
        if said.isdecimal() and choice is None and rep is None:
            continue  # gone since the page was opened
        changed += options.mean(option, by=request.user, choice=choice, rep=rep)  # type: ignore[arg-type]
        settled += 1
    if not settled:
        messages.info(request, gettext("Nothing was changed."))
        return
    outbox.release(connection)
    text = ngettext("%(count)d entry settled.", "%(count)d entries settled.", settled) % {"count": settled}
    also = ngettext("%(count)d record changed with it.", "%(count)d records changed with it.", changed)
    messages.success(request, f"{text} {also % {'count': changed}}" if changed else text)


def _those_changed(
    said: Mapping[str, str], connection: Connection, lists: Mapping[str, VendorList]
) -> "QuerySet[Option]":
    ids = [
        int(name.removeprefix("entry-"))
        for name, value in said.items()
        if name.startswith("entry-")
        and name.removeprefix("entry-").isdecimal()
        and len(name) < 24
        and value != said.get(f"was-{name}", "")
    ]
    return Option.objects.filter(connection=connection, pk__in=ids, list__in=lists).select_related("connection")


def _meant(said: str, vendor_list: VendorList) -> tuple[Choice | None, Rep | None]:
    if not said.isdecimal() or len(said) > 18:
        return None, None
    if vendor_list.meaning is Meaning.REP:
        return None, Rep.objects.filter(pk=said).first()
    return Choice.objects.filter(pk=said, list=vendor_list.choices).first(), None


def _entries(connection: Connection, chosen: str, lists: Mapping[str, VendorList]) -> "QuerySet[Option]":
    """Of one list, what is open first; else what is open of all, list by list."""
    rows = Option.objects.filter(connection=connection, list__in=lists).select_related("choice", "rep")
    if chosen:
        is_open = Case(When(UNMAPPED, then=Value(0)), default=Value(1), output_field=IntegerField())
        return rows.filter(list=chosen).order_by(is_open, "label", "id")
    place = Case(
        *(When(list=name, then=Value(number)) for number, name in enumerate(lists)),
        default=Value(len(lists)),
        output_field=IntegerField(),
    )
    return rows.filter(UNMAPPED).order_by(place, "label", "id")


def _groups(connection: Connection, shown: "Page[Option]", lists: Mapping[str, VendorList]) -> list[Group]:
    found = list(shown.object_list)
    used = spreading.used(connection) if found else {}
    offered = _offered({option.list for option in found}, lists)
    groups: dict[str, Group] = {}
    for option in found:
        group = groups.setdefault(option.list, Group(_label(lists[option.list]), _ours(lists[option.list]), []))
        group.rows.append(_row(option, used.get(option.pk, 0), offered[option.list]))
    return [*groups.values()]


def _row(option: Option, used: int, offered: Sequence[Meant]) -> Row:
    meaning = option.choice or option.rep
    value = str(meaning.pk) if meaning else NOTHING if option.is_chosen else OPEN
    if meaning and value not in {each.value for each in offered}:  # archived since, or of somebody who left
        offered = [Meant(value, str(meaning)), *offered]
    hints = [str(option.extras[key]) for key in ("email", "status") if option.extras.get(key)]
    if option.remote_id not in {option.label, ""}:
        hints.insert(0, option.remote_id)
    return Row(option, used, value, offered, " · ".join(hints))


def _offered(names: Iterable[str], lists: Mapping[str, VendorList]) -> dict[str, list[Meant]]:
    """Our entries for each of the vendor's lists: two queries, however many there are."""
    wanted = {name: lists[name] for name in names}
    reps = [name for name, each in wanted.items() if each.meaning is Meaning.REP]
    offered: dict[str, list[Meant]] = {name: [] for name in wanted}
    if reps:
        people = [Meant(str(rep.pk), str(rep)) for rep in Rep.objects.filter(active=True, archived_at=None)]
        offered |= dict.fromkeys(reps, sorted(people, key=lambda each: each.label.casefold()))
    if len(reps) < len(wanted):
        ours: dict[str, list[Meant]] = {}
        choices = Choice.objects.filter(active=True, archived_at=None, list__in={e.choices for e in wanted.values()})
        for pk, of, label in choices.values_list("pk", "list", "label"):
            ours.setdefault(of, []).append(Meant(str(pk), label))
        offered |= {name: ours.get(each.choices, []) for name, each in wanted.items() if name not in reps}
    return offered


def _counts(connection: Connection, lists: Mapping[str, VendorList]) -> dict[str, tuple[int, int]]:
    """By list: how many entries are unmapped, and how many there are."""
    rows = Option.objects.filter(connection=connection, list__in=lists).order_by().values("list")
    found = rows.annotate(opened=Count("id", filter=UNMAPPED), every=Count("id"))
    return {row["list"]: (row["opened"], row["every"]) for row in found}


def _tabs(
    connection: Connection, chosen: str, lists: Mapping[str, VendorList], counts: Mapping[str, tuple[int, int]]
) -> list[Tab]:
    address = pages.address(connection, "map")
    every = sum(number for number, _all in counts.values())
    return [
        Tab("unmapped", gettext("All unmapped"), address, not chosen, every),
        *(
            Tab(name, _label(each), f"{address}?list={name}", name == chosen, counts[name][0])
            for name, each in lists.items()
            if name in counts
        ),
    ]


def _label(vendor_list: VendorList) -> str:
    return capfirst(str(vendor_list.label) or vendor_list.name.replace("_", " "))


def _ours(vendor_list: VendorList) -> str:
    """What stands opposite: our pick list, or the reps."""
    if vendor_list.meaning is Meaning.REP:
        return gettext("Our rep")
    known = vendor_list.choices in ChoiceList.values
    name = str(ChoiceList(vendor_list.choices).label) if known else vendor_list.choices
    return gettext("Our %(list)s") % {"list": name}


def _may_adopt(user: Any, vendor_list: VendorList) -> bool:
    """Making an entry takes what making it by hand would."""
    return may(user, "add", Rep if vendor_list.meaning is Meaning.REP else Choice)


def _adoptable(user: Any, lists: Mapping[str, VendorList], counts: Mapping[str, tuple[int, int]], chosen: str) -> int:
    """How many of those on the page we could have entries made for."""
    wanted = [chosen] if chosen else list(lists)
    return sum(counts[name][0] for name in wanted if name in counts and _may_adopt(user, lists[name]))


def _named_by_list(rows: "QuerySet[Option]", lists: Mapping[str, VendorList]) -> list[tuple[str, list[str]]]:
    named: dict[str, list[str]] = {}
    for name, label in rows.values_list("list", "label"):
        named.setdefault(name, []).append(label)
    return [(_label(lists[name]), labels) for name, labels in named.items()]
