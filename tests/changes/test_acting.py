"""Who acts, said once per transaction."""

import pytest
from django.db import connection

from backoffice.changes.acting import Door, acting, acting_now
from backoffice.changes.models import Change
from backoffice.crm.models import Region

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def who(name):
    return Change.objects.get(kind="region", object_id=Region.objects.get(name=name).pk).actor_label


def setting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('backoffice.acting', true)")
        return cursor.fetchone()[0]


def test_everything_that_is_known_about_the_actor_is_told(operations_user):
    with acting(operations_user, Door.PULL, job=1, connection=2, api_key=3):
        Region.objects.create(name="North")
    entry = Change.objects.latest("id")
    assert (entry.actor, entry.actor_label, entry.door) == (operations_user.pk, "olga", "pull")
    assert (entry.job_id, entry.connection_id, entry.api_key_id) == (1, 2, 3)


def test_without_a_login_a_label_says_who_it_was():
    with acting(None, Door.COMMAND, label="scheduler"):
        Region.objects.create(name="North")
    assert who("North") == "scheduler"


def test_nobody_at_all_is_refused():
    with pytest.raises(ValueError, match="label"), acting(None, Door.COMMAND):
        pass


def test_the_inner_actor_counts_until_it_is_left(operations_user):
    with acting(operations_user, Door.CONSOLE):
        Region.objects.create(name="North")
        with acting(None, Door.COMMAND, label="inner"):
            Region.objects.create(name="South")
        Region.objects.create(name="East")
    assert [who(name) for name in ("North", "South", "East")] == ["olga", "inner", "olga"]


def test_after_an_error_inside_the_outer_actor_counts_again(operations_user):
    with acting(operations_user, Door.CONSOLE):
        with pytest.raises(ZeroDivisionError), acting(None, Door.COMMAND, label="inner"):
            Region.objects.create(name="South")
            raise ZeroDivisionError
        Region.objects.create(name="East")
        assert acting_now().label == "olga"
    assert who("East") == "olga"
    assert not Region.objects.filter(name="South").exists()


def test_after_the_last_actor_nobody_acts():
    with acting(None, Door.COMMAND, label="someone"):
        pass
    assert not setting()
    assert acting_now() is None


@pytest.mark.django_db(transaction=True)
def test_saying_who_acts_costs_one_statement_besides_begin_and_commit(django_assert_num_queries):
    with django_assert_num_queries(3), acting(None, Door.COMMAND, label="x"):
        pass
