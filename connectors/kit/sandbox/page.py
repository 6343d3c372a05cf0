"""The sandbox's page: what there is "there", and forms to change it as the vendor's own users would."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from html import escape
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from backoffice.crm.records import Email, Opportunity, Ref
from connectors.kit.contract import VendorEntry
from connectors.kit.facades import Call, Reply, TooLarge
from connectors.kit.memory import KINDS, MemoryStore, World, known, label_of
from connectors.kit.sandbox.worlds import Worlds
from connectors.kit.store import Condition, Query, Stored, Test

PER_PAGE = 50
LABELS = {"opportunity": "Opportunities", "account": "Companies", "contact": "People"}
FIELDS: Mapping[str, Mapping[str, str]] = {
    "opportunity": {"name": "Name", "amount": "Amount", "stage": "Status", "close_date": "Expected close"},
    "account": {"name": "Name", "website": "Website"},
    "contact": {"given": "First name", "family": "Surname", "emails": "Email"},
}
SEARCHED = {"opportunity": "name", "account": "name", "contact": "name"}
REQUIRED = frozenset({"name", "family", "close_date"})

STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --link: #0b6bcb; }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
a { color: var(--link); } h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
nav a { margin-right: 1rem; } .quiet { color: var(--quiet); } code { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; }
td, th { border-bottom: 1px solid var(--line); padding: .5rem 1rem .5rem 0; vertical-align: top; }
th.number { text-align: right; } form.fields p { margin: 0; } nav [aria-current] { font-weight: 600; }
nav { margin-bottom: .75rem; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
form.fields { display: grid; gap: .75rem; align-items: end;
  grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); }
label { display: block; font-size: .85rem; color: var(--quiet); }
input, select, button { font: inherit; padding: .5rem; width: 100%; min-height: 2.75rem; }
button { cursor: pointer; } .row { display: flex; gap: .5rem; flex-wrap: wrap; } .row form { flex: 0 1 10rem; }
.wrong { border-left: 4px solid #c33; padding-left: .75rem; }
@media (max-width: 40rem) {
  thead { display: none; } tr { display: block; border-bottom: 1px solid var(--line); padding: .5rem 0; }
  td { display: block; border: 0; padding: 0; } td.number { text-align: left; }
}
"""


class Wrong(ValueError):
    """What was filled in can't be taken; the text is for the person."""


def answer(call: Call, worlds: Worlds, rest: str) -> Reply:
    """`rest` is what follows "_worlds/": a world's name, a kind, an id."""
    if not rest:
        return html("Sandbox", front(call, worlds))
    name, kind, id, *_ = [*rest.split("/"), "", ""]
    world = worlds.get(name)
    kind = kind or "opportunity"
    if world is None or kind not in FIELDS or (id and id not in world.all(kind)):
        return html("Not there", "<p>There is no such page. <a href='/'>All worlds</a></p>", 404)
    if call.method == "POST":
        try:
            return change(call, world, kind, id)
        except (Wrong, TooLarge) as error:
            words = f"<p class='wrong'>{escape(str(error) or 'That is too much.')}</p>"
            return html(world.name, words + (record_page(world, kind, id) if id else list_page(call, world, kind)), 400)
    return html(world.name, record_page(world, kind, id) if id else list_page(call, world, kind))


def front(call: Call, worlds: Worlds) -> str:
    host = escape(call.headers.get("host", "localhost"))
    parts = ["<p class='quiet'>Vendors to try things on. What is changed here is changed “there”.</p>"]
    for world in worlds:
        counts = ", ".join(f"{len(world.all(kind))} {label.lower()}" for kind, label in LABELS.items())
        parts.append(
            f"<h2><a href='{address(world)}'>{escape(world.name)}</a></h2>"
            f"<p>{escape(world.vendor)}: {counts}<br>Base URL <code>http://{host}/{quote(world.name)}</code></p>"
        )
        parts += [
            f"<p class='quiet'>{escape(caller.name or caller.id)}: <code>{escape(secret)}</code></p>"
            for secret, caller in sorted(world.callers.items(), key=lambda pair: pair[1].id)
        ]
    if len(parts) == 1:
        parts.append("<p>There is no world yet.</p>")
    return "".join(parts)


def list_page(call: Call, world: World, kind: str) -> str:
    words, number = call.param("q").strip(), call.param("page")
    page = max(int(number), 1) if number.isascii() and number.isdigit() and len(number) < 7 else 1
    like = [Condition(SEARCHED[kind], Test.LIKE, f"*{words}*")] if words else []
    query = Query(like, ["-changed_there"], (page - 1) * PER_PAGE, PER_PAGE)
    found = MemoryStore(world).find(kind, query)
    rows = "".join(f"<tr>{''.join(cells(world, kind, stored))}</tr>" for stored in found.found)
    heads = "".join(f"<th{numeric(field)}>{escape(label)}</th>" for field, label in FIELDS[kind].items())
    more = [
        f"<a href='?{escape(urlencode({'q': words, 'page': at}))}'>{text}</a>"
        for at, text in ((page - 1, "Newer"), (page + 1, "Older"))
        if at >= 1 and (at - 1) * PER_PAGE < found.total
    ]
    return (
        f"{tabs(world, kind)}"
        f"<form><label>Find <input type='search' name='q' value='{escape(words)}'></label></form>"
        f"<table><thead><tr>{heads}<th>Changed</th></tr></thead><tbody>{rows}</tbody></table>"
        f"<p class='quiet'>{found.total} in all {' '.join(more)}</p>"
        f"<h2>Add</h2>{form(world, kind, '', KINDS[kind]())}"
    )


def cells(world: World, kind: str, stored: Stored) -> list[str]:
    shown = []
    for place, field in enumerate(FIELDS[kind]):
        value = getattr(stored.record, field)
        text = f"{value:,.2f}" if isinstance(value, Decimal) else escape(as_text(value))
        if place == 0:
            text = f"<a href='{address(world, kind, stored.id)}'>{text or escape(label_of(stored.record)) or '–'}</a>"
        shown.append(f"<td{numeric(field)}>{text}</td>")
    moment = stored.record.changed_there
    return [*shown, f"<td class='quiet'>{moment:%Y-%m-%d %H:%M:%S} UTC</td>"]


def numeric(field: str) -> str:
    return " class='number'" if field == "amount" else ""


def record_page(world: World, kind: str, id: str) -> str:
    stored = MemoryStore(world).get(kind, id)
    record: Any = stored.record if stored else KINDS[kind]()
    doings = [("unarchive", "Bring back")] if record.archived_at else [("archive", "Archive")]
    doings += [(name, label) for name, label in (("won", "Win"), ("lost", "Lose")) if status(world, kind, name)]
    buttons = "".join(
        f"<form method='post'><input type='hidden' name='do' value='{name}'><button>{label}</button></form>"
        for name, label in doings
    )
    archived = "<p class='quiet'>Archived.</p>" if record.archived_at else ""
    return (
        f"{tabs(world, kind)}<h2>{escape(label_of(record))}</h2>{archived}"
        f"{form(world, kind, id, record)}<h2>Or</h2><div class='row'>{buttons}</div>"
    )


def tabs(world: World, kind: str) -> str:
    links = [
        f"<a href='{address(world, each)}'{' aria-current=page' if each == kind else ''}>{label}</a>"
        for each, label in LABELS.items()
    ]
    return f"<nav><a href='/'>All worlds</a> {' '.join(links)}</nav>"


def form(world: World, kind: str, id: str, record: Any) -> str:
    fields = [
        f"<p><label>{escape(label)}{control(world, kind, field, getattr(record, field))}</label></p>"
        for field, label in FIELDS[kind].items()
    ]
    action = address(world, kind, id)
    button = "Save" if id else "Add"
    return (
        f"<form class='fields' method='post' action='{action}'>{''.join(fields)}<p><button>{button}</button></p></form>"
    )


def control(world: World, kind: str, field: str, value: Any) -> str:
    if list_name := world.list_of(kind, field):
        chosen = value.id if value else ""
        entries = [VendorEntry(list_name, "", "–"), *world.lists.get(list_name, ())]
        options = "".join(option(entry, entry.id == chosen) for entry in entries)
        return f"<select name='{field}'>{options}</select>"
    kinds = {"amount": "number' step='0.01", "close_date": "date", "emails": "email"}
    required = " required" if field in REQUIRED else ""
    return f"<input type='{kinds.get(field, 'text')}' name='{field}' value='{escape(as_text(value))}'{required}>"


def option(entry: VendorEntry, is_chosen: bool) -> str:
    return f"<option value='{escape(entry.id)}'{' selected' if is_chosen else ''}>{escape(entry.label)}</option>"


def change(call: Call, world: World, kind: str, id: str) -> Reply:
    given = {
        key: values[-1]
        for key, values in parse_qs(call.body.decode("utf-8", "replace"), keep_blank_values=True).items()
    }
    doing = given.get("do", "")
    record: Any = KINDS[kind]()
    if doing and id:
        _do(world, kind, doing, record)
    else:
        for field in FIELDS[kind]:
            if field in given:
                setattr(record, field, read(world, kind, field, given[field].strip()))
        if kind == "contact":
            record.name = " ".join(part for part in (record.given or "", record.family or "") if part)
    if id:
        world.change(kind, id, record)
    elif known(record):
        world.add(kind, record)
    return Reply(b"", 303, "", {"Location": address(world, kind)})


def _do(world: World, kind: str, doing: str, record: Any) -> None:
    entry = status(world, kind, doing)
    if entry:
        record.stage = Ref(id=entry.id, label=entry.label)
    elif doing in {"archive", "unarchive"}:
        record.archived_at = world.now if doing == "archive" else None
    else:
        raise Wrong("That can't be done here.")


def status(world: World, kind: str, name: str) -> VendorEntry | None:
    """The entry of the stages that means won, or lost."""
    entries = world.lists.get(world.list_of(kind, "stage"), ()) if KINDS[kind] is Opportunity else ()
    return next((entry for entry in entries if name == entry.extras.get("status", entry.label.lower())), None)


def read(world: World, kind: str, field: str, text: str) -> Any:
    """A field as it was filled in. Raises Wrong."""
    if field in REQUIRED and not text:
        raise Wrong(f"{FIELDS[kind][field]} is missing.")
    if list_name := world.list_of(kind, field):
        entry = next((each for each in world.lists.get(list_name, ()) if each.id == text), None)
        return Ref(id=entry.id, label=entry.label) if entry else None
    try:
        return READERS.get(field, str)(text)
    except (ValueError, InvalidOperation) as error:
        raise Wrong(f"{FIELDS[kind][field]}: “{text[:60]}” can't be read.") from error


def _amount(text: str) -> Decimal | None:
    if not text:
        return None
    amount = Decimal(text) if text.isascii() and "_" not in text else Decimal("NaN")
    if not amount.is_finite() or abs(amount) >= 10**12:
        raise ValueError(text)
    return amount.quantize(Decimal("0.01"))


READERS: Mapping[str, Callable[[str], Any]] = {
    "amount": _amount,
    "close_date": date.fromisoformat,
    "emails": lambda text: [Email(text)] if text else [],
}


def as_text(value: Any) -> str:
    match value:
        case Ref():
            return value.label or value.id
        case Email():
            return value.address
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
        case list() | tuple():
            return as_text(value[0]) if value else ""
        case _:
            return str(value) if value else ""


def address(world: World, *rest: str) -> str:
    parts: Sequence[str] = [world.name, *(part for part in rest if part)]
    return "/_worlds/" + "/".join(quote(part, safe="") for part in parts)


def html(title: str, body: str, status: int = 200) -> Reply:
    content = (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    return Reply(content.encode(), status, "text/html; charset=utf-8", {"Content-Security-Policy": policy})
