"""Which lines of the file an undo names beside each record: those of the rows that wrote it, also on the side."""

import pytest

from backoffice.crm.models import Account, Opportunity
from backoffice.imports import applying
from backoffice.imports.models import Mode, Undo, Upload, UploadRow
from backoffice.imports.undo import undoing
from backoffice.jobs.running import execute
from tests.imports.conftest import row

pytestmark = [pytest.mark.db, pytest.mark.django_db]

CONTACTS = ("Opportunity ID", "Email", "Fullname", "Company Name")
QUOTAS = ("Email Address of Salesrep", "Month", "Amount")
ANA, BEN = "ana@example.com", "ben@example.com"


@pytest.fixture
def undo(operations_user):
    """Undoes within the test's own transaction; answers the lines by kind and name of each record."""

    def undone(upload, **more):
        asked = undoing.undo(Upload.objects.get(pk=upload.pk), operations_user, **more)
        execute(asked.job_id, heartbeat=False)
        return lines(Undo.objects.get(pk=asked.pk))

    return undone


def lines(undo):
    return {(record.kind, record.label): record.lines for record in undo.records.all()}


@pytest.fixture
def contacts(upload):
    return lambda *rows, **more: upload(list(rows), header=CONTACTS, kind="contacts", **more)


def test_an_opportunity_carries_the_lines_of_the_contacts_linked_to_it(upload, contacts, undo):
    upload([row("A-1", "Chairs"), row("A-2", "Desks")])
    taken = contacts(
        ["A-1", "carla@example.com", "Carla", ""],
        ["A-2", "carla@example.com", "", ""],
        ["A-1", "dora@example.com", "Dora", ""],
    )
    assert undo(taken) == {
        ("opportunity", "Chairs"): [2, 4],
        ("opportunity", "Desks"): [3],
        ("contact", "Carla"): [2, 3],
        ("contact", "Dora"): [4],
    }


def test_what_was_made_on_the_side_carries_the_line_that_needed_it_first(upload, undo):
    more = {"stage": "Won", "owner": "Ana López", "email": ANA}
    taken = upload(
        [row("A-1", ""), row("A-2", "Desks", account="Acme"), row("A-3", "Lamps", account="Acme", **more)],
    )
    assert undo(taken) == {
        ("opportunity", "Desks"): [3],
        ("opportunity", "Lamps"): [4],
        ("account", "Acme"): [3],
        ("choice", "Won"): [4],
        ("rep", "Ana López"): [4],
    }


def test_lines_do_not_hang_on_how_the_file_is_cut(upload, undo, monkeypatch):
    monkeypatch.setattr(applying, "FIRST_ROWS", 1)
    monkeypatch.setattr(applying, "CHUNK_ROWS", 1)
    taken = upload([row(f"A-{number}", f"Deal {number}", account="Acme", stage="Won") for number in range(3)])
    found = undo(taken)
    assert (found["account", "Acme"], found["choice", "Won"]) == ([2], [2])


def test_an_account_brought_up_to_date_carries_the_lines_that_changed_it(upload, undo):
    upload([row("A-1", account_id="X", account="Acme"), row("A-2", account_id="X", account="Acme")])
    taken = upload(
        [
            row("A-1", account_id="X", account="Acme"),
            row("A-2", account_id="X", account="Acme", website="acme.example"),
        ],
        update_accounts="yes",
    )
    assert undo(taken) == {("account", "Acme"): [3]}
    assert Account.objects.get().website == ""


def test_a_row_of_many_months_is_named_by_each_of_its_quotas(upload, undo, make):
    make.rep("Ana", "López", email=ANA)
    make.rep("Ben", "Okoye", email=BEN)
    header = ("Email Address of Salesrep", "2026-01", "2026-02", "2026-03")
    upload([[ANA, "1", "", ""]], header=header, kind="quotas")
    taken = upload([[ANA, "1", "2", "3"], [BEN, "4", "5", ""]], header=header, kind="quotas")
    assert undo(taken) == {
        ("quota", "Ana López · February 2026"): [2],
        ("quota", "Ana López · March 2026"): [2],
        ("quota", "Ben Okoye · January 2026"): [3],
        ("quota", "Ben Okoye · February 2026"): [3],
    }


def test_a_rep_added_with_the_first_quota_carries_its_line(upload, undo):
    rows = [[ANA, "2026-01-01", "1"], [ANA, "2026-02-01", "2"]]
    taken = upload(rows, header=QUOTAS, kind="quotas", create_reps="yes")
    assert undo(taken)["rep", "Ana"] == [2]


def test_a_preview_and_the_taking_back_name_the_same_lines(upload, contacts, undo, operations_user):
    upload([row("A-1", "Chairs")])
    taken = contacts(["", "dora@example.com", "Dora", ""], ["A-1", "carla@example.com", "Carla", "Birch"])
    foreseen = undo(taken, mode=Mode.PREVIEW)
    assert undo(taken) == foreseen
    again = undoing.undo_again(undoing.current(taken), operations_user)
    execute(again.job_id, heartbeat=False)
    assert lines(again) == foreseen


def test_a_row_that_writes_nothing_beside_its_own_record_keeps_nothing(upload, contacts):
    upload([row("A-1", "Chairs", account="Acme"), row("A-2", "Desks", account="Acme")])
    linking = ["A-1", "carla@example.com", "Carla", ""]
    contacts(linking)
    contacts(linking)
    kept = UploadRow.objects.order_by("upload_id", "number").values_list("beside", flat=True)
    acme, chairs = Account.objects.get().pk, Opportunity.objects.get(external_id="A-1").pk
    assert list(kept) == [{"account": [acme]}, None, {"opportunity": [chairs]}, None]


def test_a_preview_of_taking_back_names_quotas_as_they_are_named_when_they_are_there(upload, undo, operations_user):
    more = {"header": QUOTAS, "kind": "quotas", "create_reps": "yes"}
    upload([[BEN, "2026-01-01", "1"]], **more)
    taken = upload([[ANA, "2026-01-01", "1"], [BEN, "2026-02-01", "2"]], **more)
    undo(taken)
    looked = undoing.undo_again(undoing.current(taken), operations_user, mode=Mode.PREVIEW)
    execute(looked.job_id, heartbeat=False)
    assert lines(looked) == {
        ("rep", "Ana"): [2],
        ("quota", "Ana · January 2026"): [2],
        ("quota", "Ben · February 2026"): [3],
    }
