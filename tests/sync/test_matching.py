"""A vendor's new record joins a row only by what belongs to one alone; look-alikes are for a person."""

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm import records
from backoffice.crm.models import Account, Contact, Opportunity, Tag
from backoffice.crm.records import Email, Ref
from backoffice.sync.links.matching import SAME_EMAIL, Several, match, note, suggest
from backoffice.sync.models import Link, Suggestion

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def someone_acts(db):
    with acting(None, Door.COMMAND, label="test"):
        yield


def found(connection, kind, *given):
    """What each of these records matches, in their order."""
    matches = match(connection, kind, [(str(place), record) for place, record in enumerate(given)])
    return [matches[str(place)] for place in range(len(given))]


def contact(*emails, **fields):
    return Contact.objects.create(emails=[{"address": email} for email in emails], **{"name": "Ana"} | fields)


def with_email(*emails):
    return records.Contact(name="Someone", emails=[Email(email) for email in emails])


def link(connection, row, remote_id="1"):
    Link.objects.create(connection=connection, kind=type(row).change_kind, remote_id=remote_id, object_id=row.pk)


def test_a_contact_joins_the_one_with_its_email(connection):
    ana = contact("Ana@Example.com")
    contact("ben@example.com")
    assert found(connection, "contact", with_email("ANA@example.com "), with_email("cleo@example.com")) == [
        ana.pk,
        None,
    ]


def test_a_contact_without_an_email_joins_nobody(connection):
    contact()
    assert found(connection, "contact", with_email(), records.Contact(name="Ana")) == [None, None]


@pytest.mark.parametrize(
    "email", ["info@acme.com", "ventas@acme.com.mx", "no-reply@acme.com", "customer.service@acme.com"]
)
def test_a_desks_mailbox_is_nobodys(connection, email):
    contact(email)
    assert found(connection, "contact", with_email(email)) == [None]


def test_a_mailbox_at_a_public_provider_is_a_persons(connection):
    ana = contact("ana@gmail.com")
    assert found(connection, "contact", with_email("ana@gmail.com")) == [ana.pk]


def test_an_email_that_two_have_is_for_a_person_to_say(connection):
    both = contact("shared@example.com"), contact("shared@example.com", name="Ben")
    assert found(connection, "contact", with_email("shared@example.com")) == [
        Several(tuple(row.pk for row in both), SAME_EMAIL)
    ]


def test_emails_of_two_different_contacts_are_for_a_person_to_say(connection):
    both = contact("a@example.com"), contact("b@example.com", name="Ben")
    (several,) = found(connection, "contact", with_email("a@example.com", "b@example.com"))
    assert set(several.ids) == {row.pk for row in both}


def test_a_row_is_joined_by_one_record_of_a_connection(connection, make_connection):
    ana = contact("ana@example.com")
    twice = found(connection, "contact", with_email("ana@example.com"), with_email("ana@example.com"))
    assert twice == [ana.pk, Several((ana.pk,), SAME_EMAIL)]
    link(connection, ana)
    assert found(connection, "contact", with_email("ana@example.com")) == [Several((ana.pk,), SAME_EMAIL)]
    assert found(make_connection("b"), "contact", with_email("ana@example.com")) == [ana.pk]


def test_an_archived_row_is_not_joined(connection):
    contact("ana@example.com", archived_at="2026-01-01T00:00Z")
    assert found(connection, "contact", with_email("ana@example.com")) == [None]


def account(**fields):
    return Account.objects.create(**{"name": "Acme"} | fields)


def test_an_account_joins_by_its_website_whatever_the_address_says(connection):
    acme = account(website="https://www.acme.com/en")
    assert found(connection, "account", records.Account(name="ACME Ltd", website="http://acme.com")) == [acme.pk]


def test_an_account_joins_by_the_domain_of_its_mail_where_the_vendor_shows_no_website(connection):
    acme = account(website="https://www.acme.com/en")
    mail = [records.Email("info@acme.com"), records.Email("acme.boats@gmail.com")]
    assert found(connection, "account", records.Account(name="ACME Ltd", emails=mail)) == [acme.pk]
    shared = account(website="https://gmail.com/")
    assert shared.pk not in found(connection, "account", records.Account(name="Jo", emails=mail[1:]))


@pytest.mark.parametrize(
    "site", ["https://facebook.com/acme", "acme.wordpress.com", "http://gmail.com", "acme.herokuapp.com", "hotmail.es"]
)
def test_a_site_that_many_share_makes_no_relatives(connection, site):
    account(website=site)
    assert found(connection, "account", records.Account(name="Other", website=site)) == [None]


def test_an_account_joins_by_its_tax_id_with_or_without_dashes(connection):
    acme = account(tax_id="ABC010203XY9")
    assert found(connection, "account", records.Account(tax_id="abc-010203-xy9")) == [acme.pk]


@pytest.mark.parametrize("tax_id", ["XAXX010101000", "xexx-010101-000", "N/A", "000000000000", "PENDIENTE"])
def test_a_tax_id_that_anybody_may_have_tells_nothing(connection, tax_id):
    account(tax_id=tax_id)
    assert found(connection, "account", records.Account(tax_id=tax_id)) == [None]


def test_keys_that_point_at_two_accounts_are_for_a_person_to_say(connection):
    one, two = account(tax_id="ABC010203XY9"), account(website="acme.com")
    (several,) = found(connection, "account", records.Account(tax_id="ABC010203XY9", website="acme.com"))
    assert set(several.ids) == {one.pk, two.pk}


def test_an_opportunity_joins_by_its_id_alone(connection):
    chairs = Opportunity.objects.create(name="Chairs", external_id="O-1")
    given = records.Opportunity(name="x", external_id="O-1"), records.Opportunity(name="Chairs", external_id=None)
    assert found(connection, "opportunity", *given) == [chairs.pk, None]


def test_a_tag_joins_the_one_of_its_name(connection):
    vip = Tag.objects.create(name="Café")
    assert found(connection, "tag", records.Tag(name="cafe"), records.Tag(name="new")) == [vip.pk, None]


def test_kinds_without_a_strong_key_match_nothing(connection):
    assert found(connection, "note", records.Note(title="a")) == [None]


def suggested():
    return set(Suggestion.objects.values_list("object_id", "like_id"))


def test_what_a_record_could_not_join_is_suggested_once(connection):
    old, new = contact("ana@example.com"), contact("ana@example.com")
    for _ in range(2):
        note(connection, "contact", {new.pk: Several((old.pk, new.pk), SAME_EMAIL)})
    assert suggested() == {(new.pk, old.pk)}
    assert Suggestion.objects.get().reason == SAME_EMAIL


def test_rows_of_the_same_or_a_like_name_are_suggested(connection):
    same, like, other = account(name="Líbra Industries"), account(name="Globex Corporation"), account(name="Initech")
    new = [account(name=name) for name in ("Libra  industries", "Globex Corporatoin", "Umbrella")]
    for row in new:
        link(connection, row, f"{row.pk}")
    assert suggest(connection, "account", [row.pk for row in new]) == 2
    assert suggested() == {(new[0].pk, same.pk), (new[1].pk, like.pk)}
    assert other.pk not in {like_id for _, like_id in suggested()}


def test_records_of_the_same_connection_are_not_suggested_for_one_another(connection):
    rows = [account(name="Libra Industries") for _ in range(2)]
    for row in rows:
        link(connection, row, f"{row.pk}")
    assert suggest(connection, "account", [rows[1].pk]) == 0


def test_people_of_one_name_at_two_companies_are_two_people(connection):
    here, elsewhere = account(name="A"), account(name="B")
    contact(account=elsewhere)
    same = contact(account=here)
    new = contact(account=here)
    suggest(connection, "contact", [new.pk])
    assert suggested() == {(new.pk, same.pk)}


def test_the_references_of_a_record_do_not_matter(connection):
    ana = contact("ana@example.com")
    given = records.Contact(name="x", emails=[Email("ana@example.com")], account=Ref(id="1"))
    assert found(connection, "contact", given) == [ana.pk]
