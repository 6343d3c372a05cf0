import base64
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Opportunity

from .conftest import errors

pytestmark = [pytest.mark.db, pytest.mark.django_db]

SORTS = ("changed_at", "name", "amount", "close_date", "id")


@pytest.fixture
def many(operations, command):
    """130 rows made at once (one time of change), 40 of one amount, every fourth without amount and date."""
    return Opportunity.objects.bulk_create(
        Opportunity(
            name=f"Deal {number % 7}",
            amount=None if number % 4 == 0 else min(number, 90),
            currency="USD",
            close_date=None if number % 4 == 0 else date(2026, 1, 1 + number % 3),
        )
        for number in range(130)
    )


@pytest.mark.parametrize("direction", ["", "-"])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_hold_every_row_once_and_in_order_whatever_the_sort(operations, many, sort, direction):
    items = operations.every(f"/opportunities?sort={direction}{sort}", limit=17)
    assert sorted(item["id"] for item in items) == sorted(row.pk for row in many)
    key = {"amount": lambda item: float(item["amount"])}.get(sort, lambda item: item[sort])
    full = [(key(item), item["id"]) for item in items if item[sort] is not None]
    assert full == sorted(full, reverse=bool(direction))


@pytest.mark.parametrize("direction", ["", "-"])
@pytest.mark.parametrize("sort", ["amount", "close_date"])
def test_rows_without_a_value_come_last_in_both_directions(operations, many, sort, direction):
    values = [item[sort] for item in operations.every(f"/opportunities?sort={direction}{sort}", limit=23)]
    empty = values.count(None)
    assert empty == 33
    assert values[-empty:] == [None] * empty


def test_a_page_ends_exactly_where_the_rows_end(operations, many):
    page = operations.get("/opportunities?limit=130").json()
    assert (len(page["items"]), page["next"]) == (130, None)


def test_rows_inserted_meanwhile_neither_repeat_nor_hide_others(operations, many):
    first = operations.get("/opportunities?sort=name&limit=50").json()
    with acting(None, Door.COMMAND, label="test"):
        Opportunity.objects.create(name="Aaa, before all")
    rest = []
    page = first
    while page["next"]:
        page = operations.get(f"/opportunities?sort=name&limit=50&cursor={page['next']}").json()
        rest.extend(page["items"])
    seen = [item["id"] for item in first["items"] + rest]
    assert sorted(seen) == sorted(row.pk for row in many)


def test_a_cursor_of_another_sort_or_filter_or_list_is_refused(operations, many):
    cursor = operations.get("/opportunities?limit=5&sort=name").json()["next"]
    for path in (
        f"/opportunities?limit=5&sort=-name&cursor={cursor}",
        f"/opportunities?limit=5&sort=name&status=won&cursor={cursor}",
        f"/accounts?limit=5&sort=name&cursor={cursor}",
    ):
        answer = operations.get(path)
        assert answer.status_code == 422
        assert "cursor" in errors(answer)


def test_a_cursor_goes_on_with_another_limit(operations, many):
    cursor = operations.get("/opportunities?limit=5").json()["next"]
    assert len(operations.get(f"/opportunities?limit=50&cursor={cursor}").json()["items"]) == 50


def test_garbage_for_a_cursor_is_refused(operations, many):
    forged = base64.urlsafe_b64encode(b"0" * 12 + b'["x",1,1]').decode()
    for cursor in ("x", "%00", "é", "=====", "AAAA", forged, "a" * 4001):
        assert operations.get(f"/opportunities?cursor={cursor}").status_code == 422


@pytest.mark.parametrize("limit", ["0", "501", "-1", "1_0", "x", "１０"])
def test_a_limit_is_between_1_and_500(operations, limit):
    assert operations.get(f"/opportunities?limit={limit}").status_code == 422


@pytest.mark.parametrize(("who", "queries"), [("operations", 2), ("manager", 3)])
def test_a_list_asks_a_fixed_number_of_queries(request, world, many, who, queries):
    caller = request.getfixturevalue(who)
    caller.get("/opportunities")
    for limit in (10, 100):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            caller.get(f"/opportunities?limit={limit}")
        assert len(captured) == queries, [query["sql"] for query in captured]


def test_a_deep_page_reads_no_more_rows_than_the_first(operations, many):
    """The plan begins in the index at the cursor: nothing is read to be thrown away."""
    with CaptureQueriesContext(connection) as captured:
        cursor = operations.get("/opportunities?limit=100").json()["next"]
        operations.get(f"/opportunities?limit=10&cursor={cursor}")
    sql = next(query["sql"] for query in reversed(captured.captured_queries) if "chosen" in query["sql"])
    with connection.cursor() as asked:
        asked.execute("ANALYZE crm_opportunity")
        asked.execute("SET LOCAL enable_seqscan = off")
        asked.execute("SET LOCAL enable_sort = off")
        asked.execute("SET LOCAL enable_bitmapscan = off")
        asked.execute("EXPLAIN (ANALYZE, TIMING off, SUMMARY off) " + sql)
        plan = "\n".join(row[0] for row in asked.fetchall())
    assert "opportunity_changed" in plan
    assert "ROW(changed_at, id) < ROW(" in plan.split("Filter:")[0]
