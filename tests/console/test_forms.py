"""Forms: what a constraint says, what is written, who wrote it, and editors instead of raw JSON."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.console.editors import MonthField, NumberField
from backoffice.crm import records
from backoffice.crm.models import Account, Choice, Contact, CustomField, Document, Opportunity, Rep, Team
from backoffice.quotas.models import Quota
from tests.console.conftest import address, filled_in

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def errors(response):
    assert response.status_code == 200, response.headers
    return str(response.context["adminform"].form.errors)


def test_what_is_written_is_logged_under_the_login_through_the_console(visit, make, rep_user):
    (account,) = make(Account, rep_user.rep)
    assert visit(rep_user).save(account, name="Molinos del Sur").status_code == 302
    change = Change.objects.order_by("-id").first()
    assert (change.actor, change.door, change.after) == (
        rep_user.pk,
        "console",
        {"name": "Molinos del Sur"} | change.after,
    )


def test_a_form_writes_only_the_columns_it_changed(visit, make, rep_user):
    (account,) = make(Account, rep_user.rep)
    visit(rep_user).save(account, website="https://molinos.example")
    change = Change.objects.filter(kind="account", object_id=account.pk).order_by("-id").first()
    assert change.after["website"] == "https://molinos.example"
    assert set(change.after) <= {"website", "domain"}


def test_a_form_does_not_undo_what_was_changed_since_it_was_opened(visit, make, rep_user):
    (account,) = make(Account, rep_user.rep)
    visitor = visit(rep_user)
    page = visitor.record(account)
    opened = filled_in(page) | {"_seen": page.context["original"].changed_at.isoformat()}
    assert f'value="{opened["_seen"]}"' in page.content.decode()
    with acting(None, Door.COMMAND, label="somebody else"):
        Account.objects.filter(pk=account.pk).update(tax_id="XAXX010101000", changed_at=timezone.now())
    answer = visitor.post(address(account, "change", account.pk), opened | {"website": "https://molinos.example"})
    assert "Somebody has changed this record" in errors(answer)
    account.refresh_from_db()
    assert account.tax_id == "XAXX010101000"
    again = filled_in(answer) | {"_seen": answer.context["original"].changed_at.isoformat()}
    assert visitor.post(address(account, "change", account.pk), again).status_code == 302


def test_a_form_that_changes_nothing_writes_nothing(visit, make, rep_user):
    (contact,) = make(Contact, rep_user.rep)
    before = Change.objects.count()
    assert visit(rep_user).save(contact).status_code == 302
    assert Change.objects.count() == before


def test_a_constraint_answers_in_words_on_the_form(visit, make, rep_user, operations_user):
    first, second = make(Account, rep_user.rep, 2)
    visitor = visit(operations_user)
    visitor.save(first, external_id="A-1")
    assert "Another account already has this account ID." in errors(visitor.save(second, external_id="A-1"))
    assert "An account can&#x27;t be its own parent." in errors(visitor.save(first, parent=str(first.pk)))
    assert "A stage needs a status" in errors(visitor.add(Choice, list="stage", label="Talks", status=""))


def test_who_comes_a_moment_late_gets_the_same_words(visit, operations_user, monkeypatch):
    """As when another's commit falls between this form's checks and its save."""
    visitor = visit(operations_user)
    visitor.add(Team, name="North")
    monkeypatch.setattr(Team, "validate_constraints", lambda self, **options: None)
    assert "There is already a team of this name." in errors(visitor.add(Team, name="north"))
    assert Team.objects.count() == 1


def test_an_empty_id_means_none_is_known(visit, make, rep_user):
    (account,) = make(Account, rep_user.rep)
    assert visit(rep_user).save(account, external_id="").status_code == 302
    account.refresh_from_db()
    assert account.external_id is None


def test_a_record_that_others_point_at_is_not_deleted(visit, make, rep_user, operations_user):
    (contact,) = make(Contact, rep_user.rep)
    where = address(contact.account, "delete", contact.account.pk)
    visit(operations_user).post(where, {"post": "yes"})
    assert Account.objects.filter(pk=contact.account.pk).exists()


def test_a_reference_that_comes_while_one_deletes_gets_a_sentence(visit, make, rep_user, operations_user, monkeypatch):
    (contact,) = make(Contact, rep_user.rep)
    monkeypatch.setattr("backoffice.console.admin.crm.AccountAdmin.get_deleted_objects", lambda *a: ([], {}, set(), []))
    monkeypatch.setattr(
        "backoffice.console.admin.crm.AccountAdmin.delete_model",
        lambda self, request, row: Account.objects.filter(pk=row.pk)._raw_delete("default"),
    )
    where = address(contact.account, "delete", contact.account.pk)
    answer = visit(operations_user).post(where, {"post": "yes"}, follow=True)
    assert "has just changed" in answer.content.decode()
    assert Account.objects.filter(pk=contact.account.pk).exists()


def test_no_form_shows_json(visit, make, rep_user, operations_user):
    (contact,) = make(Contact, rep_user.rep)
    with acting(None, Door.COMMAND, label="test"):
        Contact.objects.filter(pk=contact.pk).update(
            emails=[{"address": "a@b.example", "kind": "office"}],
            phones=[{"number": "55 1234", "kind": "mobile"}],
            addresses=[{"kind": "main", "city": "León"}],
            assistant={"name": "Eva"},
        )
    page = visit(operations_user).record(contact).content.decode()
    assert "&quot;address&quot;" not in page
    assert "&quot;number&quot;" not in page
    assert 'value="a@b.example"' in page
    assert 'value="León"' in page
    assert 'value="Eva"' in page


def test_rows_are_added_changed_and_taken_away(visit, make, rep_user):
    (contact,) = make(Contact, rep_user.rep)
    visitor = visit(rep_user)
    visitor.save(
        contact,
        **{
            "emails-0-address": "ana@example.com",
            "emails-0-kind": "office",
            "emails-7-address": "ana@example.org",
            "emails-7-kind": "",
            "emails-9-address": "",
            "phones-1-number": "55 1234 5678",
            "phones-1-kind": "office",
            "phones-1-extension": "12",
            "addresses-0-kind": "billing",
            "addresses-0-city": "Mérida",
            "addresses-0-latitude": "20.97",
            "assistant-name": "Eva",
        },
    )
    contact.refresh_from_db()
    assert contact.emails == [{"address": "ana@example.com", "kind": "office"}, {"address": "ana@example.org"}]
    assert contact.phones == [{"number": "55 1234 5678", "kind": "office", "extension": "12"}]
    assert contact.addresses == [{"kind": "billing", "city": "Mérida", "latitude": 20.97}]
    assert contact.assistant == {"name": "Eva"}
    assert contact.email == "ana@example.com"

    emptied = {key: value for key, value in filled_in(visitor.record(contact)).items() if not key.startswith("emails-")}
    visitor.post(address(contact, "change", contact.pk), emptied | {"assistant-name": ""})
    contact.refresh_from_db()
    assert (contact.emails, contact.assistant) == ([], None)
    assert contact.phones == [{"number": "55 1234 5678", "kind": "office", "extension": "12"}]


def test_a_wrong_row_is_named(visit, make, rep_user):
    (contact,) = make(Contact, rep_user.rep)
    answer = visit(rep_user).save(
        contact, **{"emails-0-address": "ana@example.com", "emails-1-address": "ana at example", "phones-0-kind": "fax"}
    )
    assert "Row 2, email: Enter a valid email address." in errors(answer)
    assert 'value="ana at example"' in answer.content.decode()


@pytest.mark.parametrize(
    ("parts", "struct"),
    [
        ("email_parts", records.Email),
        ("phone_parts", records.Phone),
        ("address_parts", records.Address),
        ("assistant_parts", records.Assistant),
    ],
)
def test_the_editors_know_the_parts_that_the_records_know(parts, struct):
    from backoffice.console import values

    assert set(getattr(values, parts)()) == set(struct.__struct_fields__)


def test_custom_fields_stand_on_the_form_and_in_the_record(visit, make, rep_user, operations_user):
    (account,) = make(Account, rep_user.rep)
    with acting(None, Door.COMMAND, label="test"):
        Account.objects.filter(pk=account.pk).update(custom={"kept": 1})
        for slug, type_, options in (
            ("grade", "choice", ["A", "B"]),
            ("since", "date", []),
            ("spend", "money", []),
            ("vip", "yes_no", []),
        ):
            CustomField.objects.create(entity="account", slug=slug, label=slug.upper(), type=type_, options=options)
    visitor = visit(operations_user)
    page = visitor.record(account).content.decode()
    assert "GRADE" in page
    sent = {"grade": "B", "since": "2026-11-30", "spend": "10.10", "vip": "on"}
    visitor.save(account, **{f"custom_values-{key}": value for key, value in sent.items()})
    account.refresh_from_db()
    assert account.custom == {"kept": 1, "grade": "B", "since": "2026-11-30", "spend": "10.10", "vip": True}
    wrong = visitor.save(account, **{"custom_values-grade": "Z"})
    assert "GRADE: Select a valid choice" in errors(wrong)


def test_options_of_a_custom_field_are_rows(visit, operations_user):
    visit(operations_user).add(
        CustomField,
        entity="account",
        slug="grade",
        label="Grade",
        type="choice",
        **{"options-0-text": "A", "options-1-text": "B"},
    )
    assert CustomField.objects.get().options == ["A", "B"]


@pytest.mark.parametrize("given", ["2026-11", "2026-11-30", "11/2026", "30/11/2026"])
def test_any_day_of_a_month_is_that_month(given):
    assert MonthField().clean(given) == date(2026, 11, 1)


def test_what_is_no_month_gets_a_sentence():
    with pytest.raises(ValidationError, match="Write the month as"):
        MonthField().clean("November, maybe")


@pytest.mark.parametrize(
    ("stored", "shown"),
    [("154714.0000", "154714"), ("12.5000", "12.50"), ("0.160000", "0.16"), ("0.1234", "0.1234"), ("0.0000", "0")],
)
def test_numbers_are_shown_without_the_zeros_of_their_column(stored, shown):
    assert NumberField().prepare_value(Decimal(stored)) == shown


def test_a_currency_is_one_there_is(visit, make, rep_user):
    (opportunity,) = make(Opportunity, rep_user.rep)
    visitor = visit(rep_user)
    assert "There is no currency" in errors(visitor.save(opportunity, currency="XQQ"))
    assert visitor.save(opportunity, currency="eur").status_code == 302
    opportunity.refresh_from_db()
    assert opportunity.currency == "EUR"


def test_a_quota_keeps_each_revision_with_its_reason(visit, make, rep_user, operations_user):
    (quota,) = make(Quota, rep_user.rep)
    visitor = visit(operations_user)
    visitor.save(quota, amount="250", why="A larger region", month="2000-02-17")
    quota.refresh_from_db()
    latest = quota.revisions.first()
    assert (latest.amount, latest.why, latest.actor_label) == (Decimal(250), "A larger region", "olga")
    page = visitor.record(quota).content.decode()
    assert "A larger region" in page


def test_lines_and_contacts_are_edited_below_the_opportunity(visit, make, rep_user):
    (opportunity,) = make(Opportunity, rep_user.rep)
    line = opportunity.lines.get()
    visit(rep_user).save(opportunity, **{"lines-0-quantity": "7"})
    line.refresh_from_db()
    assert line.quantity == 7


def test_an_opportunitys_page_asks_no_more_with_more_lines(visit, make, rep_user, operations_user):
    (opportunity,) = make(Opportunity, rep_user.rep)
    visitor = visit(operations_user)

    def asked():
        visitor.record(opportunity)
        with CaptureQueriesContext(connection) as queries:
            visitor.record(opportunity)
        return len(queries)

    few = asked()
    with acting(None, Door.COMMAND, label="test"):
        from backoffice.crm.models import LineItem

        product = opportunity.lines.get().product
        LineItem.objects.bulk_create(LineItem(opportunity=opportunity, product=product) for _ in range(20))
    assert asked() <= few


def test_the_form_itself_archives_and_takes_back(visit, make, rep_user):
    (account,) = make(Account, rep_user.rep)
    visitor = visit(rep_user)
    assert "Save and archive" in visitor.record(account).content.decode()
    visitor.save(account, crm_account_archive_record="")
    account.refresh_from_db()
    assert account.is_archived
    assert "Save and take out of the archive" in visitor.record(account).content.decode()


def test_a_rep_without_the_right_sees_the_record_and_no_button(visit, make, rep_user):
    page = visit(rep_user).record(rep_user.rep).content.decode()
    assert 'name="_save"' not in page
    assert Rep.objects.filter(pk=rep_user.rep.pk).exists()


def test_a_document_larger_than_the_limit_is_refused_beside_its_field(visit, make, rep_user, settings):
    settings.UPLOAD_LIMIT_BYTES = 1 << 20
    (account,) = make(Account, rep_user.rep)
    file = SimpleUploadedFile("plan.pdf", b"x" * (3 << 20))
    answer = visit(rep_user).add(Document, name="Plan", content=file, account=account.pk)
    assert "The file has 3 MB; the most is 1 MB." in errors(answer)
    assert not Document.objects.exists()


def test_a_form_saved_as_it_was_opened_writes_nothing(visit, make, rep_user, operations_user):
    (account,) = make(Account, rep_user.rep)
    with acting(None, Door.COMMAND, label="test"):
        for kind in ("number", "yes_no", "time", "choices", "date"):
            CustomField.objects.create(entity="account", slug=kind, label=kind, type=kind, options=["a", "b"])
        CustomField.objects.create(entity="account", slug="asked", label="asked", type="yes_no")
        Account.objects.filter(pk=account.pk).update(
            custom={"number": 4, "asked": True, "time": "2026-11-30T10:20:30+00:00", "choices": ["b"], "other": [1]},
            addresses=[{"city": "Puebla", "latitude": 19.05}, {"kind": "shipping", "city": "Görlitz"}],
        )
    before = Change.objects.count()
    assert visit(operations_user).save(Account.objects.get(pk=account.pk)).status_code == 302
    assert list(Change.objects.values_list("after", flat=True)[before:]) == []


def test_one_custom_field_is_changed_and_the_others_stay_as_they_were(visit, make, rep_user, operations_user):
    (account,) = make(Account, rep_user.rep)
    with acting(None, Door.COMMAND, label="test"):
        for kind in ("number", "yes_no", "time"):
            CustomField.objects.create(entity="account", slug=kind, label=kind, type=kind)
        Account.objects.filter(pk=account.pk).update(custom={"number": 4, "time": "2026-11-30T10:20:30+00:00"})
    account.refresh_from_db()
    assert visit(operations_user).save(account, **{"custom_values-yes_no": "on"}).status_code == 302
    account.refresh_from_db()
    assert account.custom == {"number": 4, "time": "2026-11-30T10:20:30+00:00", "yes_no": True}


def test_a_main_address_is_kept_as_records_keep_it(visit, make, rep_user):
    (account,) = make(Account, rep_user.rep)
    sent = {"addresses-0-kind": "main", "addresses-0-city": "Puebla", "addresses-1-kind": "billing"}
    assert visit(rep_user).save(account, **sent, **{"addresses-1-city": "Köln"}).status_code == 302
    account.refresh_from_db()
    assert account.addresses == [{"city": "Puebla"}, {"kind": "billing", "city": "Köln"}]


@pytest.mark.parametrize("model", [Rep, Contact])
def test_a_person_has_a_name_or_at_least_an_email(visit, operations_user, model):
    visitor = visit(operations_user)
    assert "Give a name, or at least an email." in errors(visitor.add(model))
    assert visitor.add(model, given="Ana").status_code == 302


def test_what_a_rep_adds_is_their_own(visit, rep_user):
    assert visit(rep_user).add(Opportunity, name="Chairs").status_code == 302
    assert Opportunity.objects.get().owner == rep_user.rep


def test_nobody_gives_a_record_out_of_their_own_sight(visit, make, rep_user):
    visitor = visit(rep_user)
    assert "You would not see this record any more." in errors(visitor.add(Opportunity, name="Chairs", owner=""))
    assert not Opportunity.objects.exists()
    (opportunity,) = make(Opportunity, rep_user.rep)
    answer = visitor.save(opportunity, owner="", assigned_to="")
    assert "You would not see this record any more." in errors(answer)
    assert Opportunity.objects.get().owner == rep_user.rep
