"""What support may read: the last exchanges of each connection, whatever became of the work around them."""

import threading
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import transaction

from backoffice.sync.calls import exchanges
from backoffice.sync.models import Exchange
from connectors.kit.http import Kept

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def exchange(number=1, **fields):
    given = {
        "at": AT,
        "method": "GET",
        "url": f"https://acme.example/opportunities?page={number}",
        "request": "",
        "status": 200,
        "answer": f'{{"page": {number}}}',
        "error": "",
        "milliseconds": number,
    }
    return Kept(**(given | fields))


def pages(connection):
    return [row.milliseconds for row in Exchange.objects.filter(connection=connection).order_by("id")]


def test_an_exchange_stands_there_as_it_was(connection):
    keep = exchanges.keep(connection.pk)
    keep(exchange(1, method="POST", request='{"a": 1}', status=None, answer="", error="the connection was cut"))
    exchanges.flush()
    [row] = Exchange.objects.all()
    assert (row.connection, row.at, row.method, row.url) == (
        connection,
        AT,
        "POST",
        "https://acme.example/opportunities?page=1",
    )
    assert (row.request, row.status, row.answer, row.error) == ('{"a": 1}', None, "", "the connection was cut")


def test_the_last_fifty_of_each_connection_are_kept_in_order(connection, make_connection):
    other = make_connection("other")
    exchanges.keep(other.pk)(exchange(7))
    exchanges.flush()
    keep = exchanges.keep(connection.pk)
    for number in range(30):
        keep(exchange(number))
    exchanges.flush()
    for number in range(30, 75):
        keep(exchange(number))
    exchanges.flush()
    assert pages(connection) == [*range(25, 75)]
    assert pages(other) == [7]


def test_of_very_many_at_once_the_last_stay(connection):
    keep = exchanges.keep(connection.pk)
    for number in range(500):
        keep(exchange(number))
    exchanges.flush()
    assert pages(connection) == [*range(450, 500)]


def test_they_outlive_a_chunk_that_is_rolled_back(connection):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        exchanges.keep(connection.pk)(exchange(1))
        exchanges.flush()
        raise ZeroDivisionError
    assert pages(connection) == [1]


def test_they_are_seen_while_the_chunk_that_made_them_is_still_under_way(connection):
    with transaction.atomic():
        connection.settings = {"a": 1}
        exchanges.keep(connection.pk)(exchange(1))
        exchanges.flush()
        assert pages(connection) == [1]


def test_they_are_written_without_being_asked_for(connection, monkeypatch):
    written = threading.Event()
    write = exchanges.write

    def told(*args):
        write(*args)
        written.set()

    monkeypatch.setattr(exchanges, "write", told)
    exchanges.keep(connection.pk)(exchange(1))
    assert written.wait(10)
    assert pages(connection) == [1]


def test_many_threads_may_keep_at_once(connection):
    keep = exchanges.keep(connection.pk)
    threads = [threading.Thread(target=lambda n=number: keep(exchange(n))) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    exchanges.flush()
    assert sorted(pages(connection)) == [*range(40)]


def test_bodies_are_cut_and_what_the_database_can_t_hold_is_replaced(connection):
    exchanges.keep(connection.pk)(exchange(1, answer="x" * 30_000, request="a\0b\ud800"))
    exchanges.flush()
    [row] = Exchange.objects.all()
    assert len(row.answer) == 20_000
    assert row.request == "a\ufffdb?"


def test_what_belongs_to_no_connection_any_more_is_dropped(connection):
    exchanges.keep(987654321)(exchange(1))
    exchanges.keep(connection.pk)(exchange(2))
    exchanges.flush()
    assert [row.milliseconds for row in Exchange.objects.all()] == [2]


def test_a_database_that_takes_nothing_stops_nobody(connection, monkeypatch):
    def fail(*_):
        raise psycopg.OperationalError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(exchanges, "write", fail)
        exchanges.keep(connection.pk)(exchange(1))
        exchanges.flush()
    exchanges.keep(connection.pk)(exchange(2))
    exchanges.flush()
    assert pages(connection) == [2]


def test_the_thread_ends_when_there_is_nothing_to_write(connection, monkeypatch):
    monkeypatch.setattr(exchanges, "IDLE_SECONDS", 0.01)
    writer = exchanges.Writer()
    writer.add(connection.pk, exchange(1))
    thread = writer._thread
    writer.flush()
    thread.join(10)
    assert not thread.is_alive()
    writer.add(connection.pk, exchange(2))
    writer.flush()
    assert pages(connection) == [1, 2]
