"""The Tactile CRM account of the demo: the European teams kept their work there, and still do.

It is a world of the sandbox, made of what the demo has on file: a part of its organisations and people are accounts and
contacts here, known by their own domain and their email; the rest the back office hears of by the first pull. The same
demo on the same day gives the same account.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from random import Random

from django.db import transaction

from backoffice.changes.acting import Door, acting
from backoffice.local.demo.people import PEOPLE, email_of
from backoffice.local.demo.tactile_customers import (
    CURRENCY,
    LISTS,
    STATUSES,
    STRANGER,
    Making,
    make_organisations,
    make_people,
)
from backoffice.local.demo.tactile_opportunities import make_opportunities
from backoffice.local.sandbox import file_in
from backoffice.sync import registering
from backoffice.sync.models import Connection, Health, Policy, SendsNew
from connectors.kit.contract import VendorEntry
from connectors.kit.memory import World
from connectors.kit.sandbox import Worlds
from connectors.kit.store import Caller
from connectors.tactile import mapping as lists

CONNECTION, NAME = "tactile-demo", "caldera-europe"
TIME_ZONE = "Europe/London"
EVERY_MINUTES = 5
TEAMS = ("Europe sales", "DACH", "Western Europe")


def make_account(today: date) -> World:
    """The account as it would stand on `today`."""
    reps = [name for team in TEAMS for name in PEOPLE[team]]
    users = [email_of(name).partition("@")[0] for name in reps]
    making = Making(_empty(today, users), today, users)
    make_organisations(making)
    make_people(making)
    make_opportunities(making)
    return making.world


def keep(world: World, home: Path) -> None:
    """In the sandbox's file, which whoever serves it reads when it starts."""
    worlds = Worlds.load(file_in(home))
    worlds.add(world)
    worlds.save()


def connect(sandbox: str, world: World) -> Connection:
    """The connection to it. It is due at once: the scheduler begins the first pull."""
    (secret,) = world.callers
    with acting(None, Door.COMMAND, label="demo"), transaction.atomic():
        connection = registering.create(
            {
                "name": CONNECTION,
                "vendor": "tactile",
                "base_url": f"{sandbox}/{NAME}",
                "secrets": {"api_token": secret},
                "pulls": True,
                "pushes": True,
                # The other continents' records have no place in it: only what it has is kept in step.
                "sends_new": SendsNew.NONE,
                "policy": Policy.ASK,
                "currency": CURRENCY,
                "time_zone": TIME_ZONE,
                "every_minutes": EVERY_MINUTES,
            }
        )
        Health.objects.filter(connection=connection).update(next_pull_at=None)
    return connection


def follow(sandbox: str) -> None:
    """The sandbox may have got another port: have its connection call it there."""
    connection = Connection.objects.filter(name=CONNECTION).first()
    wanted = f"{sandbox}/{NAME}"
    if connection and connection.base_url != wanted and connection.base_url.endswith(f"/{NAME}"):
        with acting(None, Door.COMMAND, label="demo"):
            registering.change(connection, {"base_url": wanted, "secrets": connection.secrets})


def _empty(today: date, users: Iterable[str]) -> World:
    logins = [*users, STRANGER]
    given = {name: [VendorEntry(name, str(id), label) for id, label in enumerate(labels, 1)] for name, labels in
             LISTS.items()}  # fmt: skip
    given[lists.USERS] = [VendorEntry(lists.USERS, login, login) for login in logins]
    given[lists.STATUSES] = [
        VendorEntry(lists.STATUSES, str(id), label, {"status": status})
        for id, (label, status) in enumerate(STATUSES.items(), 1)
    ]
    secret = f"{Random(f'{today:%Y-%m-%d} tactile token').getrandbits(160):040x}"  # noqa: S311 (of a sandbox)
    caller = Caller(logins[0], PEOPLE[TEAMS[0]][0].full, is_admin=True)
    return World(lists.MAPPINGS, vendor="tactile", name=NAME, callers={secret: caller}, lists=given)
