"""Entries of the log as a person reads them."""

import pytest

from backoffice.access.models import User
from backoffice.changes.describing import describe
from backoffice.changes.models import Change
from backoffice.changes.reading import history
from backoffice.crm.models import Account, Document, LineItem, Opportunity, Rep

pytestmark = [pytest.mark.db, pytest.mark.django_db]


EVERYTHING = User(username="olga", role="operations")  # sees it


def newest(record, viewer=EVERYTHING):
    return describe(history(record.change_kind, record.pk), viewer)[0]


def told(line):
    return {field.label: (field.before, field.after) for field in line.fields}


def test_a_change_reads_who_what_before_and_after(opportunity):
    Opportunity.objects.filter(pk=opportunity.pk).update(amount="1500", wants_tax=True)
    line = newest(opportunity)
    assert (line.who, line.door, line.operation, line.about) == ("someone", "command", "changed", "opportunity")
    assert told(line) == {"amount": ("1200.5", "1500"), "wants tax": ("no", "yes")}
    assert line.words == "opportunity changed: amount: 1200.5 → 1500; wants tax: no → yes"


def test_references_read_by_name_and_choices_by_label(opportunity):
    ana, beto = Rep.objects.create(given="Ana"), Rep.objects.create(given="Beto")
    Opportunity.objects.filter(pk=opportunity.pk).update(owner=ana, prospect_type="new")
    Opportunity.objects.filter(pk=opportunity.pk).update(owner=beto)
    lines = describe(history("opportunity", opportunity.pk), EVERYTHING)
    assert told(lines[0]) == {"owner": ("Ana", "Beto")}
    assert told(lines[1])["owner"] == ("", "Ana")
    assert told(lines[1])["prospect type"][1] == Opportunity(prospect_type="new").get_prospect_type_display()


def test_a_reference_to_a_row_that_is_gone_shows_its_number(opportunity):
    ana = Rep.objects.create(given="Ana")
    Opportunity.objects.filter(pk=opportunity.pk).update(owner=ana)
    Opportunity.objects.filter(pk=opportunity.pk).update(owner=None)
    number = ana.pk
    ana.delete()
    assert told(newest(opportunity)) == {"owner": (f"#{number}", "")}


def test_the_name_of_a_record_one_may_not_see_is_not_told_but_every_reps_is(opportunity, rep_user, outsider_user):
    hidden = Account.objects.create(name="Hidden Ltd", owner=outsider_user.rep)
    Opportunity.objects.filter(pk=opportunity.pk).update(account=hidden, owner=outsider_user.rep)
    assert told(newest(opportunity, rep_user))["account"][1] == f"#{hidden.pk}"
    assert told(newest(opportunity, rep_user))["owner"][1] == str(outsider_user.rep)
    assert told(newest(opportunity, outsider_user))["account"][1] == "Hidden Ltd"


def test_a_part_is_named_by_what_it_holds_or_where_that_is_not_told_by_its_number(opportunity, product):
    line = LineItem.objects.create(opportunity=opportunity, product=product, quantity=3)
    described = newest(opportunity)
    assert (described.about, described.operation) == ("line", "created")
    assert told(described)["product"] == ("", "Support")
    LineItem.objects.filter(pk=line.pk).update(quantity=4)
    assert (newest(opportunity).about, newest(opportunity).operation) == (f"line {line.pk}", "changed")


def test_a_file_is_not_told_by_its_name_in_the_storage(opportunity):
    document = Document.objects.create(name="offer.pdf", opportunity=opportunity, content="documents/0a1b2c")
    assert told(newest(document))["content"] == ("", "a file")


def test_dates_and_times_read_in_the_languages_way(opportunity):
    Opportunity.objects.filter(pk=opportunity.pk).update(close_date="2026-03-31")
    assert told(newest(opportunity)) == {"close date": ("", "March 31, 2026")}


def test_columns_and_kinds_that_are_no_more_read_by_their_old_names(db):
    gone = Change(
        kind="opportunity", object_id=1, operation="update", door="pull", before={"shade": "a"}, after={"shade": "b"}
    )
    unknown = Change(kind="deal", object_id=1, operation="update", door="pigeon", before={"x": 1}, after={"x": 2})
    assert [line.words for line in describe([gone, unknown], EVERYTHING)] == [
        "opportunity changed: shade: a → b",
        "deal changed: x: 1 → 2",
    ]


def test_names_are_looked_up_once_however_many_entries_there_are(opportunity, django_assert_num_queries):
    reps = [Rep.objects.create(given=f"Rep {number}") for number in range(20)]
    for rep in reps:
        Opportunity.objects.filter(pk=opportunity.pk).update(owner=rep)
    entries = list(history("opportunity", opportunity.pk))
    assert len(entries) == 21
    with django_assert_num_queries(2):  # reps and accounts
        describe(entries, EVERYTHING)
