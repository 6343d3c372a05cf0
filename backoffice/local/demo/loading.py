"""Load the demo: family after family by COPY, in one transaction, so that half a demo never stays behind.

The change log is on, as for every other change. Of the server's time for an opportunity with its 25 indexes it takes
a fifth (2.96 s without, 3.66 s with, for 40,000 in batches of 10,000), the checks of its references a quarter.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db import connection, models
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm import models as crm
from backoffice.local.demo.accounts import load_accounts
from backoffice.local.demo.campaigns import load_campaigns, load_groups
from backoffice.local.demo.choices import load_choices, load_custom_fields, load_tags
from backoffice.local.demo.contacts import load_contacts
from backoffice.local.demo.copying import analyze
from backoffice.local.demo.opportunities import load_opportunities
from backoffice.local.demo.people import HEAD, email_of, leader_of, load_people
from backoffice.local.demo.products import load_products
from backoffice.local.demo.service import load_documents, load_tickets
from backoffice.local.demo.targets import DOLLARS, load_quotas, load_rates
from backoffice.local.demo.window import Window
from backoffice.local.demo.world import BASE_OPPORTUNITIES, Sizes, World
from backoffice.quotas.models import ExchangeRate, Quota, QuotaRevision

type Report = Callable[[str, int], None]
"""Called with the name of a table and how many rows came into it."""

FAMILIES: tuple[tuple[Callable[[World], None], tuple[type[models.Model], ...]], ...] = (
    (load_choices, (crm.Choice,)),
    (load_tags, (crm.Tag,)),
    (load_custom_fields, (crm.CustomField,)),
    (load_rates, (ExchangeRate,)),
    (load_people, (crm.Region, crm.Team, crm.Rep, crm.RepPlace)),
    (load_products, (crm.Product, crm.ProductTax)),
    (load_accounts, (crm.Account, crm.AccountTag)),
    (load_contacts, (crm.Contact, crm.ContactTag)),
    (load_campaigns, (crm.Campaign, crm.CampaignMember)),
    (load_groups, (crm.Group, crm.GroupMember)),
    (
        load_opportunities,
        (crm.Opportunity, crm.LineItem, crm.OpportunityContact, crm.OpportunityTag, crm.Activity, crm.Note),
    ),
    (load_tickets, (crm.Ticket, crm.TicketTag)),
    (load_documents, (crm.Document,)),
    (load_quotas, (Quota, QuotaRevision, Change)),
)
LOCK = "backoffice demo"


class CannotLoad(Exception):
    """The demo can't be loaded here; the message says why and what to do."""


@dataclass(frozen=True)
class Loaded:
    today: date
    opportunities: int
    counts: dict[str, int]
    """Rows by table."""
    seconds: float

    @property
    def rows(self) -> int:
        return sum(self.counts.values())

    @property
    def rows_per_second(self) -> int:
        return round(self.rows / self.seconds)


def is_loaded() -> bool:
    """Whether the demo is on file: its head of sales is."""
    return crm.Rep.objects.filter(email=email_of(leader_of(HEAD))).exists()


def load(
    opportunities: int = BASE_OPPORTUNITIES, today: date | None = None, report: Report = lambda _table, _rows: None
) -> Loaded:
    """Fill the domain as it would stand on `today`; the same day gives the same rows.

    Rows of others stay as they are. CannotLoad when the demo is there already.
    """
    if settings.COMPANY_CURRENCY not in DOLLARS:
        raise CannotLoad(
            _("The demo's company counts in {known}, not in {currency}: set COMPANY_CURRENCY to one of them.").format(
                known=", ".join(DOLLARS), currency=settings.COMPANY_CURRENCY
            )
        )
    world = World(Window(today or timezone.localdate()), Sizes(opportunities), settings.COMPANY_CURRENCY, report)
    started = time.monotonic()
    with acting(None, Door.COMMAND, label="demo"), _alone():
        for load_family, tables in FAMILIES:
            load_family(world)
            analyze(*tables)
    return Loaded(world.window.today, opportunities, dict(world.counts), time.monotonic() - started)


@contextmanager
def _alone() -> Iterator[None]:
    """Within the transaction: no second demo beside this one, and every reference checked as it comes in.

    Checked at the end, as usual, the references of a million rows would wait in the server's memory.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [LOCK])
        if is_loaded():
            raise CannotLoad(
                _("The demo is here already, and nothing was changed. Load another one into an empty data folder.")
            )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        yield
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
