"""Columns are declared once, and everything that reads them agrees."""

import datetime as dt
from collections import Counter
from decimal import Decimal

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Opportunity
from backoffice.imports.kinds import KINDS
from backoffice.imports.options import Options
from backoffice.imports.reading import headers
from tests.imports.conftest import HEADER, outcomes, row

pytestmark = [pytest.mark.db, pytest.mark.django_db]
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@each_kind
def test_every_column_names_a_field_of_the_record(kind):
    fields = set(kind.resource.record.__struct_fields__)
    assert {column.field for column in kind.resource.columns().values()} <= fields


@each_kind
def test_the_key_is_a_required_column(kind):
    assert kind.resource.columns()[kind.resource.key].required


@each_kind
def test_the_template_is_a_file_of_the_kind(kind, take):
    assert take(kind.template, kind=kind.name).unknown == []


@each_kind
def test_no_spelling_means_two_columns(kind):
    told = Counter(
        spelling
        for column in kind.resource.columns().values()
        for spelling in {headers.folded(one) for one in column.spellings}
    )
    assert [spelling for spelling, times in told.items() if times > 1] == []


def test_a_column_that_several_kinds_have_is_known_by_the_same_names_in_all():
    for name in ("account_id", "opportunity_id", "owner_email", "currency"):
        declared = [kind.resource.columns()[name] for kind in KINDS.values() if name in kind.resource.columns()]
        assert len(declared) > 1
        assert len({column.aliases for column in declared}) == 1


def test_opportunities_have_the_documented_columns_first_to_last():
    documented = [header for header in KINDS["opportunities"].resource.headers() if header != "Currency"]
    assert documented == list(HEADER)
    assert [name for name, column in KINDS["opportunities"].resource.columns().items() if column.required] == [
        "opportunity_id",
        "name",
    ]


def test_what_the_resource_exports_changes_nothing_when_it_is_uploaded(upload):
    upload(
        [
            row("A-1", "=Chairs", amount="1,250.50", close_date="2026-11-30", stage="Won", type="New Business"),
            row("A-2", "Desks", owner="Ana López", email="ana@example.com", account="Acme", website="acme.example"),
        ]
    )
    with acting(None, Door.COMMAND, label="test"):
        Opportunity.objects.create(name="Born here")
    exported = KINDS["opportunities"].resource().export(Opportunity.objects.order_by("id"))
    assert outcomes(upload(exported.csv)) == ["unchanged"] * 3


@pytest.mark.parametrize(
    ("column", "value", "cell"),
    [
        ("amount", Decimal("1250.5000"), "1250.50"),
        ("amount", Decimal("1.1250"), "1.1250"),
        ("close_date", dt.date(2026, 11, 30), "2026-11-30"),
        ("name", "a", "a"),
    ],
)
def test_a_widget_converts_both_ways(column, value, cell):
    widget = KINDS["opportunities"].resource.columns()[column].widget
    assert widget.render(value) == cell
    assert widget.clean(cell) == value == widget.parser(Options())(cell)
    assert (widget.render(None), widget.clean("")) == ("", None)
