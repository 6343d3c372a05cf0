"""What each role may do, as the console and the API ask it."""

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command

from backoffice.access.models import ApiKey, Role, User
from backoffice.access.permissions import TABLE, may, may_enter, verbs
from backoffice.changes.models import Change
from backoffice.crm.models import Account, LineItem, OpportunityTag, RepPlace
from backoffice.jobs.models import Job
from backoffice.quotas.models import Quota


def login(role, **more):
    return User(username="x", role=role, **more)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("role", "model", "allowed"),
    [
        ("rep", Account, "view add change"),
        ("rep", LineItem, "view add change delete"),
        ("rep", OpportunityTag, "view add change delete"),
        ("rep", RepPlace, "view"),
        ("rep", Quota, "view"),
        ("rep", User, ""),
        ("rep", ApiKey, ""),
        ("manager", Account, "view add change"),
        ("manager", Quota, "view add change"),
        ("manager", User, ""),
        ("operations", Account, "view add change delete"),
        ("operations", RepPlace, "view add change delete"),
        ("operations", Change, "view"),
        ("operations", User, ""),
        ("operations", ApiKey, ""),
        ("admin", User, "view add change delete"),
        ("admin", ApiKey, "view add change delete"),
        ("admin", Change, "view"),
        ("admin", Job, "view change"),
    ],
)
def test_a_role_may(role, model, allowed):
    assert verbs(Role(role), model) == set(allowed.split())


@pytest.mark.unit
@pytest.mark.parametrize(
    "nobody",
    [
        AnonymousUser(),
        login(""),
        login("king"),
        login("admin", is_active=False),
        login("", is_superuser=True, is_staff=True),
    ],
)
def test_whoever_is_inactive_or_has_no_role_may_nothing(nobody):
    assert not may(nobody, "view", Account)
    assert not may_enter(nobody)
    assert not nobody.has_perm("crm.view_account")
    assert not nobody.has_module_perms("crm")


@pytest.mark.unit
def test_any_active_role_may_enter_the_console_without_djangos_flags():
    assert all(may_enter(login(role)) for role in Role)


@pytest.mark.unit
def test_djangos_permissions_are_answered_from_the_role():
    rep = login("rep", is_superuser=True)
    assert rep.has_perm("crm.change_account")
    assert not rep.has_perm("crm.delete_account")
    assert not rep.has_perm("access.view_user")
    assert not rep.has_perm("crm.view_nothing")
    assert not rep.has_perm("rubbish")
    assert rep.has_module_perms("crm")
    assert not rep.has_module_perms("access")
    assert login("manager").has_module_perms("imports")


@pytest.mark.unit
def test_the_table_names_only_models_and_apps_there_are():
    for rights in TABLE.values():
        for label in rights:
            assert apps.get_model(label) if "." in label else apps.get_app_config(label)


@pytest.mark.unit
def test_every_higher_role_may_what_a_lower_one_may():
    for lower, higher in [("rep", "manager"), ("manager", "operations"), ("operations", "admin")]:
        for model in apps.get_models():
            assert verbs(Role(lower), model) <= verbs(Role(higher), model), (lower, higher, model)


@pytest.mark.db
@pytest.mark.django_db
def test_createsuperuser_makes_an_admin(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    call_command("createsuperuser", username="root", email="root@example.com", interactive=False, verbosity=0)
    root = User.objects.get(username="root")
    assert root.role == Role.ADMIN
    assert root.has_perm("access.delete_apikey")
