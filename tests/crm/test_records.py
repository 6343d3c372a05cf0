import msgspec
import pytest
from django.db import models

from backoffice.changes.registry import logged_models
from backoffice.crm import records

pytestmark = pytest.mark.unit

OURS_ALONE = {"id", "created_at", "changed_at"}


def rows_and_their_parts():
    entries = [entry for entry in logged_models() if entry.model._meta.app_label != "sync"]  # settings, no records
    rows = {entry.model for entry in entries if hasattr(entry.model, "visible_by")}
    parts = {entry.model for entry in entries} - rows
    return rows, parts


def is_order_in_a_list(field):
    return field.name == "position" and not field.is_relation


def fields_of_the_model(model, parent=""):
    columns = {
        field.name
        for field in model._meta.concrete_fields
        if not field.generated and field.name not in OURS_ALONE and not is_order_in_a_list(field)
    }
    lists = {
        relation.get_accessor_name()
        for relation in model._meta.related_objects
        if not hasattr(relation.related_model, "visible_by") and relation.on_delete is models.CASCADE
    }
    return (columns | lists) - {parent}


@pytest.mark.parametrize("model", sorted(rows_and_their_parts()[0], key=lambda model: model.__name__))
def test_a_record_has_the_fields_of_its_model_and_no_others(model):
    struct = getattr(records, model.__name__)
    ignored = {"revisions"} if model.__name__ == "Quota" else set()
    assert set(struct.__struct_fields__) == fields_of_the_model(model) - ignored


@pytest.mark.parametrize("name", ["LineItem", "OpportunityContact"])
def test_a_part_has_the_fields_of_its_model_but_the_record_it_belongs_to(name):
    model = next(model for model in rows_and_their_parts()[1] if model.__name__ == name)
    assert set(getattr(records, name).__struct_fields__) == fields_of_the_model(model, parent="opportunity")


def test_a_record_tells_unknown_from_empty():
    unknown = records.Opportunity(name="Website redesign")
    empty = records.Opportunity(name="Website redesign", amount=None)
    assert msgspec.json.encode(unknown) == b'{"name":"Website redesign"}'
    assert msgspec.json.encode(empty) == b'{"name":"Website redesign","amount":null}'
    assert unknown != empty
