"""What is said and done around a sale: activities and notes, in the words of the customer's country."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from random import Random
from typing import NamedTuple

from backoffice.local.demo.copying import uid_at
from backoffice.local.demo.window import at_hour
from backoffice.local.demo.world import World


class Story(NamedTuple):
    """What activities and notes need to know of an opportunity."""

    id: int
    account: int
    contact: int | None
    owner: int
    owner_email: str
    manager: int | None
    language: str
    product: str
    begun: datetime
    ended: datetime | None


class Words(NamedTuple):
    calls: tuple[str, ...]
    meetings: tuple[str, ...]
    to_dos: tuple[str, ...]
    results: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]


ENGLISH = Words(
    calls=("First call", "Call back about the quote", "Ask who decides", "Check delivery dates"),
    meetings=(
        "Tasting in the showroom",
        "Site visit: water, power, drains",
        "Demo of the {product}",
        "Walk through the offer",
    ),
    to_dos=("Send the quote", "Book a technician", "Get a credit check", "Prepare the leasing papers"),
    results=("Reached, will decide next week.", "Left a message.", "Went well, they liked the milk texture.", ""),
    notes=(
        ("Water report", "Hardness 14 °dH. The {product} needs a softener, added to the quote."),
        ("Budget", "Budget is approved for this quarter only."),
        ("Competitor", "Also talking to Nordkanne; they were 6 % cheaper but can't deliver before spring."),
        ("Tasting", "Four people at the tasting. The head barista wants the {product}, finance wants leasing."),
        ("", "Call in the afternoon only: mornings are for guests."),
    ),
)
SPANISH = Words(
    calls=("Primera llamada", "Seguimiento a la cotización", "Preguntar quién decide", "Confirmar fecha de entrega"),
    meetings=("Degustación en el showroom", "Visita técnica", "Demostración de {product}", "Revisión de la propuesta"),
    to_dos=(
        "Enviar cotización",
        "Agendar instalación",
        "Pedir constancia de situación fiscal",
        "Preparar arrendamiento",
    ),
    results=("Contestó, decide la próxima semana.", "Se dejó recado.", "Quedó encantado con la crema.", ""),
    notes=(
        ("Agua", "Agua muy dura en la zona: {product} con suavizador, ya está en la cotización."),
        ("Presupuesto", "El presupuesto se libera después de Año Nuevo."),
        ("Competencia", "También cotizan con La Tazza; nos piden igualar el precio."),
        ("Degustación", "Vinieron la dueña y dos baristas. Les gustó {product} más que la máquina que tienen."),
        ("", "Buscar por la tarde; el señor Núñez no está en las mañanas."),
    ),
)
GERMAN = Words(
    calls=("Erstgespräch", "Nachfassen zum Angebot", "Entscheider klären", "Liefertermin abstimmen"),
    meetings=("Verkostung im Showroom", "Begehung vor Ort", "Vorführung {product}", "Angebot durchsprechen"),
    to_dos=("Angebot schicken", "Techniker einplanen", "Bonität prüfen", "Leasingvertrag vorbereiten"),
    results=("Erreicht, Entscheidung nächste Woche.", "Nachricht hinterlassen.", "Lief gut, die Milch überzeugt.", ""),
    notes=(
        ("Wasser", "19 °dH laut Stadtwerken: {product} nur mit Enthärter."),
        ("Budget", "Budget erst ab dem neuen Geschäftsjahr."),
        ("Wettbewerb", "Nordkanne hat auch angeboten, rund 4 % günstiger, ohne Wartung."),
        ("Verkostung", "Vier Gäste. Die Küchenchefin möchte {product}, die Buchhaltung lieber leasen."),
        ("", "Nur nachmittags anrufen."),
    ),
)
WORDS = {"en": ENGLISH, "es-MX": SPANISH, "es": SPANISH, "de": GERMAN, "fr": ENGLISH}
COLOURS = ("", "", "", "#7a4a21", "#2f6f4f", "#b5483a")
ROOMS = ("", "", "Showroom", "Video call", "At the customer's")
PRIVATE_SHARE = 0.12
LATER_SHARE, DAY_SHARE = 0.04, 0.25


class ActivityRow(NamedTuple):
    uid: str
    created_at: datetime
    changed_at: datetime
    kind: str
    subject: str
    details: str
    start_on: date | None
    start_at: datetime | None
    end_at: datetime | None
    later: bool
    all_day: bool
    colour: str
    location: str
    owner_id: int
    assigned_by_id: int | None
    account_id: int
    contact_id: int | None
    opportunity_id: int
    completed_at: datetime | None
    result: str


class NoteRow(NamedTuple):
    uid: str
    created_at: datetime
    changed_at: datetime
    kind: str
    title: str
    body: str
    private: bool
    author_id: int
    sender: str
    recipients: str
    happened_at: datetime
    account_id: int
    contact_id: int | None
    opportunity_id: int


def activities_of(world: World, story: Story, chance: Random) -> Iterator[ActivityRow]:
    """One to three: the past ones done, those of an open opportunity partly still to come."""
    words = WORDS[story.language]
    today = at_hour(world.window.today, 0)
    latest = story.ended or today + timedelta(days=21)
    for _ in range(chance.randint(1, 3)):
        kind, subjects = chance.choice(
            (("call", words.calls), ("meeting", words.meetings), ("to_do", words.to_dos), ("event", words.meetings))
        )
        start = _between(story.begun, latest, chance)
        noted = min(start - timedelta(days=chance.randint(0, 6)), today - timedelta(minutes=chance.randint(10, 600)))
        is_over = start < today
        is_later = not is_over and chance.random() < LATER_SHARE
        is_day = kind == "to_do" or chance.random() < DAY_SHARE
        has_moment = not (is_later or is_day)
        yield ActivityRow(
            *(uid_at(noted, chance), noted, max(noted, start) if is_over else noted),
            kind=kind,
            subject=chance.choice(subjects).format(product=story.product),
            details="",
            start_on=start.date() if is_day and not is_later else None,
            start_at=start if has_moment else None,
            end_at=start + timedelta(minutes=30 * chance.randint(1, 4)) if has_moment else None,
            later=is_later,
            all_day=is_day and kind == "event",
            colour=chance.choice(COLOURS),
            location=chance.choice(ROOMS) if kind in {"meeting", "event"} else "",
            owner_id=story.owner,
            assigned_by_id=story.manager if chance.random() < 0.1 else None,
            account_id=story.account,
            contact_id=story.contact,
            opportunity_id=story.id,
            completed_at=start + timedelta(minutes=40) if is_over and chance.random() < 0.93 else None,
            result=chance.choice(words.results) if is_over else "",
        )


def notes_of(world: World, story: Story, chance: Random) -> Iterator[NoteRow]:
    words = WORDS[story.language]
    latest = story.ended or at_hour(world.window.today, 0)
    for _ in range(chance.randint(1, 2)):
        at = _between(story.begun, latest, chance)
        kind = chance.choices(("note", "email", "event"), (6, 3, 1))[0]
        title, body = chance.choice(words.notes)
        is_mail = kind == "email"
        yield NoteRow(
            *(uid_at(at, chance), at, at),
            kind=kind,
            title=title,
            body=body.format(product=story.product),
            private=not is_mail and chance.random() < PRIVATE_SHARE,
            author_id=story.owner,
            sender=story.owner_email if is_mail else "",
            recipients="purchasing@customer.example" if is_mail else "",
            happened_at=at,
            account_id=story.account,
            contact_id=story.contact,
            opportunity_id=story.id,
        )


def _between(begun: datetime, latest: datetime, chance: Random) -> datetime:
    """A quarter of an hour in office hours, on a day between the two."""
    days = max((latest - begun).days, 0)
    day = (begun + timedelta(days=int(chance.random() * (days + 1)))).date()
    return datetime.combine(day, time(8 + int(chance.random() * 10), 15 * int(chance.random() * 4)), begun.tzinfo)
