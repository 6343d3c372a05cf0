"""A record's history: who, when, through which door, what before and after."""

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.console import history
from backoffice.crm.models import Account, Opportunity
from tests.console.rows import stage

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def test_the_history_tells_who_changed_what_from_what_to_what(visit, make, rep_user):
    (opportunity,) = make(Opportunity, rep_user.rep)
    with acting(rep_user, Door.UPLOAD):
        Opportunity.objects.filter(pk=opportunity.pk).update(stage=stage("Signed", "won"), amount=99)
    page = visit(rep_user).history(opportunity).content.decode()
    for told in ("ren", "upload", "Talking", "Signed", "99", "Stage"):
        assert told in page


def test_what_was_done_at_once_is_told_at_once(visit, make, rep_user):
    (opportunity,) = make(Opportunity, rep_user.rep)
    page = visit(rep_user).history(opportunity)
    assert [moment.first.who for moment in page.context["moments"]] == ["test"]
    lines = page.context["moments"][0].lines
    assert {line.operation for line in lines} == {"created"}
    assert "opportunity" not in {field.label for line in lines for field in line.fields}


def test_lists_of_values_are_told_in_words(visit, make, rep_user):
    (account,) = make(Account, rep_user.rep)
    visit(rep_user).save(account, **{"emails-0-address": "new@b.example", "emails-0-kind": "office"})
    page = visit(rep_user).history(account).content.decode()
    assert "office, new@b.example" in page
    assert "&quot;address&quot;" not in page


def test_a_long_history_comes_in_pages(visit, make, rep_user, monkeypatch):
    monkeypatch.setattr(history, "PER_PAGE", 2)
    (account,) = make(Account, rep_user.rep)
    visitor = visit(rep_user)
    for name in ("One", "Two", "Three"):
        with acting(rep_user, Door.API):
            Account.objects.filter(pk=account.pk).update(name=name)
    first = visitor.history(account)
    assert (first.context["page"], first.context["has_next"]) == (1, True)
    second = visitor.get(f"/admin/crm/account/{account.pk}/history/", {"p": 2})
    assert not second.context["has_next"]
    assert "created" in second.content.decode()
    assert visitor.get(f"/admin/crm/account/{account.pk}/history/", {"p": "x"}).status_code == 200


def test_the_records_own_page_shows_the_last_changes(visit, make, rep_user):
    (account,) = make(Account, rep_user.rep)
    with acting(rep_user, Door.API):
        Account.objects.filter(pk=account.pk).update(tax_id="XAXX010101000")
    page = visit(rep_user).record(account).content.decode()
    assert "Last changes" in page
    assert "API key" in page
