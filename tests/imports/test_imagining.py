"""What is only imagined is read back like the real thing, and leaves nothing behind."""

import pytest
from django.db import connection

from backoffice.changes.models import Change
from backoffice.crm.models import Account, Choice, Contact, Opportunity, Rep
from backoffice.imports.kinds import OPPORTUNITIES
from backoffice.imports.merging import imagining, loading
from backoffice.imports.options import Options
from backoffice.imports.reading.parsing import compiled
from tests.imports.conftest import HEADER, row

pytestmark = [pytest.mark.db, pytest.mark.django_db]
POSITIONS = {name: place for place, name in enumerate(OPPORTUNITIES.resource.columns()) if name != "currency"}


@pytest.fixture
def load(no_broker):
    positions = {
        name: HEADER.index(column.header)
        for name, column in OPPORTUNITIES.resource.columns().items()
        if column.header in HEADER
    }
    loader = OPPORTUNITIES.loader(positions, Options())
    loader.keeps_differences = True
    parse = compiled(OPPORTUNITIES.resource, positions, HEADER, Options())

    def loaded(*rows):
        parsed = [parse(number, number + 1, cells) for number, cells in enumerate(rows, start=1)]
        return loader.load(parsed), parsed

    return loaded


@pytest.fixture
def there(upload):
    upload([row("A-1", amount="10", account="Acme", owner="Ana López", email="ana@example.com", stage="Won")])


def test_rows_have_the_outcomes_they_would_have_and_nothing_is_written(load, there):
    logged, counts = Change.objects.count(), [model.objects.count() for model in OPPORTUNITIES.writes]
    with imagining.imagined(*OPPORTUNITIES.writes):
        records, first = load(row("A-1", amount="20", account="Acme"), row("A-2", account="Birch", stage="Lost"))
        _, second = load(row("A-2", amount="5", account="Birch"), row("A-1", amount="20"))
        assert Account.objects.filter(name="Birch").count() == 1
        assert Opportunity.objects.get(external_id="A-1").amount == 20
    assert [each.outcome for each in first + second] == ["updated", "new", "updated", "unchanged"]
    assert records == {"opportunity": {"new": 1, "updated": 1}, "account": {"new": 1}, "stage": {"new": 1}}
    assert Change.objects.count() == logged
    assert [model.objects.count() for model in OPPORTUNITIES.writes] == counts
    assert Opportunity.objects.get(external_id="A-1").amount == 10


def test_each_row_tells_what_it_would_change(load, there):
    with imagining.imagined(*OPPORTUNITIES.writes):
        _, (first, second) = load(row("A-1", amount="20"), row("A-1", amount="30"))
    assert [(one.column, one.before, one.after) for one in first.differences] == [("amount", 10, 20)]
    assert [(one.column, one.before, one.after) for one in second.differences] == [("amount", 20, 30)]


def test_a_record_that_is_only_imagined_can_be_told_by_its_id(load):
    with imagining.imagined(*OPPORTUNITIES.writes):
        load(row("A-1", account="Acme"))
        made = [*Account.objects.values_list("id", flat=True), *Opportunity.objects.values_list("id", flat=True)]
    assert made
    assert all(imagining.is_imagined_id(id) for id in made)


def test_another_model_of_the_domain_is_not_written_by_mistake():
    with imagining.imagined(Rep, Choice), pytest.raises(RuntimeError, match="crm_contact would really be written"):
        loading.copy(Contact, ("id", "name"), [(1, "Ana")])


def test_nothing_temporary_remains(load):
    with pytest.raises(ZeroDivisionError), imagining.imagined(*OPPORTUNITIES.writes):
        load(row("A-1"))
        1 / 0  # noqa: B018
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'imagined%'")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT relkind FROM pg_class WHERE oid = 'crm_opportunity'::regclass")
        assert cursor.fetchone() == ("r",)
