"""`manage.py login`: a lost password is no tragedy."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from backoffice.access.models import User
from backoffice.local.logins import FirstPassword, FirstPasswords, make_admin

pytestmark = [pytest.mark.db, pytest.mark.django_db]


def login(*arguments):
    out = StringIO()
    call_command("login", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def data(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


def test_it_sets_a_new_password_and_says_it_once(rep_user, data, password):
    said = login("ren")
    rep_user.refresh_from_db()
    assert rep_user.check_password(said["password"])
    assert not rep_user.check_password(password)


def test_it_lets_in_who_was_locked_out(rep_user, data, client, settings):
    settings.AXES_FAILURE_LIMIT = 2
    address = "/admin/login/"
    for _ in range(3):
        client.post(address, {"username": "ren", "password": "wrong"})
    new = login("ren")["password"]
    answer = client.post(address, {"username": "ren", "password": new})
    assert answer.status_code == 302


def test_it_makes_no_login_unless_it_is_told_to(db, data):
    with pytest.raises(CommandError, match="There is no login"):
        login("nobody")
    said = login("olivia", "--create", "--role", "operations")
    olivia = User.objects.get(username="olivia")
    assert (olivia.role, olivia.is_superuser, said["created"]) == ("operations", False, True)


def test_the_first_password_is_repeated_until_it_is_changed(db, data):
    passwords = FirstPasswords(data)
    assert make_admin(passwords)
    assert not make_admin(passwords)
    (kept,) = passwords.read()
    assert User.objects.get(username="admin").check_password(kept.password)

    passwords.drop_changed()
    assert passwords.read() == [kept]
    login("admin")
    assert passwords.read() == []


def test_a_password_chosen_by_the_operator_is_not_written_down(db, data, monkeypatch):
    monkeypatch.setenv("BACKOFFICE_ADMIN_PASSWORD", "chosen by the operator")
    make_admin(FirstPasswords(data))
    assert User.objects.get(username="admin").check_password("chosen by the operator")
    assert FirstPasswords(data).read() == [FirstPassword("admin", "admin", "")]
    assert "chosen" not in (data / "logins.json").read_text()
