"""How to make the n-th row of each kind that has a list in the console, for a rep."""

from datetime import date
from uuid import uuid4

from django.core.files.base import ContentFile

from backoffice.access.models import ApiKey, Role, User
from backoffice.crm import models as crm
from backoffice.imports.models import Export, Upload
from backoffice.jobs.models import Job
from backoffice.jobs.registry import Queue
from backoffice.quotas.models import ExchangeRate, Quota
from backoffice.sync.models import Conflict, Connection, Push, SetAside, Suggestion


def account(n, rep):
    return crm.Account.objects.create(
        name=f"Account {n} {uuid4().hex[:6]}", owner=rep, emails=[{"address": "a@b.example"}]
    )


def contact(n, rep):
    return crm.Contact.objects.create(given=f"Contact {n}", owner=rep, account=account(n, rep))


def stage(label="Talking", status="open"):
    found, _made = crm.Choice.objects.get_or_create(list="stage", label=label, defaults={"status": status})
    return found


def tag(n, rep=None):
    return crm.Tag.objects.create(name=f"Tag {n} {uuid4().hex[:6]}")


def product(n, rep=None):
    return crm.Product.objects.create(name=f"Product {n}", price=n, currency="USD")


def opportunity(n, rep):
    made = crm.Opportunity.objects.create(
        name=f"Opportunity {n}", owner=rep, account=account(n, rep), amount=n, currency="MXN", stage=stage()
    )
    crm.LineItem.objects.create(opportunity=made, product=product(n), unit_price=n)
    crm.OpportunityContact.objects.create(opportunity=made, contact=contact(n, rep), role="Buyer")
    crm.OpportunityTag.objects.create(opportunity=made, tag=tag(n))
    return made


def campaign(n, rep):
    made = crm.Campaign.objects.create(name=f"Campaign {n}", owner=rep)
    crm.CampaignMember.objects.create(campaign=made, contact=contact(n, rep))
    return made


def group(n, rep):
    made = crm.Group.objects.create(name=f"Group {n}", owner=rep)
    crm.GroupMember.objects.create(group=made, account=account(n, rep))
    return made


def another_rep(n, rep):
    """Someone below `rep`, so that a rep's own list still holds one row only."""
    made = crm.Rep.objects.create(given=f"Rep {n}", email=f"rep{n}-{uuid4().hex[:6]}@example.com")
    crm.RepPlace.objects.create(rep=made, manager=rep, from_month=date(2020, 1, 1))
    return made


def login(n, rep=None):
    return User.objects.create_user(f"login{n}-{uuid4().hex[:6]}", role=Role.REP)


def job(n, rep):
    return Job.objects.create(kind="tests.nothing", queue=Queue.DEFAULT, door="console", asked_by=rep.user)


def upload(n, rep):
    return Upload.objects.create(
        kind="opportunities",
        file=ContentFile(b"Name", name="x.csv"),
        name=f"{n}.csv",
        size=4,
        sha256="0" * 64,
        rows=0,
        layout={"format": "csv", "encoding": "utf-8", "delimiter": ","},
        asked_by=rep.user,
        job=job(n, rep),
    )


def export(n, rep):
    return Export.objects.create(kind="opportunities", format="csv", asked_by=rep.user, job=job(n, rep))


def month(n):
    return date(2000 + n // 12, n % 12 + 1, 1)


def connection(n=0, rep=None):
    return Connection.objects.create(
        name=f"connection-{n}-{uuid4().hex[:6]}", vendor="tactile", base_url="https://crm.example", currency="USD"
    )


def the_connection():
    return Connection.objects.filter(name="shared").first() or Connection.objects.create(
        name="shared", vendor="tactile", base_url="https://crm.example", currency="USD"
    )


def of_an_account(model, n, rep, **fields):
    return model.objects.create(connection=the_connection(), kind="account", object_id=account(n, rep).pk, **fields)


MAKERS = {
    "access.ApiKey": lambda n, rep: ApiKey.objects.create(
        name=f"Key {n}", user=login(n), prefix=uuid4().hex[:12], digest=b"x" * 32
    ),
    "access.User": login,
    "crm.Account": account,
    "crm.Activity": lambda n, rep: crm.Activity.objects.create(subject=f"Call {n}", owner=rep, account=account(n, rep)),
    "crm.Campaign": campaign,
    "crm.Choice": lambda n, rep: crm.Choice.objects.create(list="industry", label=f"Industry {n}"),
    "crm.Contact": contact,
    "crm.CustomField": lambda n, rep: crm.CustomField.objects.create(
        entity="group", slug=f"slug-{n}", label=f"Field {n}"
    ),
    "crm.Document": lambda n, rep: crm.Document.objects.create(name=f"{n}.pdf", author=rep, account=account(n, rep)),
    "crm.Group": group,
    "crm.Layout": lambda n, rep: crm.Layout.objects.create(user=rep.user, entity="account", name=f"Layout {n}"),
    "crm.Note": lambda n, rep: crm.Note.objects.create(title=f"Note {n}", author=rep, contact=contact(n, rep)),
    "crm.Opportunity": opportunity,
    "crm.Product": product,
    "crm.Region": lambda n, rep: crm.Region.objects.create(name=f"Region {n}"),
    "crm.Rep": another_rep,
    "crm.Tag": tag,
    "crm.Team": lambda n, rep: crm.Team.objects.create(
        name=f"Team {n}", region=crm.Region.objects.create(name=f"Region of {n} {uuid4().hex[:6]}")
    ),
    "crm.Ticket": lambda n, rep: crm.Ticket.objects.create(title=f"Ticket {n}", owner=rep, account=account(n, rep)),
    "imports.Export": export,
    "imports.Upload": upload,
    "jobs.Job": job,
    "quotas.ExchangeRate": lambda n, rep: ExchangeRate.objects.create(month=month(n), currency="EUR", rate=n),
    "quotas.Quota": lambda n, rep: Quota.objects.create(rep=rep, month=month(n), amount=n, currency="USD"),
    "sync.Conflict": lambda n, rep: of_an_account(
        Conflict, n, rep, field="name", base="Mill", here=f"Mill {n}", there="The Mill"
    ),
    "sync.Connection": connection,
    "sync.Push": lambda n, rep: of_an_account(Push, n, rep, operation="update", fields=["name"]),
    "sync.SetAside": lambda n, rep: SetAside.objects.create(
        connection=the_connection(), kind="account", remote_id=f"{n}-{uuid4().hex[:6]}", payload={}, reason="No name."
    ),
    "sync.Suggestion": lambda n, rep: of_an_account(
        Suggestion, n, rep, like_id=account(n, rep).pk, reason="the same name"
    ),
}
