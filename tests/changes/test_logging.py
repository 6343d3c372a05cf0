"""What the triggers write, whichever way a row is changed."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from backoffice.changes import triggers
from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.changes.reading import history
from backoffice.changes.registry import kind_of, logged, logged_models, model_of
from backoffice.crm.models import LineItem, Opportunity, Rep

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def last(kind, record):
    return history(kind, record.pk).first()


def count():
    return Change.objects.count()


def test_a_new_row_is_told_with_all_that_is_not_empty(opportunity, account):
    entry = last("opportunity", opportunity)
    assert (entry.operation, entry.before) == ("insert", None)
    assert entry.after["name"] == "Website Redesign"
    assert entry.after["account_id"] == account.pk
    assert entry.after["wants_tax"] is False
    assert not {"next_step", "custom", "owner_id", "id"} & entry.after.keys()


def test_money_comes_back_exactly(opportunity):
    assert last("opportunity", opportunity).after["amount"] == Decimal("1200.5000")


def test_an_update_tells_only_what_changed_before_and_after(opportunity):
    Opportunity.objects.filter(pk=opportunity.pk).update(amount=None, currency="", next_step="Send the offer")
    entry = last("opportunity", opportunity)
    assert entry.operation == "update"
    assert entry.before == {"amount": Decimal("1200.5000"), "currency": "MXN", "next_step": ""}
    assert entry.after == {"amount": None, "currency": "", "next_step": "Send the offer"}


def test_an_update_that_changes_nothing_is_not_told(opportunity):
    before = count()
    opportunity.save()
    assert count() == before


def test_generated_columns_and_the_time_of_change_are_not_told(opportunity):
    opportunity.name = "Website"
    opportunity.save()
    assert last("opportunity", opportunity).columns == ["name"]


def test_a_deleted_row_is_told_as_it_was(opportunity):
    pk = opportunity.pk
    opportunity.delete()
    entry = history("opportunity", pk).first()
    assert (entry.operation, entry.after) == ("delete", None)
    assert entry.before["name"] == "Website Redesign"


def test_a_part_is_told_under_its_record(opportunity, product):
    line = LineItem.objects.create(opportunity=opportunity, product=product, quantity=3)
    entry = last("opportunity", opportunity)
    assert (entry.kind, entry.object_id, entry.child_kind, entry.child_id) == (
        *("opportunity", opportunity.pk),
        *("line_item", line.pk),
    )
    assert entry.after["quantity"] == 3


def test_a_part_that_moves_is_told_under_both_records(opportunity, product, account):
    line = LineItem.objects.create(opportunity=opportunity, product=product)
    other = Opportunity.objects.create(name="Renewal", account=account)
    LineItem.objects.filter(pk=line.pk).update(opportunity=other)
    for record in (opportunity, other):
        entry = last("opportunity", record)
        assert (entry.operation, entry.child_id) == ("update", line.pk)
        assert entry.before == {"opportunity_id": opportunity.pk}
        assert entry.after == {"opportunity_id": other.pk}


def test_a_cascade_tells_each_part_it_takes_along(opportunity, product):
    LineItem.objects.create(opportunity=opportunity, product=product)
    LineItem.objects.create(opportunity=opportunity, product=product)
    pk = opportunity.pk
    opportunity.delete()
    told = history("opportunity", pk).filter(operation="delete")
    assert sorted(entry.child_kind or "" for entry in told) == ["", "line_item", "line_item"]


def test_a_link_the_database_empties_is_told(admin_user):
    with acting(None, Door.COMMAND, label="test"):
        rep = Rep.objects.create(given="Ana", user=admin_user)
        admin_user.delete()
    assert last("rep", rep).after == {"user_id": None}


def test_rows_that_come_through_copy_are_told_with_their_actor(operations_user):
    with (
        acting(operations_user, Door.UPLOAD, job=7),
        connection.cursor() as cursor,
        cursor.copy("COPY crm_account (name) FROM STDIN") as copy,
    ):
        for number in range(3):
            copy.write_row([f"Account {number}"])
    entries = Change.objects.filter(kind="account", operation="insert")
    assert [(entry.actor, entry.actor_label, entry.door, entry.job_id) for entry in entries] == [
        (operations_user.pk, "olga", "upload", 7)
    ] * 3


def test_a_merge_tells_new_and_updated_rows_apart_with_their_actor(opportunity, operations_user):
    Opportunity.objects.filter(pk=opportunity.pk).update(external_id="O-1")
    before = count()
    with acting(operations_user, Door.UPLOAD), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crm_opportunity (external_id, name) VALUES ('O-1', 'Website'), ('O-2', 'Renewal') "
            "ON CONFLICT (external_id) DO UPDATE SET name = excluded.name"
        )
    entries = Change.objects.order_by("-id")[: count() - before]
    assert {(entry.operation, entry.after["name"], entry.actor_label) for entry in entries} == {
        ("update", "Website", "olga"),
        ("insert", "Renewal", "olga"),
    }


def test_a_change_without_an_actor_is_an_error_that_names_the_way_out(db):
    with pytest.raises(DatabaseError, match=r'A change of "crm_rep" without an actor') as caught, transaction.atomic():
        Rep.objects.create(given="Ana")
    assert "with acting(user" in str(caught.value)


def test_where_no_actor_is_required_the_databases_user_is_told(db):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL backoffice.require_actor = off")
        rep = Rep.objects.create(given="Ana")
        cursor.execute("SELECT session_user")
        (user,) = cursor.fetchone()
    entry = last("rep", rep)
    assert (entry.door, entry.actor, entry.actor_label) == ("database", None, user)


def test_a_statement_that_meets_no_row_needs_no_actor(db):
    assert Rep.objects.filter(pk=0).update(given="Ana") == 0


@pytest.mark.parametrize("statement", ["UPDATE changes_change SET kind = 'x'", "DELETE FROM changes_change"])
def test_the_log_only_grows(opportunity, statement):
    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("table", ["changes_change", "crm_lineitem"])
def test_truncate_is_refused(db, table):
    with pytest.raises(DatabaseError, match="TRUNCATE"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL backoffice.truncate = refused")
        cursor.execute(f"TRUNCATE {table}")


def test_an_id_never_changes(opportunity):
    with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
        Opportunity.objects.filter(pk=opportunity.pk).update(id=0)


def test_every_logged_model_has_its_triggers(db):
    assert triggers.missing_triggers() == []
    assert len(logged_models()) >= 25


def test_a_disabled_or_missing_trigger_is_found_and_put_back(db):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_rep DISABLE TRIGGER change_log_update")
        cursor.execute("DROP TRIGGER change_log_insert ON crm_account")
    assert sorted(triggers.missing_triggers()) == ["crm_account: insert", "crm_rep: update"]
    assert sorted(triggers.install()) == ["change_log_insert", "change_log_update"]
    assert triggers.missing_triggers() == []


def test_a_new_column_is_told_once_the_triggers_are_installed_again(someone):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE crm_region ADD COLUMN shade text")
        assert triggers.missing_triggers() == [f"crm_region: {name}" for name in ("insert", "update", "delete")]
        triggers.install()
        cursor.execute("INSERT INTO crm_region (name, shade) VALUES ('North', 'blue')")
    assert Change.objects.latest("id").after["shade"] == "blue"


def test_installing_again_changes_nothing(db):
    assert triggers.install() == []


def test_every_part_has_exactly_one_record_it_is_a_part_of():
    for entry in logged_models():
        if entry.parent:
            columns = {field.column: field for field in entry.model._meta.concrete_fields}
            field = columns[entry.parent_column]
            assert not field.null, entry.kind
            assert field.related_model is model_of(entry.parent), entry.kind


def test_a_kind_belongs_to_one_model():
    assert kind_of(Opportunity) == "opportunity"
    with pytest.raises(TypeError, match='already knows "opportunity"'):
        logged("opportunity")(LineItem)


def test_a_model_that_is_not_logged_says_so():
    with pytest.raises(LookupError, match="decorate it"):
        kind_of(Change)
