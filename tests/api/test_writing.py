from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.changes.reading import history
from backoffice.crm.models import Account, Contact, CustomField, Opportunity, Product, Tag
from backoffice.quotas.models import Quota

from .conftest import errors

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def test_a_created_opportunity_reads_as_it_was_sent_and_says_where_it_is(operations, world):
    sent = {
        "name": "Forklifts, second order",
        "external_id": "O-2040",
        "account": {"external_id": "A-Ren"},
        "owner": {"email": "REN@example.com"},
        "amount": "125000.5",
        "currency": "MXN",
        "stage": "negotiation",
        "probability": 60,
        "close_date": "2026-11-30",
    }
    answer = operations.post("/opportunities", sent)
    read = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/opportunities/{read['id']}"
    assert operations.get(f"/opportunities/{read['id']}").json() == read
    assert read["amount"] == "125000.50"
    assert (read["stage"], read["status"]) == ("Negotiation", "open")
    assert read["account"]["name"] == "Ferretería Ren"
    assert read["owner"]["email"] == "ren@example.com"


def test_a_change_sets_what_was_sent_and_leaves_the_rest_alone(rep, world):
    opportunity = world.rens["opportunities"]
    before = rep.get(f"/opportunities/{opportunity.pk}").json()
    after = rep.patch(f"/opportunities/{opportunity.pk}", {"stage": "Won", "probability": 100}).json()
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {"stage", "stage_id", "status", "probability", "changed_at"}
    assert after["status"] == "won"


def test_a_change_that_changes_nothing_writes_nothing(rep, world):
    opportunity = world.rens["opportunities"]
    before = rep.get(f"/opportunities/{opportunity.pk}").json()
    with CaptureQueriesContext(connection) as captured:
        after = rep.patch(f"/opportunities/{opportunity.pk}", {"name": before["name"], "amount": "1250.50"}).json()
    assert after == before
    assert not [query for query in captured if query["sql"].startswith(("UPDATE", "INSERT"))]


def test_null_empties_a_field_and_a_missing_one_stays(rep, world):
    number = world.rens["opportunities"].pk
    read = rep.patch(f"/opportunities/{number}", {"amount": None, "stage": None}).json()
    assert (read["amount"], read["stage"], read["stage_id"], read["status"]) == (None, None, None, "open")
    assert read["probability"] == 60


def test_the_change_log_says_who_and_through_which_key(rep, world):
    number = world.rens["opportunities"].pk
    rep.patch(f"/opportunities/{number}", {"name": "Forklifts, now in blue"})
    entry = history("opportunity", number)[0]
    assert (entry.actor, entry.door, entry.api_key_id) == (rep.user.pk, "api", rep.user.api_keys.get().pk)
    assert (entry.before, entry.after) == ({"name": "Forklifts Ren"}, {"name": "Forklifts, now in blue"})


@pytest.mark.parametrize("name", ["accounts", "contacts", "opportunities", "quotas"])
def test_fields_without_a_name_of_ours_are_refused_by_name(operations, world, name):
    for field in ("nmae", "id", "changed_at", "search", "uid"):
        answer = operations.patch(f"/{name}/{world.rens[name].pk}", {field: "x"})
        assert answer.status_code == 422
        assert list(errors(answer)) == [field]


@pytest.mark.parametrize(
    "amount",
    [
        *("1_000", "１２３", "NaN", "Infinity", "1e400", "1E5", "", " 5", "5 ", "+5", "1,000.00", ".5", "5.", "0x10"),
        *("٣", "1" * 16, "1.23456", "1\n", True, [], {}, 1e22, 0.000001),
    ],
)
def test_an_amount_is_a_plain_decimal(operations, world, amount):
    answer = operations.patch(f"/opportunities/{world.rens['opportunities'].pk}", {"amount": amount})
    assert answer.status_code == 422, answer.content
    assert list(errors(answer)) == ["amount"]


@pytest.mark.parametrize(("amount", "read"), [("-5", "-5.00"), ("0.1234", "0.1234"), (1234.5, "1234.50"), (7, "7.00")])
def test_an_amount_has_the_decimals_of_its_currency_at_least(operations, world, amount, read):
    answer = operations.patch(f"/opportunities/{world.rens['opportunities'].pk}", {"amount": amount})
    assert answer.json()["amount"] == read


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "9000"), ("USD", "9000.00"), ("KWD", "9000.000")])
def test_each_currency_has_its_own_decimals(operations, world, currency, amount):
    answer = operations.patch(f"/quotas/{world.rens['quotas'].pk}", {"currency": currency})
    assert answer.json()["amount"] == amount


@pytest.mark.parametrize(
    "body", ["NaN", '{"amount": NaN}', "{", "", "[]", "null", "5", b"\xff", '"\\ud800"', "[" * 2000]
)
def test_a_body_that_is_no_object_of_json_is_a_problem(operations, world, body):
    answer = operations.ask("POST", "/opportunities", body)
    assert answer.status_code in {400, 422}
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("currency", "XYZ", "XYZ"),
        ("currency", "usd", "pattern"),
        ("probability", 101, "100"),
        ("probability", "50", "integer"),
        ("close_date", "30/11/2026", "2026-11-30"),
        ("close_date", "2026-02-30", "does not exist"),
        ("close_date", 20261130, "2026-11-30"),
        ("closed_at", "2026-11-30T10:00:00", "zone"),
        ("owner", {"email": "ana@exmaple.com"}, "No rep has the email “ana@exmaple.com”"),
        ("owner", 987654321, "987654321"),
        ("owner", {}, "email"),
        ("account", {"external_id": "A-0"}, "A-0"),
        ("stage", "Signed", "Negotiation, Won, Lost"),
        ("stage_id", 987654321, "Negotiation"),
        ("name", " ", "pattern"),
        ("name", "a\x00b", "pattern"),
        ("external_id", "", "pattern"),
        ("external_id", "O-Otto", "already has this opportunity ID"),
        ("prospect_type", "old", "new"),
        ("active", "yes", "boolean"),
        ("name", None, "string"),
    ],
)
def test_what_is_wrong_is_said_with_field_and_value(operations, world, field, value, says):
    answer = operations.patch(f"/opportunities/{world.rens['opportunities'].pk}", {field: value})
    assert answer.status_code in {409, 422}, answer.content
    told = " ".join(f"{name}: {message}" for name, message in errors(answer).items())
    assert field in told
    assert says in told


def test_what_must_be_unique_is_a_conflict(operations, world):
    answer = operations.post("/accounts", {"name": "Again", "external_id": "A-Ren"})
    assert answer.status_code == 409
    assert errors(answer) == {"external_id": "Another account already has this account ID."}
    quota = {"rep": {"email": "ren@example.com"}, "month": "2026-11-17", "amount": "1", "currency": "MXN"}
    assert operations.post("/quotas", quota).status_code == 409


def test_an_amount_needs_its_currency(operations, world):
    answer = operations.post("/opportunities", {"name": "x", "amount": "5"})
    assert (answer.status_code, errors(answer)) == (422, {"currency": "An amount needs its currency."})


def test_a_quota_is_of_a_rep_or_a_team_and_any_day_stands_for_its_month(operations, world):
    answer = operations.post("/quotas", {"month": "2026-12", "amount": "1", "currency": "MXN"})
    assert (answer.status_code, list(errors(answer).values())) == (422, ["Choose exactly one of these."])
    body = {"rep": world.rens["reps"].pk, "month": "2026-12-24", "amount": "1", "currency": "MXN"}
    assert operations.post("/quotas", body).json()["month"] == "2026-12-01"


def test_what_a_rep_creates_without_an_owner_is_their_own(rep, world):
    for name, body in (
        ("accounts", {"name": "New"}),
        ("contacts", {"given": "New"}),
        ("opportunities", {"name": "New"}),
    ):
        answer = rep.post(f"/{name}", body)
        assert answer.status_code == 201
        assert answer.json()["owner"]["email"] == "ren@example.com"


def test_a_rep_gives_nothing_away_to_whom_they_do_not_see(rep, world):
    for owner in (world.ottos["reps"].pk, {"email": "otto@example.com"}):
        answer = rep.patch(f"/opportunities/{world.rens['opportunities'].pk}", {"owner": owner})
        assert answer.status_code == 422
        assert list(errors(answer)) == ["owner"]
    answer = rep.patch(f"/opportunities/{world.rens['opportunities'].pk}", {"owner": None})
    assert answer.status_code == 422
    assert Opportunity.objects.get(pk=world.rens["opportunities"].pk).owner == world.rens["reps"]


def test_a_manager_hands_a_record_on_within_the_team(manager, world):
    answer = manager.patch(
        f"/opportunities/{world.rens['opportunities'].pk}", {"owner": {"email": "marta@example.com"}}
    )
    assert answer.json()["owner"]["name"] == "Marta Test"


def test_a_record_one_may_not_see_can_not_be_pointed_at(rep, world):
    answer = rep.post("/opportunities", {"name": "x", "account": world.ottos["accounts"].pk})
    assert (answer.status_code, list(errors(answer))) == (422, ["account"])


def test_a_rep_sets_no_quotas_and_a_manager_only_the_teams(rep, manager, world):
    body = {"rep": world.rens["reps"].pk, "month": "2026-12", "amount": "1", "currency": "MXN"}
    assert rep.post("/quotas", body).status_code == 403
    assert manager.post("/quotas", body).status_code == 201
    assert manager.post("/quotas", body | {"rep": world.ottos["reps"].pk}).status_code == 422


def test_everything_wrong_with_references_is_said_at_once(operations, world):
    answer = operations.post("/opportunities", {"name": "x", "owner": 5**20, "account": 5**20, "stage": "?"})
    assert set(errors(answer)) == {"owner", "account", "stage"}


def test_lines_contacts_and_tags_are_written_as_lists(operations, world, command):
    product = Product.objects.create(name="Forklift", external_id="P-1")
    contact = world.rens["contacts"]
    number = world.rens["opportunities"].pk
    parts = {
        "lines": [{"product": {"external_id": "P-1"}, "quantity": 2, "unit_price": "10.5", "tax": "0.16"}],
        "contacts": [{"contact": contact.pk, "role": "buyer"}],
        "tags": ["Key account", "key  ACCOUNT", "2026"],
    }
    read = operations.patch(f"/opportunities/{number}", parts).json()
    assert read["lines"] == [
        {
            "product": {"id": product.pk, "name": "Forklift"},
            "quantity": 2,
            "unit_price": "10.50",
            "discount": None,
            "tax": "0.16",
            "total": None,
        }
    ]
    assert read["contacts"] == [{"contact": {"id": contact.pk, "name": "Ren Méndez"}, "role": "buyer"}]
    assert read["tags"] == ["Key account", "2026"]
    with CaptureQueriesContext(connection) as captured:
        assert operations.patch(f"/opportunities/{number}", parts).json() == read
    assert not [query for query in captured if query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]
    assert operations.patch(f"/opportunities/{number}", {"lines": []}).json()["lines"] == []


def test_what_is_wrong_with_a_part_names_its_place(operations, world):
    number = world.rens["opportunities"].pk
    answer = operations.patch(f"/opportunities/{number}", {"lines": [{"product": {"external_id": "P-0"}}]})
    assert list(errors(answer)) == ["lines.0.product"]


def test_a_rep_uses_tags_and_adds_none(rep, world, command):
    Tag.objects.create(name="key")
    number = world.rens["accounts"].pk
    assert rep.patch(f"/accounts/{number}", {"tags": ["KEY"]}).json()["tags"] == ["key"]
    assert list(errors(rep.patch(f"/accounts/{number}", {"tags": ["other"]}))) == ["tags"]


def test_custom_fields_are_known_and_merged(operations, world, command):
    for slug in ("colour", "size"):
        CustomField.objects.create(entity="account", slug=slug, label=slug)
    number = world.rens["accounts"].pk
    operations.patch(f"/accounts/{number}", {"custom": {"colour": "blue", "size": "L"}})
    read = operations.patch(f"/accounts/{number}", {"custom": {"size": None}}).json()
    assert read["custom"] == {"colour": "blue"}
    assert list(errors(operations.patch(f"/accounts/{number}", {"custom": {"hue": "x"}}))) == ["custom.hue"]


def test_emails_phones_and_addresses_keep_what_was_sent(operations, world):
    lists = {
        "emails": [{"address": "Lucia@norte.example"}, {"address": "l@norte.example", "kind": "home"}],
        "phones": [{"number": "+52 81 5555 0100", "kind": "office", "extension": "12"}],
        "addresses": [{"city": "Monterrey", "country_code": "MX", "latitude": 25.67}],
    }
    read = operations.post("/contacts", {"given": "Lucía", **lists}).json()
    assert {name: read[name] for name in lists} == lists
    assert (read["email"], read["phone"], read["name"]) == ("lucia@norte.example", "+52 81 5555 0100", "Lucía")


def test_a_contact_needs_a_name_or_an_email(operations):
    assert list(errors(operations.post("/contacts", {"job_title": "Buyer"}))) == ["name"]


def test_several_contacts_of_one_email_are_named(operations, command):
    ids = [Contact.objects.create(given=name, emails=[{"address": "x@y.example"}]).pk for name in "ab"]
    answer = operations.post("/opportunities", {"name": "x", "primary_contact": {"email": "X@y.example"}})
    assert all(str(number) in errors(answer)["primary_contact"] for number in ids)


def test_the_longest_name_fits_its_index_and_a_longer_one_is_refused(operations):
    longest = "".join(chr(0x1F600 + number % 80) for number in range(300))
    assert operations.post("/accounts", {"name": longest}).status_code in {201, 422}
    assert operations.post("/accounts", {"name": "x" * 301}).status_code == 422


def test_nothing_is_kept_of_a_write_that_fails(operations, world):
    count = Account.objects.count()
    assert operations.post("/accounts", {"name": "x", "external_id": "A-Ren"}).status_code == 409
    assert Account.objects.count() == count


def test_a_quota_set_by_the_api_leaves_a_revision(manager, world):
    number = world.rens["quotas"].pk
    manager.patch(f"/quotas/{number}", {"amount": "9500"})
    revision = Quota.objects.get(pk=number).revisions.first()
    assert (revision.amount, revision.actor_label) == (Decimal(9500), "marta")


def test_a_record_read_can_be_filtered_for(operations, world):
    for query in (
        "external_id=O-Ren",
        f"owner={world.rens['reps'].pk}",
        "owner_email=Ren@example.com",
        "account_external_id=A-Ren",
        "q=forkl%20re",
        "q=FÓRKLIFTS%20ren",
        f"uid={Opportunity.objects.get(external_id='O-Ren').uid}",
    ):
        assert [item["external_id"] for item in operations.get(f"/opportunities?{query}").json()["items"]] == ["O-Ren"]
    for query in (
        "status=open",
        "stage=NEGOTIATION",
        f"stage={world.stages['Negotiation'].pk}",
        "amount_from=1250.5&amount_until=1251",
        "close_date_from=2026-11-30&close_date_until=2026-11-30",
        "changed_since=2026-01-01T00:00:00+00:00",
        "currency=MXN",
    ):
        assert len(operations.get(f"/opportunities?{query}").json()["items"]) == 2, query
    for query in ("status=won", "archived=true", "q=orkliftz", "q=or", "amount_from=1251", "q=%25"):
        assert operations.get(f"/opportunities?{query}").json()["items"] == [], query


def test_an_unknown_filter_is_refused_and_the_known_are_named(operations):
    answer = operations.get("/opportunities?acount=5")
    assert answer.status_code == 422
    assert "account" in errors(answer)["acount"]


def test_quotas_are_filtered_by_month(operations, world):
    assert len(operations.get("/quotas?month=2026-11-20").json()["items"]) == 2
    assert operations.get("/quotas?month_from=2026-12").json()["items"] == []
