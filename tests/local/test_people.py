"""The people of the tests stand where their names say."""

import pytest

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def test_the_manager_sees_the_rep_and_the_outsider_sees_neither(rep_user, manager_user, outsider_user, operations_user):
    from backoffice.crm.models import Rep

    def seen(user):
        return set(Rep.objects.visible_to(user).values_list("given", flat=True))

    assert seen(rep_user) == {"Ren"}
    assert seen(manager_user) == {"Marta", "Ren"}
    assert seen(outsider_user) == {"Otto"}
    assert seen(operations_user) == {"Ren", "Marta", "Otto"}
