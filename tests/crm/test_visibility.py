"""Who sees which rows (the walk through every page and endpoint lies with the faces' own tests)."""

from datetime import date

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Activity, Contact, Note, Opportunity, Product, Rep, RepPlace
from backoffice.crm.visibility import reps_under
from backoffice.quotas.models import Quota

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def someone_acts(db):
    with acting(None, Door.COMMAND, label="test"):
        yield


def seen(model, user):
    return set(model.objects.visible_to(user))


def test_a_rep_sees_the_own_opportunities_and_those_assigned_to_them(rep_user, manager_user):
    own = Opportunity.objects.create(name="Own", owner=rep_user.rep)
    given = Opportunity.objects.create(name="Given", owner=manager_user.rep, assigned_to=rep_user.rep)
    Opportunity.objects.create(name="Of the manager", owner=manager_user.rep)
    Opportunity.objects.create(name="Nobody's")
    assert seen(Opportunity, rep_user) == {own, given}


def test_a_manager_sees_the_team_down_the_tree(manager_user, rep_user):
    below = Rep.objects.create(given="Below")
    RepPlace.objects.create(rep=below, manager=rep_user.rep, from_month=date(2020, 1, 1))
    deal = Opportunity.objects.create(name="Deep", owner=below)
    assert deal in seen(Opportunity, manager_user)
    assert reps_under(manager_user) == sorted([manager_user.rep.pk, rep_user.rep.pk, below.pk])


def test_a_rep_whose_place_is_over_is_no_longer_the_managers(manager_user, rep_user):
    rep_user.rep.places.update(until_month=date(2020, 12, 1))
    deal = Opportunity.objects.create(name="Gone", owner=rep_user.rep)
    assert deal not in seen(Opportunity, manager_user)


def test_a_place_that_begins_later_does_not_count_yet(manager_user, outsider_user):
    RepPlace.objects.filter(rep=outsider_user.rep).update(from_month=date(2999, 1, 1), manager=manager_user.rep)
    assert outsider_user.rep.pk not in reps_under(manager_user)


def test_a_rep_with_the_role_rep_sees_nobody_below(manager_user, rep_user):
    manager_user.role = "rep"
    assert reps_under(manager_user) == [manager_user.rep.pk]


def test_operations_see_everything_and_an_outsider_nothing_of_others(operations_user, outsider_user, rep_user):
    deal = Opportunity.objects.create(name="Own", owner=rep_user.rep)
    assert seen(Opportunity, operations_user) == {deal}
    assert seen(Opportunity, outsider_user) == set()


def test_a_login_tied_to_no_rep_sees_nothing(rep_user):
    Opportunity.objects.create(name="Own", owner=rep_user.rep)
    Product.objects.create(name="Pump")
    Rep.objects.update(user=None)
    for model in (Opportunity, Product, Rep, Quota):
        assert seen(model, rep_user) == set()


def test_an_inactive_login_sees_nothing(operations_user, rep_user):
    Opportunity.objects.create(name="Own", owner=rep_user.rep)
    operations_user.is_active = False
    assert seen(Opportunity, operations_user) == set()


def test_the_account_of_an_own_opportunity_and_its_contacts_are_seen(rep_user, outsider_user):
    account = Account.objects.create(name="Nobody's account")
    contact = Contact.objects.create(name="Ana", account=account)
    assert seen(Account, rep_user) == set()
    Opportunity.objects.create(name="Own", owner=rep_user.rep, account=account)
    Opportunity.objects.create(name="Own too", owner=rep_user.rep, account=account)
    assert list(Account.objects.visible_to(rep_user)) == [account]
    assert seen(Contact, rep_user) == {contact}
    assert seen(Contact, outsider_user) == set()


def test_what_is_about_a_seen_record_is_seen(rep_user, outsider_user):
    deal = Opportunity.objects.create(name="Own", owner=rep_user.rep)
    call = Activity.objects.create(subject="Call", opportunity=deal, owner=outsider_user.rep)
    assert seen(Activity, rep_user) == {call}


def test_a_private_note_is_its_authors_and_operations_own(rep_user, manager_user, operations_user):
    deal = Opportunity.objects.create(name="Own", owner=rep_user.rep)
    note = Note.objects.create(title="Between us", private=True, author=rep_user.rep, opportunity=deal)
    assert seen(Note, rep_user) == {note}
    assert seen(Note, operations_user) == {note}
    assert seen(Note, manager_user) == set()


def test_a_manager_sees_the_quotas_of_the_team_and_of_its_reps(rep_user, manager_user, outsider_user):
    from backoffice.crm.models import Team

    team = Team.objects.create(name="North")
    rep_user.rep.places.update(team=team)
    own = Quota.objects.create(rep=rep_user.rep, month=date(2026, 1, 1), amount=10, currency="USD")
    shared = Quota.objects.create(team=team, month=date(2026, 1, 1), amount=20, currency="USD")
    assert seen(Quota, manager_user) == {own, shared}
    assert seen(Quota, rep_user) == {own}
    assert seen(Quota, outsider_user) == set()
