"""What the tables themselves refuse, and what PostgreSQL computes for them."""

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Activity, Choice, Contact, Opportunity, Rep, RepPlace, Tag

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def someone_acts(db):
    with acting(None, Door.COMMAND, label="test"):
        yield


def refused(row):
    """The words a form would show; the table itself refuses the row as well."""
    with pytest.raises(ValidationError) as told:
        row.full_clean()
    with pytest.raises(IntegrityError), acting(None, Door.COMMAND, label="test"):
        row.save()
    return " ".join(told.value.messages)


def test_an_amount_needs_its_currency():
    assert refused(Opportunity(name="Pump", amount=5)) == "An amount needs its currency."


def test_an_opportunity_id_is_unique_where_there_is_one():
    Opportunity.objects.create(name="A", external_id="X1")
    Opportunity.objects.create(name="Without")
    Opportunity.objects.create(name="Without too")
    assert refused(Opportunity(name="B", external_id="X1")) == "Another opportunity already has this opportunity ID."


def test_an_opportunity_born_here_answers_its_uid_as_opportunity_id():
    deal = Opportunity.objects.create(name="Born here")
    deal.refresh_from_db()
    assert deal.opportunity_id == str(deal.uid)
    assert deal.uid.version == 7


def test_two_reps_do_not_share_an_email_whatever_its_case():
    Rep.objects.create(given="Ana", email="ana@example.com")
    Rep.objects.create(given="No email")
    Rep.objects.create(given="No email either")
    assert refused(Rep(given="Other", email="ANA@example.com")) == "Another rep already has this email."


def test_a_rep_has_one_place_at_a_time_and_history_counts():
    rep = Rep.objects.create(given="Ana")
    RepPlace.objects.create(rep=rep, from_month=date(2026, 1, 1), until_month=date(2026, 3, 1))
    RepPlace.objects.create(rep=rep, from_month=date(2026, 4, 1))
    overlapping = RepPlace(rep=rep, from_month=date(2026, 3, 1), until_month=date(2026, 3, 1))
    assert refused(overlapping) == "The rep already has a place in these months."


def test_a_place_is_counted_in_whole_months():
    rep = Rep.objects.create(given="Ana")
    assert "first day" in refused(RepPlace(rep=rep, from_month=date(2026, 1, 15)))


def test_a_stage_needs_a_status_and_only_a_stage_has_one():
    message = "A stage needs a status, and only a stage has one."
    assert refused(Choice(list="stage", label="Offer")) == message
    assert refused(Choice(list="type", label="New", status="open")) == message


def test_two_choices_of_a_list_differ_in_more_than_case_and_accents():
    Choice.objects.create(list="type", label="Renovación")
    Choice.objects.create(list="industry", label="Renovación")
    assert refused(Choice(list="type", label="RENOVACION")) == "This list already has an entry of this name."


def test_an_activity_is_about_something():
    assert refused(Activity(subject="Call")) == "Say what this is about: choose at least one record."


def test_an_activity_may_have_a_day_without_a_time_but_not_both():
    account = Account.objects.create(name="Acme")
    Activity.objects.create(subject="Some day", account=account, start_on=date(2026, 1, 1))
    moment = datetime(2026, 1, 1, 9, tzinfo=UTC)
    both = Activity(subject="Both", account=account, start_on=date(2026, 1, 1), start_at=moment)
    assert refused(both) == "Give a start day or a start time, not both."


def test_the_first_email_and_phone_are_columns_of_their_own():
    contact = Contact.objects.create(
        given="Ana",
        emails=[{"address": "Ana@Example.com"}, {"address": "second@example.com"}],
        phones=[{"number": "+52 55 5555 0101", "kind": "office"}],
    )
    contact.refresh_from_db()
    assert (contact.email, contact.phone) == ("ana@example.com", "+52 55 5555 0101")


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("https://www.Acme.example/", "acme.example"),
        ("http://acme.example:8080/path?x=1", "acme.example"),
        ("acme.example", "acme.example"),
        ("WWW.acme.example/a", "acme.example"),
        ("", None),
    ],
)
def test_the_domain_of_a_website_is_known_however_it_is_written(website, domain):
    account = Account.objects.create(name="Acme", website=website)
    account.refresh_from_db()
    assert account.domain == domain


def test_names_compare_and_sort_without_case_accents_and_double_blanks():
    account = Account.objects.create(name="  Ñandú   Énergie ")
    account.refresh_from_db()
    assert account.name_key == "nandu energie"


def test_a_tag_of_the_same_name_is_refused():
    Tag.objects.create(name="Key account")
    assert refused(Tag(name="key  ACCOUNT")) == "There is already a tag of this name."


def test_the_time_of_the_last_change_is_kept_whoever_writes():
    account = Account.objects.create(name="Acme")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_account SET changed_at = '2020-01-01', name = 'New' WHERE id = %s", [account.pk])
    account.refresh_from_db()
    assert account.changed_at.year > 2020


@pytest.mark.parametrize("term", ["%nandu%", "% en%"])
def test_a_lists_search_uses_its_index(term):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT id FROM crm_account WHERE search LIKE %s", [term])
        assert "account_search" in str(cursor.fetchall())
