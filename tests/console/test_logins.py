"""Logins and API keys in the console, and who gets past the door."""

import pytest
from django.test import Client

from backoffice.access import keys
from backoffice.access.models import ApiKey, Role, User
from backoffice.crm.models import Rep
from tests.console.conftest import Visitor

pytestmark = [pytest.mark.django_db, pytest.mark.db]

NEW = "a longer password 7"


def test_an_admin_makes_a_login_with_role_rep_and_password(visit, admin_user, rep_user, make):
    (rep,) = make(Rep, rep_user.rep)
    answer = visit(admin_user).add(
        User, username="nora", role="manager", rep=str(rep.pk), new_password=NEW, is_active="on"
    )
    assert answer.status_code == 302
    nora = User.objects.get(username="nora")
    assert (nora.role, nora.rep) == (Role.MANAGER, rep)
    assert nora.check_password(NEW)


def test_a_new_password_ends_the_logins_sessions_and_not_ones_own(visit, admin_user, rep_user):
    theirs, mine = visit(rep_user), visit(admin_user)
    mine.save(rep_user, new_password=NEW)
    assert theirs.get("/admin/").status_code == 302
    mine.save(admin_user, new_password=NEW)
    assert mine.get("/admin/").status_code == 200
    admin_user.refresh_from_db()
    assert admin_user.check_password(NEW)


def test_a_weak_password_is_refused_in_words(visit, admin_user, rep_user):
    answer = visit(admin_user).save(rep_user, new_password="1234")
    assert "too short" in str(answer.context["adminform"].form.errors)


def test_a_rep_has_one_login(visit, admin_user, rep_user, outsider_user):
    answer = visit(admin_user).save(outsider_user, rep=str(rep_user.rep.pk))
    assert "already has the login" in str(answer.context["adminform"].form.errors)


def test_nobody_takes_the_own_role_or_login_away(visit, admin_user):
    visitor = visit(admin_user)
    visitor.save(admin_user, role="rep", is_active="")
    admin_user.refresh_from_db()
    assert (admin_user.role, admin_user.is_active) == (Role.ADMIN, True)
    assert visitor.get(f"/admin/access/user/{admin_user.pk}/delete/").status_code == 403


def test_a_key_is_shown_once(visit, admin_user, rep_user):
    visitor = visit(admin_user)
    page = visitor.add(ApiKey, name="Nightly", user=str(rep_user.pk), scopes=["read"])
    token = page.context["token"]
    key = keys.authenticate(token)
    assert (key.name, key.user, key.scopes) == ("Nightly", rep_user, ["read"])
    assert "no-store" in page["Cache-Control"]
    secret = token.rpartition("_")[2]
    for later in (visitor.record(key), visitor.list(ApiKey)):
        assert secret not in later.content.decode()


def test_a_key_is_revoked_from_the_list(visit, admin_user, rep_user):
    key, token = keys.issue(rep_user, "Nightly")
    visit(admin_user).post("/admin/access/apikey/", {"action": "revoke", "_selected_action": [key.pk]})
    assert keys.authenticate(token) is None


def test_any_active_login_with_a_role_gets_in_through_the_form(client, rep_user, password):
    sent = {"username": "ren", "password": password, "next": "/admin/"}
    assert client.post("/admin/login/", sent).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_a_login_without_a_role_is_told_so(client, rep_user, password):
    User.objects.filter(pk=rep_user.pk).update(role="")
    answer = client.post("/admin/login/", {"username": "ren", "password": password})
    assert "has no role yet" in answer.content.decode()


def test_too_many_wrong_passwords_lock_the_door_in_words(client, rep_user, settings, password):
    settings.AXES_FAILURE_LIMIT = 2
    for _ in range(2):
        answer = client.post("/admin/login/", {"username": "ren", "password": "wrong"})
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()
    locked = client.post("/admin/login/", {"username": "ren", "password": password})
    assert locked.status_code == 429


def test_the_console_speaks_the_language_one_chooses(visit, rep_user):
    visitor = visit(rep_user)
    visitor.post("/admin/language/", {"language": "es-mx", "next": "/admin/"})
    assert visitor.get("/admin/crm/account/")["Content-Language"] == "es-mx"


def test_what_is_not_there_is_said_without_a_trace(visit, rep_user):
    page = visit(rep_user).get("/admin/crm/account/12345678/change/")
    assert page.status_code == 404
    assert "nothing that you may see" in page.content.decode()
    assert visit(rep_user).get("/admin/crm/account/abc/change/").status_code == 404


def test_a_fault_of_ours_is_shown_with_an_id_and_no_trace(rep_user, monkeypatch, caplog):
    visitor = Visitor(rep_user)
    visitor.raise_request_exception = False
    monkeypatch.setattr("backoffice.console.admin.crm.AccountAdmin.get_queryset", lambda *a, **k: 1 / 0)
    monkeypatch.setattr("backoffice.console.errors.uuid4", lambda: type("Id", (), {"hex": "abcdef0123456789"}))
    page = visitor.get("/admin/crm/account/")
    assert page.status_code == 500
    text = page.content.decode()
    assert "abcdef012345" in text
    assert "ZeroDivisionError" not in text


def test_an_old_form_says_that_it_is_old(rep_user):
    visitor = Client(enforce_csrf_checks=True)
    visitor.force_login(rep_user, "django.contrib.auth.backends.ModelBackend")
    answer = visitor.post("/admin/crm/account/add/", {"name": "x"})
    assert answer.status_code == 403
    assert "grown old" in answer.content.decode()


def test_the_page_runs_no_script_but_our_own(visit, rep_user):
    page = visit(rep_user).get("/admin/crm/account/add/")
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert "unsafe-inline" not in page["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]
