"""Undoing uploads over the JSON API."""

import json

import pytest

from backoffice.crm.models import Opportunity
from backoffice.jobs.running import execute
from tests.imports.conftest import row
from tests.imports.test_api import Caller, problem

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]


@pytest.fixture
def olga(operations_user):
    return Caller(operations_user)


def ask(caller, path, body=None):
    sent = "" if body is None else json.dumps(body)
    return caller.client.post(f"/api/v1{path}", sent, content_type="application/json", headers=caller.headers)


def done(caller, path, body=None):
    """Asks for it and has the job done; the undo as the API shows it."""
    answer = ask(caller, path, body)
    assert answer.status_code == 202, answer.content
    execute(answer.json()["job"]["id"], heartbeat=False)
    return caller.client.get(answer.headers["Location"], headers=caller.headers).json()


def test_an_upload_is_previewed_undone_and_brought_back(olga):
    sent = olga.upload([row("A-1", stage="Won"), row("A-2")])
    preview = done(olga, f"/imports/{sent['id']}/undo", {"mode": "preview"})
    assert (preview["mode"], preview["holds"], preview["counts"]["removed"]) == ("preview", False, 3)
    assert Opportunity.objects.count() == 2
    undone = done(olga, f"/imports/{sent['id']}/undo")
    assert Opportunity.objects.count() == 0
    assert (undone["state"], undone["holds"], undone["takes_back"]) == ("succeeded", True, None)
    assert undone["counts"] == {"restored": 0, "removed": 3, "returned": 0, "partly": 0, "kept": 0}
    assert olga.get(f"/imports/{sent['id']}/undo").json() == undone
    back = done(olga, f"/imports/undos/{undone['id']}/undo")
    assert (back["takes_back"], back["counts"]["returned"]) == (undone["id"], 3)
    assert Opportunity.objects.count() == 2


def test_records_come_in_pages_with_their_reasons(olga):
    sent = olga.upload([row(f"A-{number}", f"Chair {number}") for number in range(3)])
    undone = done(olga, f"/imports/{sent['id']}/undo", {})
    address = f"/imports/undos/{undone['id']}/records"
    first = olga.get(f"{address}?limit=2").json()
    second = olga.get(f"{address}?limit=2&cursor={first['next']}").json()
    items = first["items"] + second["items"]
    assert second["next"] is None
    assert {(each["name"], each["outcome"], *each["lines"]) for each in items} == {
        (f"Chair {number}", "removed", number + 2) for number in range(3)
    }
    assert olga.get(f"{address}?outcome=kept").json() == {"items": [], "next": None}
    assert olga.get(f"{address}?outcome=lost").status_code == 422
    assert olga.get(f"{address}?outcom=kept").status_code == 422


def test_what_can_not_be_undone_is_said_in_words(olga):
    sent = olga.upload([row()])
    assert ask(olga, f"/imports/{sent['id']}/undo").status_code == 202
    answer = ask(olga, f"/imports/{sent['id']}/undo")
    assert answer.status_code == 409
    assert problem(answer)["detail"] == "This upload is being undone already."
    assert ask(olga, f"/imports/{sent['id']}/undo", {"mode": "draft"}).status_code == 422


def test_other_peoples_uploads_and_undos_do_not_exist(olga, manager_user, rep_user):
    sent = olga.upload([row()])
    undone = done(olga, f"/imports/{sent['id']}/undo")
    marta, ren = Caller(manager_user, ["imports"]), Caller(rep_user)
    assert ask(marta, f"/imports/{sent['id']}/undo").status_code == 404
    assert ask(marta, f"/imports/undos/{undone['id']}/undo").status_code == 404
    assert marta.get(f"/imports/undos/{undone['id']}").status_code == 404
    assert marta.get(f"/imports/undos/{undone['id']}/records").status_code == 404
    assert ask(ren, f"/imports/{sent['id']}/undo").status_code == 404
    assert ask(Caller(manager_user, ["read"]), f"/imports/{sent['id']}/undo").status_code == 403
