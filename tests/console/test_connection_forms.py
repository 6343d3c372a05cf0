"""Adding a connection and changing its settings: a form drawn from what the vendor's connector declares."""

import pytest
from django.urls import reverse

from backoffice.changes.models import Change
from backoffice.sync.models import Connection, Health

pytestmark = [pytest.mark.django_db, pytest.mark.db]

SECRET = "s3cret-of-acme"
GIVEN = {
    "name": "acme-uk",
    "base_url": "https://acme.example",
    "secrets.token": SECRET,
    "settings.threads": "2",
    "pulls": "on",
    "sends_new": "all",
    "policy": "ask",
    "currency": "GBP",
    "time_zone": "Europe/London",
    "every_minutes": "30",
    "full_every_hours": "24",
    "most_archived_percent": "20",
}


@pytest.fixture(autouse=True)
def _acme(make_connection):
    """The vendor, and a key ring."""


@pytest.fixture
def visitor(visit, operations_user):
    return visit(operations_user)


def add(visitor, **said):
    return visitor.post(f"{reverse('admin:sync_connection_add')}?vendor=acme", GIVEN | said)


def edit(visitor, connection, **said):
    return visitor.post(reverse("admin:sync_connection_settings", args=[connection.pk]), GIVEN | said)


def text(answer):
    return answer.content.decode()


def errors_of(answer):
    return {name: " ".join(errors) for name, errors in answer.context_data["form"].errors.items()}


def test_first_one_says_which_vendor(visitor):
    shown = text(visitor.get(reverse("admin:sync_connection_add")))
    assert "Acme CRM" in shown
    assert "Tactile CRM" in shown
    assert 'href="?vendor=acme"' in shown


def test_a_vendor_there_is_not_has_no_form(visitor):
    assert visitor.get(f"{reverse('admin:sync_connection_add')}?vendor=nobody").status_code == 404


def test_the_form_asks_for_what_the_connector_declares_and_pulls_only_by_default(visitor):
    answer = visitor.get(f"{reverse('admin:sync_connection_add')}?vendor=acme")
    form = answer.context_data["form"]
    assert [field.html_name for field in (*form.secret_fields, *form.setting_fields)] == [
        "secrets.token",
        "settings.threads",
    ]
    assert (form["pulls"].value(), form["pushes"].value()) == (True, False)
    assert form["settings.threads"].value() == 1
    assert "Acme CRM" in text(answer)


def test_a_connection_is_made_and_its_page_opened(visitor):
    answer = add(visitor)
    made = Connection.objects.get()
    assert answer.url == reverse("admin:sync_connection_change", args=[made.pk])
    assert (made.name, made.vendor, made.settings, made.secrets) == (
        "acme-uk",
        "acme",
        {"threads": 2},
        {"token": SECRET},
    )
    assert (made.pulls, made.pushes, made.currency, made.every_minutes) == (True, False, "GBP", 30)
    assert Health.objects.filter(connection=made).exists()


def test_who_made_it_stands_in_the_change_log_and_the_secret_does_not(visitor, operations_user):
    add(visitor)
    entry = Change.objects.get(kind="connection")
    assert (entry.actor, entry.door) == (operations_user.pk, "console")
    assert SECRET not in str(entry.after)


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ({"name": "Acme UK"}, "name", "Small letters"),
        ({"name": ""}, "name", "required"),
        ({"base_url": "ftp://acme.example"}, "base_url", "begin with https://"),
        ({"secrets.token": ""}, "secrets.token", "required"),
        ({"settings.threads": "7"}, "settings.threads", "at most 6"),
        ({"settings.threads": "many"}, "settings.threads", "not a whole number"),
        ({"currency": "ZZZ"}, "currency", "not a currency code"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "no time zone"),
        ({"every_minutes": "0"}, "every_minutes", "greater than or equal to 1"),
        ({"every_minutes": "often"}, "every_minutes", "whole number"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(visitor, said, field, words):
    answer = add(visitor, **said)
    assert answer.status_code == 200
    assert set(errors_of(answer)) == {field}
    assert words in errors_of(answer)[field]
    assert not Connection.objects.exists()


def test_a_form_that_is_refused_comes_back_without_the_secret(visitor):
    assert SECRET not in text(add(visitor, currency="ZZZ"))


def test_a_secret_is_never_shown_and_stays_when_it_is_left_empty(visitor):
    add(visitor)
    made = Connection.objects.get()
    page = text(visitor.get(reverse("admin:sync_connection_settings", args=[made.pk])))
    assert SECRET not in page
    assert "Leave it empty to keep what is there." in page
    edit(visitor, made, **{"secrets.token": "", "pushes": "on"})
    made.refresh_from_db()
    assert (made.secrets, made.pushes) == ({"token": SECRET}, True)
    edit(visitor, made, **{"secrets.token": "another"})
    made.refresh_from_db()
    assert made.secrets == {"token": "another"}


def test_no_schedule_is_by_hand_only(visitor):
    add(visitor, every_minutes="")
    assert Connection.objects.get().every_minutes is None


def test_two_connections_have_two_names(visitor):
    add(visitor)
    assert "already exists" in errors_of(add(visitor))["name"]


def test_credentials_no_key_opens_are_asked_for_anew(visitor, settings):
    add(visitor)
    made = Connection.objects.get()
    Connection.objects.filter(pk=made.pk).update(credentials=b"sealed under a key that is lost")
    page = visitor.get(reverse("admin:sync_connection_settings", args=[made.pk]))
    assert page.status_code == 200
    assert page.context_data["form"].fields["secrets.token"].required
    assert edit(visitor, made).status_code == 302
    made.refresh_from_db()
    assert made.secrets == {"token": SECRET}


def test_only_those_who_keep_connections_add_them(visit, manager_user, rep_user):
    for user, status in ((manager_user, 403), (rep_user, 404)):
        assert visit(user).get(reverse("admin:sync_connection_add")).status_code == status
        assert add(visit(user)).status_code == status
    assert not Connection.objects.exists()


def test_another_host_asks_for_the_secret_again(visitor):
    add(visitor)
    made = Connection.objects.get()
    refused = edit(visitor, made, **{"secrets.token": "", "base_url": "https://elsewhere.example"})
    assert set(errors_of(refused)) == {"secrets.token"}
    assert "another host" in text(refused)
    made.refresh_from_db()
    assert (made.base_url, made.secrets) == ("https://acme.example", {"token": SECRET})
