"""`manage.py import`."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from backoffice.crm.models import Opportunity
from backoffice.imports.models import Upload
from tests.imports.conftest import row, table

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("no_broker", "admin_user")]


@pytest.fixture(autouse=True)
def _nobody_works(monkeypatch):
    """No worker: the command does the job itself, at once, within the test's own transaction."""
    import importlib

    from backoffice.jobs.running import execute

    command = importlib.import_module("backoffice.imports.management.commands.import")
    monkeypatch.setattr(command, "SECONDS_FOR_A_WORKER", -1)
    monkeypatch.setattr(command, "execute", lambda job: execute(job, heartbeat=False))


@pytest.fixture
def file(tmp_path):
    def written(*rows):
        path = tmp_path / "opportunities.csv"
        path.write_text(table(rows), encoding="utf-8")
        return str(path)

    return written


def run(*arguments):
    out = io.StringIO()
    call_command("import", *arguments, stdout=out)
    return out.getvalue()


def test_it_starts_the_job(file, admin_user):
    assert "applies 1 rows" in run("opportunities", file(row()))
    assert Upload.objects.get().asked_by == admin_user
    assert not Opportunity.objects.exists()


def test_it_waits_for_the_end(file):
    assert "1 rows: 1 new, 0 updated, 0 unchanged, 0 failed" in run("opportunities", file(row()), "--wait")
    assert Opportunity.objects.exists()


def test_it_answers_scripts_in_json(file, manager_user):
    options = ("--option", "date_order=DMY", "--user", "marta", "--wait", "--json")
    shown = json.loads(run("opportunities", file(row(close_date="1/2/2026")), *options))
    assert (shown["state"], shown["counts"]["new"], shown["options"]) == ("succeeded", 1, {"date_order": "DMY"})
    assert Upload.objects.get().asked_by == manager_user


def test_failed_rows_give_an_exit_code_of_their_own(file):
    with pytest.raises(CommandError, match="1 row failed") as error:
        run("opportunities", file(row(amount="lots")), "--wait")
    assert error.value.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--option", "date_order"], "NAME=VALUE"),
        (["--option", "colour=red"], "no option colour"),
        (["--user", "nobody"], "no login “nobody”"),
        (["--user", "ren"], "may not upload"),
        ([], "--option date_order=DMY or --option date_order=MDY"),
        ([], r"--option decimal_mark=\. or --option decimal_mark=,"),
    ],
)
def test_what_is_wrong_is_said(file, rep_user, arguments, words):
    with pytest.raises(CommandError, match=words):
        run("opportunities", file(row(close_date="1/2/2026", amount="1,250")), *arguments)


def test_what_a_file_leaves_open_is_told_to_scripts_by_option(file):
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("import", "opportunities", file(row(close_date="1/2/2026", amount="1,250")), "--json", stdout=out)
    assert [error["option"] for error in json.loads(out.getvalue())["errors"]] == ["date_order", "decimal_mark"]


def test_without_an_admin_a_login_has_to_be_named(file, admin_user):
    admin_user.delete()
    with pytest.raises(CommandError, match="name a login with --user"):
        run("opportunities", file(row()))


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(CommandError, match=r"gone\.csv: No such file"):
        run("opportunities", "/tmp/gone.csv")


def test_a_preview_changes_nothing_and_tells_what_would_be(file):
    out = run("opportunities", file(row("A-1", account="Acme")), "--preview")
    assert "Of 1 rows 1 would be new, 0 updated, 0 unchanged; 0 would fail" in out
    assert "Accounts: 1 new, 0 updated." in out
    assert not Opportunity.objects.exists()


def test_rows_that_would_fail_give_the_same_exit_code_and_their_reasons(file):
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 row would fail") as error:
        call_command("import", "opportunities", file(row(amount="lots"), row("A-2")), "--preview", stdout=out)
    assert error.value.returncode == 2
    assert "1 × Amount “lots” is not an amount." in out.getvalue()


@pytest.mark.parametrize("how", ["--preview", "--wait"])
def test_all_that_rows_fail_for_is_named(file, how):
    out = io.StringIO()
    with pytest.raises(CommandError, match="6 rows"):
        amounts = ("lots", "few", "some", "many", "any", "none")
        rows = [row(f"A-{amount}", amount=amount) for amount in amounts]
        call_command("import", "opportunities", file(*rows), how, stdout=out)
    assert "6 × Amount “…” is not an amount. (lots, few, some, many, any, …)" in out.getvalue()


def test_a_preview_answers_scripts_in_json(file):
    shown = json.loads(run("opportunities", file(row()), "--preview", "--json"))
    assert (shown["phase"], shown["preview"]["counts"]["new"], shown["counts"]["new"]) == ("previewed", 1, 0)
