"""Promise 17 over the API: what you may not see does not exist."""

import pytest

from backoffice.crm.models import Opportunity

pytestmark = [pytest.mark.db, pytest.mark.django_db]

LISTS = ("reps", "accounts", "contacts", "opportunities", "quotas")
WRITABLE = ("accounts", "contacts", "opportunities", "quotas")
HARMLESS = {"accounts": {"fax": "x"}, "contacts": {}, "opportunities": {}, "quotas": {}}


@pytest.fixture
def people(rep, manager, outsider, operations):
    return {"rep": rep, "manager": manager, "outsider": outsider, "operations": operations}


SEES = [
    ("rep", "rens", "ottos"),
    ("manager", "rens", "ottos"),
    ("outsider", "ottos", "rens"),
]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(("who", "own", "foreign"), SEES)
def test_each_list_and_record_shows_only_what_one_may_see(people, world, who, own, foreign, name):
    mine, theirs = getattr(world, own)[name], getattr(world, foreign)[name]
    ids = {item["id"] for item in people[who].every(f"/{name}")}
    assert mine.pk in ids
    assert theirs.pk not in ids
    assert people[who].get(f"/{name}/{mine.pk}").status_code == 200
    assert people[who].get(f"/{name}/{theirs.pk}").status_code == 404


@pytest.mark.parametrize("name", LISTS)
def test_operations_see_everything(operations, world, name):
    ids = {item["id"] for item in operations.every(f"/{name}")}
    assert {world.rens[name].pk, world.ottos[name].pk} <= ids
    assert operations.get(f"/{name}/{world.ottos[name].pk}").status_code == 200


def test_a_rep_does_not_see_the_managers_records_nor_the_manager(rep, manager_user, world):
    Opportunity.objects.create(name="Marta's own", owner=manager_user.rep)
    assert [item["name"] for item in rep.every("/opportunities")] == ["Forklifts Ren"]
    assert rep.get(f"/reps/{manager_user.rep.pk}").status_code == 404


@pytest.mark.parametrize("name", WRITABLE)
def test_what_one_may_not_see_can_not_be_changed(rep, outsider, world, name):
    answer = outsider.patch(f"/{name}/{world.rens[name].pk}", {})
    assert answer.status_code == 404
    assert rep.patch(f"/{name}/{world.ottos[name].pk}", {}).status_code in {403, 404}


@pytest.mark.parametrize("name", LISTS)
def test_an_unknown_and_a_foreign_record_answer_the_same(outsider, world, name):
    foreign, unknown = outsider.get(f"/{name}/{world.rens[name].pk}"), outsider.get(f"/{name}/987654321")
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)


@pytest.mark.parametrize("name", LISTS)
def test_nobody_gets_in_without_a_key(caller, world, name):
    answer = caller(None).get(f"/{name}")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", LISTS)
def test_a_login_tied_to_no_rep_sees_nothing(caller, world, django_user_model, name):
    lost = caller(django_user_model.objects.create_user("lost", role="manager"))
    assert lost.get(f"/{name}").json() == {"items": [], "next": None}


def test_a_key_with_the_scope_read_reads_and_writes_nothing(caller, operations_user, world):
    reader = caller(operations_user, scopes=["read"])
    assert reader.get("/accounts").status_code == 200
    assert reader.post("/accounts", {"name": "New"}).status_code == 403
    assert reader.patch(f"/accounts/{world.rens['accounts'].pk}", {}).status_code == 403


def test_a_key_with_the_scope_write_does_not_read(caller, operations_user, world):
    assert caller(operations_user, scopes=["write"]).get("/accounts").status_code == 403


def test_the_consoles_session_reads_too(client, rep_user, world):
    client.force_login(rep_user)
    assert [item["name"] for item in client.get("/api/v1/opportunities").json()["items"]] == ["Forklifts Ren"]


def test_the_consoles_session_writes_only_with_its_token(rep_user, world):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(rep_user)
    address = f"/api/v1/opportunities/{world.rens['opportunities'].pk}"
    assert client.patch(address, "{}", content_type="application/json").status_code == 403
