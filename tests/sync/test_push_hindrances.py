"""When a push stops by itself: its connection is paused meanwhile, or the vendor answers nothing any more."""

from datetime import timedelta

import pytest

from backoffice.jobs.models import State
from backoffice.sync.models import Connection, Health, Push
from connectors.kit.errors import Uncertain
from tests.sync import vendor
from tests.sync.pushes import let_go, make, send, someone

pytestmark = [
    pytest.mark.db,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_broker"),
]


@pytest.fixture(autouse=True)
def _acmes_own_time(time_machine):
    time_machine.move_to(vendor.BEGAN, tick=False)


def states():
    return sorted(Push.objects.values_list("state", flat=True))


@pytest.mark.parametrize("change", [{"state": "paused"}, {"state": "retired"}, {"pushes": False}])
def test_nothing_more_is_sent_once_the_connection_is_paused(connection, acme, monkeypatch, change):
    for number in range(3):
        make(name=f"Company {number}")
    real = acme.send

    def sent(request, *, repeatable):
        if request.method == "POST":
            with someone():
                Connection.objects.filter(pk=connection.pk).update(**change)
        return real(request, repeatable=repeatable)

    monkeypatch.setattr(acme, "send", sent)
    assert send(connection).state == State.INCOMPLETE
    assert len(acme.records["account"]) == 1
    assert states() == ["done", "waiting", "waiting"]


def test_a_vendor_that_loses_every_answer_is_left_alone_after_a_few(connection, acme, time_machine):
    for number in range(30):
        make(name=f"Company {number}")
    acme.fails(Uncertain("503"), on="POST", times=5)
    assert send(connection).state == State.INCOMPLETE
    assert (len(acme.calls("POST")), states().count("uncertain"), states().count("waiting")) == (5, 5, 25)
    health = Health.objects.get(connection=connection)
    assert "503" in health.trouble
    assert health.held_until is not None
    time_machine.move_to(vendor.BEGAN + timedelta(minutes=5), tick=False)
    let_go(connection)
    assert send(connection).state == State.SUCCEEDED
    assert len(acme.records["account"]) == 30


def test_single_lost_answers_stop_nothing(connection, acme):
    for number in range(12):
        make(name=f"Company {number}")
    for at in (1, 2, 3, 4, 6, 7, 8, 9):
        acme.fails(Uncertain("cut"), on="POST", at=at, times=1)
    send(connection)
    assert len(acme.calls("POST")) == 12
