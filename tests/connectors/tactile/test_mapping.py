"""The vendor's objects and ours, in the forms the document and the server give them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest
from msgspec import UNSET

from backoffice.crm.records import Account, Activity, Address, Contact, Email, Note, Opportunity, Phone, Ref
from connectors.kit.codecs import SOMETIME
from connectors.kit.errors import Unreadable
from connectors.kit.mapping import Shape
from connectors.tactile.mapping import ACTIVITY, EMAIL, NOTE, OPPORTUNITY, ORGANISATION, PERSON, SCHEDULE
from tests.connectors.tactile.examples import example

pytestmark = [pytest.mark.unit]


@pytest.fixture
def documented():
    return example("view")["opportunity"]


def test_the_documented_opportunity_is_read_in_full(documented):
    made = datetime(2009, 2, 2, 15, 31, 43, tzinfo=UTC)
    assert OPPORTUNITY.decode(documented) == Opportunity(
        name="Boating eCommerce Website",
        description="They're after a new website for selling boat accessories",
        account=Ref("9876", "Acme Boats Ltd."),
        primary_contact=Ref("87254", "Bill Smith"),
        probability=70,
        amount=Decimal(100000),
        archived_at=None,
        stage=Ref(label="New"),
        type=None,
        source=None,
        owner=Ref("paul"),
        assigned_to=Ref("paul"),
        altered_by=Ref("paul"),
        created_there=made,
        changed_there=made,
        close_date=date(2009, 3, 6),
    )
    assert OPPORTUNITY.id_of(documented) == "1234"


def test_the_documented_opportunity_is_written_back_with_the_same_keys_and_values(documented):
    wire = OPPORTUNITY.encode(OPPORTUNITY.decode(documented))
    assert {"id": 1234, **wire} == documented


def test_the_documented_save_is_understood():
    record = OPPORTUNITY.decode(example("save")["Opportunity"], Shape.WRITE)
    assert record == Opportunity(name="Website Redesign", assigned_to=Ref("greg"))


def test_the_documented_note_is_read_in_full():
    (entry,) = example("timeline")["timeline"]
    note = NOTE.decode(entry["note"])
    assert note == Note(
        kind="note",
        title="Invoices Sent",
        body="They have never received the invoices so have resent them.",
        opportunity=Ref("1234", "Chase Invoices"),
        account=Ref("12676", "Acme Corp."),
        contact=None,
        private=False,
        author=Ref("george"),
        happened_at=datetime(2007, 11, 2, 12, 58, 50, tzinfo=UTC),
        created_there=datetime(2007, 11, 2, 12, 58, 50, tzinfo=UTC),
        changed_there=datetime(2007, 11, 2, 12, 58, 50, tzinfo=UTC),
    )
    assert NOTE.id_of(entry["note"]) == "note:885"


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2009-02-02T15:31:43+00:00", datetime(2009, 2, 2, 15, 31, 43, tzinfo=UTC)),
        ("2009-02-02T15:31:43+0000", datetime(2009, 2, 2, 15, 31, 43, tzinfo=UTC)),
        ("2009-07-02T15:31:43+01:00", datetime(2009, 7, 2, 14, 31, 43, tzinfo=UTC)),
        ("2009-07-02 15:31:43", datetime(2009, 7, 2, 14, 31, 43, tzinfo=UTC)),  # London's, in a timeline
    ],
)
def test_times_are_read_in_each_of_the_servers_forms(given, moment):
    assert OPPORTUNITY.decode({"created": given}).created_there == moment


def test_times_are_written_as_documented_in_winter_and_in_summer():
    record = Opportunity(
        created_there=datetime(2009, 2, 2, 15, 31, 43, tzinfo=UTC),
        changed_there=datetime(2009, 7, 2, 14, 31, 43, tzinfo=UTC),
    )
    wire = OPPORTUNITY.encode(record)
    assert (wire["created"], wire["lastupdated"]) == ("2009-02-02T15:31:43+00:00", "2009-07-02T15:31:43+01:00")


@pytest.mark.parametrize("given", ["paul", "paul//sample", " paul//sample//x "])
def test_a_user_is_known_by_the_name_alone(given):
    record = OPPORTUNITY.decode({"owner": given, "assigned_to": given, "alteredby": given})
    assert {record.owner, record.assigned_to, record.altered_by} == {Ref("paul")}


@pytest.mark.parametrize(
    ("given", "label"), [("R&amp;D", "R&D"), ("R&D", "R&D"), ("&quot;A&quot; &lt;b&gt; &#039;c&#39;", "\"A\" <b> 'c'")]
)
def test_a_status_is_known_by_its_name_unescaped(given, label):
    assert OPPORTUNITY.decode({"status": given}).stage == Ref(label=label)


def test_a_status_is_written_as_its_number():
    record = Opportunity(stage=Ref("1", "New"), type=Ref("2"), source=None)
    assert OPPORTUNITY.encode(record, Shape.WRITE) == {"status_id": 1, "type_id": 2, "source_id": None}
    assert OPPORTUNITY.decode({"status_id": 1}, Shape.WRITE).stage == Ref("1")


@pytest.mark.parametrize(("given", "normal"), [(42, 40), (43, 45), (0, 0), (100, 100), (98, 100), (2, 0), (None, None)])
def test_a_probability_is_agreed_on_in_the_vendors_steps(given, normal):
    assert OPPORTUNITY.normal(Opportunity(probability=given)).probability == normal
    assert OPPORTUNITY.encode(Opportunity(probability=given), Shape.WRITE)["probability"] == normal


@pytest.mark.parametrize("given", [101, -5, "much", True])
def test_a_probability_that_is_none_sets_the_record_aside(given):
    with pytest.raises(Unreadable, match="opportunity 7: probability"):
        OPPORTUNITY.decode({"id": 7, "probability": given})


@pytest.mark.parametrize(
    ("given", "amount"),
    [(100000, "100000"), (1234.5, "1234.5"), ("1234.50", "1234.5"), (0.1, "0.1"), (100000.0, "100000"), (0, "0")],
)
def test_a_cost_is_read_to_the_cent_and_always_in_the_same_form(given, amount):
    read = OPPORTUNITY.decode({"cost": given}).amount
    assert (read, str(read)) == (Decimal(amount), amount)


def test_a_cost_that_nobody_knows_is_null_when_read_and_nothing_there():
    assert OPPORTUNITY.decode({"cost": None}).amount is None
    assert OPPORTUNITY.normal(Opportunity(amount=None)).amount == 0


def test_what_both_sides_agreed_on_reads_the_same_from_either_side(documented):
    """The vendor's 100000 and our 100000.0000 are one amount, also as JSON in a link."""
    there = OPPORTUNITY.normal(OPPORTUNITY.decode(documented))
    here = OPPORTUNITY.normal(msgspec.structs.replace(there, amount=Decimal("100000.0000"), probability=71))
    assert msgspec.to_builtins(here) == msgspec.to_builtins(there)


def test_archived_is_a_moment_here_that_nobody_knows():
    assert OPPORTUNITY.decode({"archived": True}).archived_at == SOMETIME
    assert OPPORTUNITY.decode({"archived": False}).archived_at is None
    ours = datetime(2026, 11, 2, tzinfo=UTC)
    assert OPPORTUNITY.normal(Opportunity(archived_at=ours)).archived_at == SOMETIME
    assert OPPORTUNITY.encode(Opportunity(archived_at=ours), Shape.WRITE) == {"archived": True}


def test_who_made_and_changed_it_there_is_only_read():
    read_only = {"created_there", "changed_there", "altered_by"}
    assert read_only <= OPPORTUNITY.holds
    assert not read_only & OPPORTUNITY.takes_new
    assert "owner" in OPPORTUNITY.takes_new - OPPORTUNITY.takes


def test_unknown_keys_are_no_reason_to_refuse(documented):
    more = {**documented, "custom_fields": [], "custom_values": [], "colour": {"a": [1]}}
    assert OPPORTUNITY.decode(more).name == "Boating eCommerce Website"


def test_tags_are_none_where_the_later_server_leaves_them_out_and_unknown_where_none_are_told():
    assert OPPORTUNITY.decode({"tags": ["b", "a"]}).tags == ["b", "a"]
    assert OPPORTUNITY.decode({"custom_fields": []}).tags == []
    assert OPPORTUNITY.decode({"name": "Chairs"}).tags is UNSET


def test_a_note_in_the_later_servers_form_is_plain_text_here():
    entry = {
        "id": "885",
        "title": "Invoices",
        "note": 'R&amp;D said:<br />\nsee <a href="http://x.example">x</a> &lt;now&gt;',
        "owner": "george//sample",
        "opportunity_id": "1234",
        "created": "2009-07-02 15:31:43",
        "when": "2 days ago",
    }
    note = NOTE.decode(entry)
    assert note.body == "R&D said:\nsee x <now>"
    assert note.author == Ref("george")
    assert note.opportunity == Ref("1234")
    assert note.happened_at == datetime(2009, 7, 2, 14, 31, 43, tzinfo=UTC)


def test_a_documented_note_is_text_and_keeps_what_looks_like_html():
    assert NOTE.decode({"id": 885, "note": "a <b> & &amp;"}).body == "a <b> & &amp;"


def test_an_email_is_a_note_from_somebody_to_somebody():
    wire = {
        "id": 12,
        "subject": "Your order",
        "body": "Thank you.",
        "email_from": "paul@sample.example",
        "email_to": "bill@acme.example",
        "opportunity_id": 1234,
        "owner": "paul",
        "received": "2009-02-02T15:31:43+00:00",
        "created": "2009-02-02T15:32:00+00:00",
    }
    email = EMAIL.decode(wire)
    assert (email.kind, email.title, email.sender, email.recipients) == (
        "email",
        "Your order",
        "paul@sample.example",
        "bill@acme.example",
    )
    assert email.happened_at == datetime(2009, 2, 2, 15, 31, 43, tzinfo=UTC)
    assert EMAIL.id_of(wire) == "email:12"
    assert not EMAIL.takes_new


def test_an_organisation_is_read_with_phone_email_and_address():
    wire = {
        "id": 9876,
        "name": "Acme Boats Ltd.",
        "accountnumber": "ACM01",
        "phone": "01234 567",
        "email": "info@acme.example",
        "street1": "1 Quay",
        "town": "Poole",
        "county": "Dorset",
        "postcode": "BH15 1AA",
        "country": "United Kingdom",
        "country_code": "GB",
        "status": "Customer",
        "industry": None,
        "parent_id": 5,
        "parent": "Acme Corp.",
    }
    account = ORGANISATION.decode(wire)
    assert account == Account(
        name="Acme Boats Ltd.",
        client_number="ACM01",
        phones=[Phone("01234 567", "office")],
        emails=[Email("info@acme.example")],
        addresses=[
            Address(
                street1="1 Quay",
                city="Poole",
                county="Dorset",
                postcode="BH15 1AA",
                country="United Kingdom",
                country_code="GB",
            )
        ],
        status=Ref(label="Customer"),
        industry=None,
        parent=Ref("5", "Acme Corp."),
    )


def test_phones_and_emails_are_saved_as_contact_methods():
    account = Account(
        phones=[Phone("1", "mobile"), Phone("2", "office"), Phone("3", "fax")],
        emails=[Email("a@acme.example"), Email("b@acme.example")],
        website="acme.example",
    )
    wire = ORGANISATION.encode(account, Shape.WRITE)
    assert wire == {
        "phone": {"contact": "2"},
        "fax": {"contact": "3"},
        "email": {"contact": "a@acme.example"},
        "website": {"contact": "acme.example"},
    }
    again = ORGANISATION.decode(wire, Shape.WRITE)
    assert again.phones == [Phone("2", "office"), Phone("3", "fax")]
    assert again.website == "acme.example"


def test_a_fax_is_no_main_phone_and_a_mobile_may_be():
    assert ORGANISATION.encode(Account(phones=[Phone("3", "fax")]))["phone"] is None
    assert ORGANISATION.encode(Account(phones=[Phone("1", "mobile")]))["phone"] == "1"


def test_a_person_is_read_by_the_parts_of_the_name():
    wire = {
        "id": 87254,
        "name": "Bill Smith",
        "title": "Dr",
        "firstname": "Bill",
        "surname": "Smith",
        "jobtitle": "Buyer",
        "organisation": "Acme Boats Ltd.",
        "organisation_id": 9876,
        "reports_to": 12,
        "can_call": True,
        "can_email": False,
        "dob": "1970-05-06",
        "language_code": "EN",
    }
    person = PERSON.decode(wire)
    assert (person.name, person.given, person.family, person.job_title) == ("Bill Smith", "Bill", "Smith", "Buyer")
    assert (person.salutation, person.account) == (Ref("Dr"), Ref("9876", "Acme Boats Ltd."))
    assert (person.reports_to, person.birthday) == (Ref("12"), date(1970, 5, 6))
    assert (person.can_call, person.can_email) == (True, False)


def test_the_dash_that_stands_for_a_missing_name_is_no_name():
    assert PERSON.decode({"firstname": "-", "surname": "Smith"}).given == ""
    assert PERSON.encode(Contact(given="", family="Smith"), Shape.WRITE) == {"firstname": "-", "surname": "Smith"}


def test_a_to_do_has_a_day_or_a_time_on_it_or_is_for_later():
    day = ACTIVITY.decode({"class": "todo", "date": "2026-07-01", "time": None, "later": False})
    assert (day.kind, day.start_on, day.start_at, day.later) == ("to_do", date(2026, 7, 1), None, False)
    timed = ACTIVITY.decode({"class": "todo", "date": "2026-07-01", "time": "09:30:00", "later": False})
    assert (timed.start_on, timed.start_at) == (None, datetime(2026, 7, 1, 8, 30, tzinfo=UTC))
    later = ACTIVITY.decode({"class": "todo", "date": None, "time": None, "later": True})
    assert (later.start_on, later.start_at, later.later) == (None, None, True)


def test_midnight_is_a_time_and_not_a_day_without_one():
    midnight = ACTIVITY.decode({"date": "2026-01-01", "time": "00:00"})
    assert (midnight.start_on, midnight.start_at) == (None, datetime(2026, 1, 1, tzinfo=UTC))


def test_an_event_has_an_end_and_a_place():
    activity = Activity(
        kind="meeting",
        subject="Boat show",
        start_at=datetime(2026, 7, 1, 8, 30, tzinfo=UTC),
        end_on=date(2026, 7, 2),
        location="Southampton",
        owner=Ref("paul"),
    )
    assert ACTIVITY.encode(activity, Shape.WRITE) == {
        "name": "Boat show",
        "location": "Southampton",
        "class": "event",
        "assigned_to": "paul",
        "date": "2026-07-01",
        "time": "09:30",
        "end_date": "2026-07-02",
        "end_time": None,
    }


def test_a_kind_of_activity_that_the_vendor_has_not_is_agreed_on_as_one_it_has():
    kinds = ("call", "meeting", "to_do", "event")
    assert [ACTIVITY.normal(Activity(kind=kind)).kind for kind in kinds] == ["to_do", "event", "to_do", "event"]


def test_the_fields_of_a_todo_that_is_saved_with_an_opportunity_are_an_activity():
    assert SCHEDULE.decode({"date": "2026-11-30", "time": "17:30"}, Shape.WRITE).start_at == datetime(
        2026, 11, 30, 17, 30, tzinfo=UTC
    )
    assert SCHEDULE.decode({"later": "true"}, Shape.WRITE) == Activity(later=True)


@pytest.mark.parametrize("clock", ["25:00", "9.30", "noon"])
def test_a_time_that_is_none_names_its_key(clock):
    with pytest.raises(Unreadable, match="date, time: expected a time such as 17:30"):
        ACTIVITY.decode({"id": 1, "date": "2026-11-30", "time": clock})
