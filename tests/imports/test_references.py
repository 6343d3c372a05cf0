"""Which rep and which account a row means."""

import pytest
from django.utils import timezone

from backoffice.crm.models import Account, Opportunity, Rep
from backoffice.imports.merging.references import parts_of_name
from tests.imports.conftest import outcomes, reasons, row

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def account_of(key="A-1"):
    return Opportunity.objects.get(external_id=key).account


def owner_of(key="A-1"):
    return Opportunity.objects.get(external_id=key).owner


def test_an_owner_is_found_by_email_whatever_its_case_and_name(upload, make):
    ana = make.rep("Ana", "López", email="Ana@Example.com")
    upload([row(owner="Somebody Else", email="ANA@example.COM")])
    assert owner_of() == ana
    assert Rep.objects.count() == 1


def test_an_owner_that_no_rep_is_yet_becomes_one_once(upload):
    upload(
        [row("A-1", owner="Ana López", email="ana@example.com"), row("A-2", owner="A. López", email="ANA@example.com")]
    )
    assert owner_of("A-1") == owner_of("A-2") == Rep.objects.get()
    assert str(Rep.objects.get()) == "Ana López"


def test_an_owner_by_name_alone_is_the_one_rep_of_that_name(upload, make):
    ana = make.rep("Ana", "López")
    upload([row(owner="  ana   LOPEZ ")])
    assert owner_of() == ana


def test_an_owner_by_name_alone_is_never_added(upload):
    assert reasons(upload([row(owner="Ana López")])) == {
        2: "No rep is called “Ana López”. Give Opportunity Owner Email to add the rep, or correct it."
    }


def test_an_owner_whose_name_several_reps_bear_fails_naming_them(upload, make):
    one, two = make.rep("Ana", "López", email="a@example.com"), make.rep("Ana", "Lopez", email="b@example.com")
    assert reasons(upload([row(owner="Ana López")])) == {
        2: f"Several reps are called “Ana López”: “Ana López (#{one.pk})”, “Ana Lopez (#{two.pk})”. "
        "Give Opportunity Owner Email to say which."
    }


def test_an_unknown_email_suggests_the_nearest(upload, make):
    make.rep("Ana", "López", email="ana.lopez@example.com")
    assert "the nearest is “ana.lopez@example.com”" in reasons(upload([row(email="ana.lopes@exmaple.com")]))[2]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ana", ("Ana", "", None)),
        ("Ana López", ("Ana", "López", None)),
        ("Ana López Díaz", ("Ana", "López", "Díaz")),
        ("Ana María López Díaz", ("Ana María", "López", "Díaz")),
        ("López, Ana", ("Ana", "López", None)),
    ],
)
def test_full_names_are_taken_apart(name, parts):
    found = parts_of_name(name)
    assert (found["given"], found["family"], found.get("second_family")) == parts


def test_an_account_is_found_by_its_id_first(upload, make):
    acme = make.account("Acme", external_id="ACC-1", website="acme.example")
    make.account("Other", website="other.example")
    upload([row(account_id="ACC-1", account="Quite another name", website="https://other.example")])
    assert account_of() == acme
    assert Account.objects.count() == 2


def test_an_account_is_found_by_its_website_next(upload, make):
    acme = make.account("Acme", external_id="ACC-1", website="http://acme.example")
    upload([row(account="Some other name", website="https://www.ACME.example/about")])
    assert account_of() == acme


def test_an_account_is_found_by_its_name_last_whatever_case_blanks_and_accents(upload, make):
    cafe = make.account("Café  del Norte")
    upload([row(account="CAFE DEL  NORTE", website="https://cafe.example")])
    assert account_of() == cafe


def test_a_name_alone_never_means_an_account_with_an_id(upload, make):
    acme = make.account("Acme", external_id="ACC-1")
    upload([row(account="Acme")])
    assert account_of() != acme
    assert account_of().external_id is None


def test_an_id_never_means_an_account_with_another_id(upload, make):
    acme = make.account("Acme", external_id="ACC-1", website="acme.example")
    upload([row(account_id="ACC-2", account="Acme", website="acme.example")])
    assert account_of() != acme
    assert account_of().external_id == "ACC-2"


def test_an_unknown_id_finds_an_account_without_one_by_website_or_name(upload, make):
    by_site, by_name = make.account("Acme", website="acme.example"), make.account("Bravo")
    upload([row("A-1", account_id="ACC-1", website="acme.example"), row("A-2", account_id="ACC-2", account="bravo")])
    assert (account_of("A-1"), account_of("A-2")) == (by_site, by_name)


def test_a_site_that_many_companies_share_makes_no_relatives(upload, make):
    make.account("Acme", website="https://www.facebook.com/acme")
    upload(
        [row(account="Bravo", website="https://facebook.com/bravo"), row("A-2", account="C", website="c.blogspot.com")]
    )
    assert account_of().name == "Bravo"
    assert Account.objects.count() == 3


def test_several_accounts_of_one_website_fail_the_row_naming_them(upload, make):
    make.account("Acme North", external_id="N", website="acme.example")
    south = make.account("Acme South", website="acme.example")
    assert reasons(upload([row(account="Acme", website="acme.example")])) == {
        2: f"Several accounts match “acme.example”: “Acme North (N)”, “Acme South (#{south.pk})”. "
        "Give Account ID to say which."
    }


def test_several_accounts_of_one_name_fail_the_row(upload, make):
    one, two = make.account("Acme"), make.account("ACME")
    rows = [row(account="acme"), row("A-2", account="acme", account_id="ACC-9")]
    said = f"Several accounts match “acme”: “Acme (#{one.pk})”, “ACME (#{two.pk})”. "
    way_out = "None has an Account ID yet: set it on the right one in the console, and give the same here."
    assert reasons(upload(rows)) == dict.fromkeys((2, 3), said + way_out)


def test_an_archived_account_is_found_by_its_id_only(upload, make):
    gone = make.account("Acme", external_id="ACC-1", archived_at=timezone.now())
    make.account("Bravo", archived_at=timezone.now())
    upload([row("A-1", account_id="ACC-1"), row("A-2", account="Bravo")])
    assert account_of("A-1") == gone
    assert account_of("A-2").archived_at is None


def test_rows_that_name_a_new_account_in_several_ways_make_one(upload):
    done = upload(
        [
            row("A-1", account_id="ACC-1", account="Acme", website="acme.example"),
            row("A-2", account_id="ACC-1"),
            row("A-3", website="www.acme.example"),
            row("A-4", account="Bravo"),
            row("A-5", account="BRAVO", website="bravo.example"),
        ]
    )
    assert outcomes(done) == ["new"] * 5
    assert account_of("A-1") == account_of("A-2") == account_of("A-3")
    assert account_of("A-4") == account_of("A-5")
    assert done.records["account"] == {"new": 2}


def test_an_account_that_is_there_is_left_as_it_is(upload, make):
    make.account("Acme", external_id="ACC-1", website="acme.example")
    upload([row(account_id="ACC-1", account="Acme, renamed", website="elsewhere.example")])
    acme = Account.objects.get()
    assert (acme.name, acme.website) == ("Acme", "acme.example")
