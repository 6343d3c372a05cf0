"""What is wrong with a row is told in words, but no name of a record that whoever uploads may not see."""

import pytest

from tests.imports.conftest import reasons, row, table

pytestmark = [pytest.mark.db, pytest.mark.django_db]
CONTACTS = ("Email", "Fullname")


@pytest.fixture
def twins(make, manager_user, outsider_user):
    """Two accounts of one name: the manager's own, and one that is none of theirs."""
    return make.account("Acme", owner=manager_user.rep), make.account("ACME", owner=outsider_user.rep)


def test_of_several_accounts_a_manager_is_told_the_names_they_may_see(upload, twins, manager_user):
    own, hidden = twins
    told = reasons(upload([row("A-1", account="Acme")], user=manager_user))[2]
    assert f"“Acme (#{own.pk})”, “#{hidden.pk}”" in told
    assert "ACME" not in told


def test_operations_are_told_all_of_them(upload, twins, operations_user):
    own, other = twins
    told = reasons(upload([row("A-1", account="Acme")], user=operations_user))[2]
    assert f"“Acme (#{own.pk})”, “ACME (#{other.pk})”" in told


def test_of_several_contacts_too(upload, make, manager_user, outsider_user):
    account = make.account("Hidden Ltd", owner=outsider_user.rep)
    twins = [
        make.contact(name, account=account, emails=[{"address": "ana@example.com"}]) for name in ("Ana B.", "Ana C.")
    ]
    file = table([["ana@example.com", "Ana"]], CONTACTS)
    told = reasons(upload(file, user=manager_user, kind="contacts", name="contacts.csv"))[2]
    assert ", ".join(f"“#{contact.pk}”" for contact in twins) in told
    assert "Ana B." not in told


def test_a_name_is_looked_up_once_for_all_rows_that_fail_for_it(
    upload, twins, manager_user, django_assert_max_num_queries
):
    with django_assert_max_num_queries(80):
        done = upload([row(f"A-{number}", account="Acme") for number in range(300)], user=manager_user)
    assert done.counts == {"failed": 300}
