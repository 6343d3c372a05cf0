"""Who sees which rows: the querysets' own part; each list and endpoint is walked elsewhere."""

import pytest
from django.contrib.auth.models import AnonymousUser

from backoffice.access import keys
from backoffice.access.models import ApiKey, User

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture
def their_keys(rep_user, manager_user, operations_user):
    return [keys.issue(user, user.username)[0] for user in (rep_user, manager_user, operations_user)]


def seen_by(user):
    return set(ApiKey.objects.visible_to(user).values_list("name", flat=True))


def test_operations_and_admin_see_all(their_keys, operations_user, admin_user):
    assert seen_by(operations_user) == seen_by(admin_user) == {"ren", "marta", "olga"}


def test_others_see_what_the_model_says(their_keys, rep_user, outsider_user):
    assert seen_by(rep_user) == {"ren"}
    assert seen_by(outsider_user) == set()


def test_without_an_active_login_and_a_role_nothing_is_there(their_keys):
    assert seen_by(AnonymousUser()) == set()
    assert seen_by(User(role="")) == set()
    assert seen_by(User(role="admin", is_active=False)) == set()


def test_what_was_narrowed_before_stays_narrowed(their_keys, operations_user):
    assert ApiKey.objects.filter(name="ren").visible_to(operations_user).count() == 1
