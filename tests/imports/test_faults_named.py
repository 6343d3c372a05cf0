"""All that is wrong with a row is named in one go: its own cells, and what they refer to."""

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Contact, Opportunity, Rep
from backoffice.imports import applying
from backoffice.imports.kinds import KINDS
from tests.imports.conftest import outcomes, reasons

pytestmark = [pytest.mark.db, pytest.mark.django_db]

WRONG = {
    "opportunities": (
        "Opportunity ID,Opportunity Name,Amount,Close Date,Opportunity Owner Email,Account ID\n\
A-1,,lots,never,nobody@example.com,X-1\n",
        ("Opportunity Name is missing", "“lots”", "“never”", "“nobody@example.com”", "No account matches “X-1”"),
    ),
    "contacts": (
        "Email,Opportunity ID,Contact Owner Email,Account ID\nana,A-404,nobody@example.com,X-1\n",
        ("“ana”", "“A-404”", "“nobody@example.com”", "No account matches “X-1”"),
    ),
    "accounts": (
        "Account Name,Website,Account Owner Email\nAcme,not a site,nobody@example.com\n",
        ("“not a site”", "“nobody@example.com”"),
    ),
    "quotas": (
        "Email,Month,Amount\nnobody@example.com,soon,lots\n",
        ("“soon”", "“lots”", "“nobody@example.com”"),
    ),
}


def test_every_kind_is_tried():
    assert WRONG.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", WRONG)
def test_a_row_that_is_wrong_in_its_cells_and_in_what_it_refers_to_says_both(upload, kind):
    text, named = WRONG[kind]
    [said] = reasons(upload(text, kind=kind)).values()
    assert [words for words in named if words not in said] == []


def test_several_contacts_of_one_email_are_named_beside_a_cell_that_is_wrong(upload):
    with acting(None, Door.COMMAND, label="test"):
        for name in ("Ana", "Anna"):
            Contact.objects.create(name=name, emails=[{"address": "a@example.com"}])
    done = upload(f"Email,Phone\na@example.com,{'5' * 90}\n", kind="contacts")
    assert "Several contacts have the email" in reasons(done)[2]
    assert "Phone has 90 characters" in reasons(done)[2]


def test_what_is_wrong_with_a_column_is_said_once(upload):
    done = upload("Opportunity ID,Opportunity Name,Account ID,Account Name\nA-1,Chairs,X-1,A\x07\n")
    assert reasons(done)[2].count("Account Name") == 1


def test_a_line_of_totals_refers_to_nothing(upload):
    done = upload("Opportunity ID,Email\nTotal,12 people\n", kind="contacts")
    assert reasons(done)[2] == "The row begins with “Total”: it looks like a total of other rows, not like a record."


def test_nothing_is_made_for_a_row_that_fails_and_what_it_names_is_made_once_for_others(upload, monkeypatch):
    monkeypatch.setattr(applying, "FIRST_ROWS", 1)
    monkeypatch.setattr(applying, "CHUNK_ROWS", 2)
    header = "Opportunity ID,Opportunity Name,Amount,Opportunity Owner,Opportunity Owner Email,Account Name\n"
    rows = [
        "A-1,Chairs,lots,Ana Ruiz,ana@example.com,Acme\n",
        "A-2,Desks,1,Ana Ruiz,ana@example.com,Acme\n",
        "A-3,Lamps,1,Anna Ruiz,ana@example.com,Acme\n",
        "A-4,Sofas,lots,Bo Lee,bo@example.com,Beta\n",
    ]
    done = upload(header + "".join(rows))
    assert outcomes(done) == ["failed", "new", "new", "failed"]
    assert not done.job.lines.filter(text__contains="done again").exists()
    assert list(Rep.objects.values_list("email", flat=True)) == ["ana@example.com"]
    assert list(Account.objects.values_list("name", flat=True)) == ["Acme"]
    assert Opportunity.objects.count() == 2


def test_with_create_reps_no_rep_is_made_for_a_row_that_fails(upload):
    text = "Email,Month,Amount\nana@example.com,soon,1\nbo@example.com,2026-01,1\n"
    done = upload(text, kind="quotas", create_reps="yes")
    assert reasons(done) == {2: "Month “soon” is not a month such as 2026-11."}
    assert list(Rep.objects.values_list("email", flat=True)) == ["bo@example.com"]
