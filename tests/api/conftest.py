"""Someone who asks the API with a key, and a small world to ask about."""

import json
from datetime import date

import pytest
from django.test import Client

from backoffice.access import keys
from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Choice, Contact, Opportunity, Rep
from backoffice.quotas.models import Quota


class Caller:
    """Asks the API as one login."""

    def __init__(self, user, scopes=()):
        self.user = user
        self.client = Client(raise_request_exception=False)
        self.token = keys.issue(user, "test", scopes)[1] if user else ""

    def ask(self, method, path, body=None, **headers):
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        return self.client.generic(
            method, f"/api/v1{path}", b"" if body is None else data, content_type="application/json", headers=headers
        )

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body, **headers):
        return self.ask("POST", path, body, **headers)

    def patch(self, path, body, **headers):
        return self.ask("PATCH", path, body, **headers)

    def every(self, path, limit=50):
        """All items of a list, page by page."""
        joint, items, cursor = "&" if "?" in path else "?", [], ""
        while cursor is not None:
            page = self.get(f"{path}{joint}limit={limit}&cursor={cursor}").json()
            items.extend(page["items"])
            cursor = page["next"]
        return items


def errors(response):
    """What a problem says, by field."""
    return {error["field"]: error["message"] for error in response.json().get("errors", [])}


@pytest.fixture(autouse=True)
def _static_files_have_a_folder(settings):
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


@pytest.fixture
def caller():
    return Caller


@pytest.fixture
def rep(rep_user):
    return Caller(rep_user)


@pytest.fixture
def manager(manager_user):
    return Caller(manager_user)


@pytest.fixture
def outsider(outsider_user):
    return Caller(outsider_user)


@pytest.fixture
def operations(operations_user):
    return Caller(operations_user)


@pytest.fixture
def command(db):
    """Changes made by nobody of the test's people."""
    with acting(None, Door.COMMAND, label="test"):
        yield


@pytest.fixture
def stages(command):
    return {
        label: Choice.objects.create(list="stage", label=label, status=status)
        for label, status in (("Negotiation", "open"), ("Won", "won"), ("Lost", "lost"))
    }


class World:
    """Of everything one that is Ren's, one that is Otto's."""

    def __init__(self, rep, outsider, stages):
        self.stages = stages
        self.rens = self._of(rep, "Ren")
        self.ottos = self._of(outsider, "Otto")

    def _of(self, rep, name):
        account = Account.objects.create(
            name=f"Ferretería {name}", external_id=f"A-{name}", owner=rep, emails=[{"address": f"{name}@norte.example"}]
        )
        contact = Contact.objects.create(given=name, family="Méndez", account=account, owner=rep)
        opportunity = Opportunity.objects.create(
            name=f"Forklifts {name}",
            external_id=f"O-{name}",
            account=account,
            owner=rep,
            amount="1250.5",
            currency="MXN",
            stage=self.stages["Negotiation"],
            probability=60,
            close_date=date(2026, 11, 30),
        )
        quota = Quota.objects.create(rep=rep, month=date(2026, 11, 1), amount="9000", currency="JPY")
        return {
            "reps": rep,
            "accounts": account,
            "contacts": contact,
            "opportunities": opportunity,
            "quotas": quota,
        }


@pytest.fixture
def world(rep_user, outsider_user, stages):
    return World(rep_user.rep, outsider_user.rep, stages)


__all__ = ["Caller", "Rep", "World", "errors"]
