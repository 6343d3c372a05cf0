"""Searches: each word, anywhere in a word or, when very short, at its beginning; in the record or its account."""

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.console import searching
from backoffice.crm.models import Account, Contact, Opportunity

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def search(visit, rep_user):
    visitor = visit(rep_user)

    def search(model, query):
        return {str(row) for row in visitor.list(model, q=query).context["cl"].result_list}

    return search


@pytest.fixture
def opportunities(rep_user):
    with acting(None, Door.COMMAND, label="test"):
        mill = Account.objects.create(name="Molinos del Año Nuevo", owner=rep_user.rep)
        for name, account in (("Dúo grande", mill), ("Osmo 300", mill), ("Tool set", None), ("100% arabica_x", None)):
            Opportunity.objects.create(name=name, account=account, owner=rep_user.rep)
    return mill


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("duo", {"Dúo grande"}),
        ("GRANDE", {"Dúo grande"}),
        ("rand", {"Dúo grande"}),
        ("osmo 300", {"Osmo 300"}),
        ("osmo 400", set()),
        ("du", {"Dúo grande"}),
        ("uo", set()),
        ("molinos", {"Dúo grande", "Osmo 300"}),
        ("molinos osmo", {"Osmo 300"}),
        ("ano nuevo duo", {"Dúo grande"}),
        ("100%", {"100% arabica_x"}),
        ("%", set()),
        ("a_x", {"100% arabica_x"}),
        ("l_s", set()),
        ("\\\\", set()),
        ("'; DROP TABLE crm_account; --", set()),
        ("   ", {"Dúo grande", "Osmo 300", "Tool set", "100% arabica_x"}),
    ],
)
def test_opportunities_are_found_by_their_words_and_their_accounts(search, opportunities, query, found):
    assert search(Opportunity, query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("CO-0512345", {"One"}),
        ("o-05123", {"One", "Two", "Other"}),
        ("0512345", {"One", "Other"}),
        ("XO-0512345", {"Other"}),
        ("CO_0512345", set()),
        ("tools CO-0512345", set()),
    ],
)
def test_an_id_is_found_by_all_that_is_typed_not_by_its_number_alone(search, rep_user, query, found):
    with acting(None, Door.COMMAND, label="test"):
        for name, external_id in (("One", "CO-0512345"), ("Two", "CO-0512346"), ("Other", "XO-0512345")):
            Opportunity.objects.create(name=name, external_id=external_id, owner=rep_user.rep)
    assert search(Opportunity, query) == found


@pytest.mark.parametrize("most", [0, 1, 1000])
def test_each_of_many_words_may_be_in_the_row_or_in_its_account(search, rep_user, monkeypatch, most):
    monkeypatch.setattr("backoffice.crm.searching.MOST_ACCOUNTS", most)
    with acting(None, Door.COMMAND, label="test"):
        for name in ("Molinos del Norte 2", "Molinos del Sur", "Norte"):
            account = Account.objects.create(name=name, owner=rep_user.rep)
            for own in ("Osmo 2", "Norte", "Sur 2 del"):
                Opportunity.objects.create(name=own, account=account, owner=rep_user.rep)
        Opportunity.objects.create(name="Molinos del Norte 2", owner=rep_user.rep)
    assert search(Opportunity, "molinos del norte 2 osmo") == {"Osmo 2"}
    assert search(Opportunity, "molinos del norte 2") == {"Osmo 2", "Norte", "Sur 2 del", "Molinos del Norte 2"}
    assert search(Opportunity, "sur molinos del norte") == {"Norte", "Sur 2 del"}


def test_contacts_are_found_by_their_account(search, opportunities, rep_user):
    with acting(None, Door.COMMAND, label="test"):
        Contact.objects.create(given="Ana", account=opportunities, owner=rep_user.rep)
    assert search(Contact, "molinos") == {"Ana"}


def test_an_account_one_may_not_see_finds_nothing(visit, opportunities, outsider_user):
    with acting(None, Door.COMMAND, label="test"):
        Contact.objects.create(given="Ana", account=opportunities, assigned_to=outsider_user.rep)
        Account.objects.filter(pk=opportunities.pk).update(name="Secret mill")
    shown = visit(outsider_user).list(Contact, q="secret").context["cl"].result_list
    assert shown == []


def test_more_accounts_than_are_worth_naming_still_find_their_opportunities(search, opportunities, monkeypatch):
    monkeypatch.setattr("backoffice.crm.searching.MOST_ACCOUNTS", 0)
    assert search(Opportunity, "molinos") == {"Dúo grande", "Osmo 300"}


def test_a_search_that_finds_much_pages_like_any_list(search, opportunities, monkeypatch):
    monkeypatch.setattr(searching, "LIMIT", 1)
    monkeypatch.setattr("backoffice.console.lists.LIMIT", 1)
    assert search(Opportunity, "molinos") == {"Dúo grande", "Osmo 300"}
