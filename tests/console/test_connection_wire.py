"""What would be sent, what was, and the facade's credentials: no secret is shown but the one just issued, once."""

import re

import pytest
from django.urls import reverse

from backoffice.crm.models import Choice, Opportunity
from backoffice.sync.models import Exchange, FacadeKey, Link, Push
from tests.sync import vendor
from tests.sync.pushes import someone

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def at(connection, page, *more):
    return reverse(f"admin:sync_connection_{page}", args=[connection.pk, *more])


def text(answer):
    return answer.content.decode()


@pytest.fixture
def visitor(visit, operations_user):
    return visit(operations_user)


def test_the_preview_shows_each_request_with_what_changes_and_calls_nobody(visitor, connection, acme):
    with someone():
        row = Opportunity.objects.create(name="Our chairs", amount=4, currency="USD")
    base = {"name": "Chairs", "amount": "4"}
    Link.objects.create(connection=connection, kind="opportunity", remote_id="7", object_id=row.pk, base=base)
    Push.objects.create(
        connection=connection, kind="opportunity", object_id=row.pk, operation="update", fields=["name"]
    )
    answer = visitor.get(at(connection, "preview"))
    (planned,) = answer.context_data["planned"]
    assert [(line.label, line.first, line.second) for line in planned.fields] == [("Name", "Chairs", "Our chairs")]
    assert [(each.method, each.url) for each in planned.push.requests] == [
        ("PATCH", "https://acme.example/opportunities/7")
    ]
    shown = text(answer)
    assert "&quot;name&quot;: &quot;Our chairs&quot;" in shown
    assert vendor.TOKEN not in shown
    assert "1 change waits to be sent." in shown
    assert acme.requests == []


def test_a_preview_says_once_what_keeps_a_change_waiting(visitor, connection):
    with someone():
        talks = Choice.objects.create(list="stage", label="Talks", status="open")
        row = Opportunity.objects.create(name="Our chairs", stage=talks)
    Link.objects.create(connection=connection, kind="opportunity", remote_id="7", object_id=row.pk, base={})
    push = Push.objects.create(
        connection=connection, kind="opportunity", object_id=row.pk, operation="update", fields=["stage"]
    )
    (planned,) = visitor.get(at(connection, "preview")).context_data["planned"]
    (push.reason,) = planned.push.notes
    push.save()
    assert text(visitor.get(at(connection, "preview"))).count("“Talks”") == 1


def test_a_preview_of_nothing_says_so(visitor, connection):
    assert "Nothing waits to be sent" in text(visitor.get(at(connection, "preview")))


def test_a_preview_needs_settings_that_will_do(visitor, connection):
    connection.settings = {"threads": "many"}
    with someone():
        connection.save()
    shown = text(visitor.get(at(connection, "preview")))
    assert "not a whole number" in shown


def test_kept_exchanges_are_listed_and_shown_whole(visitor, connection):
    kept = Exchange.objects.create(
        connection=connection,
        method="POST",
        url="https://acme.example/opportunities?token=***",
        request='{"name": "<b>"}',
        status=422,
        answer='{"error": "name is required"}',
        milliseconds=12,
    )
    listed = text(visitor.get(at(connection, "exchanges")))
    assert "https://acme.example/opportunities?token=***" in listed
    assert "name is required" not in listed
    shown = text(visitor.get(at(connection, "exchange", kept.pk)))
    assert "name is required" in shown
    assert "&lt;b&gt;" in shown


def test_an_exchange_of_another_connection_is_not_there(visitor, connection, make_connection):
    kept = Exchange.objects.create(connection=make_connection("other"), method="GET", url="https://other.example/")
    assert visitor.get(at(connection, "exchange", kept.pk)).status_code == 404


def test_the_facade_is_off_until_it_is_switched_on(visitor, connection):
    assert 'id="facade-state" data-tone="default">off' in text(visitor.get(at(connection, "facade")))
    shown = text(visitor.post(at(connection, "facade_switch"), {"facade": "on"}, follow=True))
    assert "http://testserver/facade/acme/" in shown
    connection.refresh_from_db()
    assert connection.facade
    visitor.post(at(connection, "facade_switch"), {"facade": "off"})
    connection.refresh_from_db()
    assert not connection.facade


def test_a_host_of_its_own_is_kept_or_refused_beside_its_field(visitor, connection):
    visitor.post(at(connection, "facade_switch"), {"facade_host": "site.tactilecrm.example"})
    connection.refresh_from_db()
    assert (connection.facade_host, connection.facade) == ("site.tactilecrm.example", False)
    refused = visitor.post(at(connection, "facade_switch"), {"facade_host": "no host"})
    assert "is no host name" in str(refused.context_data["host_form"].errors["facade_host"])


def test_a_credential_is_shown_once_and_opens_until_it_is_revoked(visitor, connection, rep_user):
    shown = text(visitor.post(at(connection, "facade_issue"), {"rep": rep_user.rep.pk}))
    secret = re.search(r'<code id="token"[^>]*>([0-9a-f]{40})</code>', shown)[1]
    key = FacadeKey.objects.get()
    assert (key.rep, key.ending) == (rep_user.rep, secret[-4:])
    again = text(visitor.get(at(connection, "facade")))
    assert secret not in again
    assert f"…{secret[-4:]}" in again
    visitor.post(at(connection, "revoke", key.pk))
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "revoked" in text(visitor.get(at(connection, "facade")))


def test_a_credential_without_a_rep_sees_everything(visitor, connection):
    assert "sees everything" in text(visitor.post(at(connection, "facade_issue"), {"rep": ""}))


def test_the_credential_of_another_connection_is_not_revoked_here(visitor, connection, make_connection):
    other = make_connection("other")
    visitor.post(at(other, "facade_issue"))
    key = FacadeKey.objects.get()
    visitor.post(at(connection, "revoke", key.pk))
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_manager_reads_of_the_facade_and_issues_nothing(visit, connection, manager_user):
    shown = text(visit(manager_user).get(at(connection, "facade")))
    assert 'id="issue"' not in shown
    assert 'id="switch"' not in shown
    assert visit(manager_user).post(at(connection, "facade_issue")).status_code == 403
    assert not FacadeKey.objects.exists()
