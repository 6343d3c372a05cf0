"""Two writers at once: a meaning and a page, two pages with the same new tag, two connections and the same person."""

import threading

import pytest
from django.db import connection as database
from django.db import transaction

from backoffice.changes.acting import Door, acting
from backoffice.crm import records
from backoffice.crm.models import Choice, Contact, Opportunity, Tag
from backoffice.crm.records import Email, Ref
from backoffice.sync.links.matching import match
from backoffice.sync.links.referencing import Neutral, plain, to_ours
from backoffice.sync.meanings import options
from backoffice.sync.meanings.options import Options
from backoffice.sync.models import Link, Option
from backoffice.sync.rows import rows
from tests.sync import vendor
from tests.sync.vendor import OPPORTUNITY

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]

SECONDS = 20


def acts():
    return acting(None, Door.COMMAND, label="test")


class Another(threading.Thread):
    """Somebody else's transaction, over a connection of its own."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work = work
        self.result = None
        self.error = None

    def run(self):
        try:
            with transaction.atomic():
                self.result = self.work()
        except BaseException as error:
            self.error = error
        finally:
            database.close()

    def ended(self):
        self.join(SECONDS)
        assert not self.is_alive()
        if self.error:
            raise self.error
        return self.result


def wait_until_somebody_waits():
    """PostgreSQL says so itself."""
    pause = threading.Event()
    for _ in range(SECONDS * 100):
        with database.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
                " AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database()))"
            )
            if cursor.fetchone()[0]:
                return
        pause.wait(0.01)
    raise AssertionError("nobody waits")


def test_what_a_person_says_while_a_page_is_taken_in_reaches_the_pages_records(connection):
    options.refresh(connection, vendor.ENTRIES)
    with acts():
        gone = Choice.objects.create(list="stage", label="Gone", status="lost")
    known = Options(connection)
    record = records.Opportunity(name="a", stage=Ref(label="Lost"))
    lost = Option.objects.get(connection=connection, label="Lost")
    person = Another(lambda: options.mean(lost, by=None, choice=gone))
    with acts():
        (ours,) = to_ours(connection, [Neutral(OPPORTUNITY, "1", record)], known).records
        person.start()
        wait_until_somebody_waits()
        (id,) = rows.insert("opportunity", [ours])
        base = plain(OPPORTUNITY, record)
        Link.objects.create(connection=connection, kind="opportunity", remote_id="1", object_id=id, base=base)
    assert person.ended() == 1
    assert Opportunity.objects.get().stage == gone


def test_two_who_bring_the_same_new_tags_share_them():
    def bring(tags):
        with acts():
            return rows.insert("account", [records.Account(name="a", tags=tags)])

    with acts():
        bring(["b", "a"])
        other = Another(lambda: bring(["a", "b", "c"]))
        other.start()
        wait_until_somebody_waits()
    (id,) = other.ended()
    assert rows.read("account", [id])[id].tags == ["a", "b", "c"]
    assert Tag.objects.count() == 3


def test_one_person_that_two_connections_bring_at_once_becomes_one_contact(connection, make_connection):
    ana = records.Contact(name="Ana", emails=[Email("ana@example.com")])

    def bring(to, remote_id):
        with acts():
            found = match(to, "contact", [(remote_id, ana)])[remote_id]
            id = found if found is not None else rows.insert("contact", [ana])[0]
            Link.objects.create(connection=to, kind="contact", remote_id=remote_id, object_id=id)
            return id

    second = make_connection("b")
    with acts():
        id = bring(connection, "1")
        other = Another(lambda: bring(second, "9"))
        other.start()
        wait_until_somebody_waits()
    assert other.ended() == id
    assert Contact.objects.count() == 1
