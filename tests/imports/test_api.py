"""Uploads over the JSON API."""

import csv
import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from backoffice.access import keys
from backoffice.crm.models import Opportunity
from backoffice.imports.models import Upload
from backoffice.imports.undo.undoing import undo
from backoffice.jobs.models import Job
from backoffice.jobs.running import execute
from tests.imports.conftest import row, table

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]


class Caller:
    def __init__(self, user, scopes=()):
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {keys.issue(user, 'test', scopes)[1]}"}

    def get(self, path):
        return self.client.get(f"/api/v1{path}", headers=self.headers)

    def post(self, file, headers=None, **fields):
        sent = {"kind": "opportunities", **fields}
        if file is not None:
            sent["file"] = SimpleUploadedFile("opportunities.csv", file.encode())
        return self.client.post("/api/v1/imports", sent, headers=self.headers | (headers or {}))

    def send(self, path, headers=None):
        return self.client.post(f"/api/v1{path}", headers=self.headers | (headers or {}))

    def upload(self, rows, **fields):
        """Sends the rows and has the job done; the upload as the API shows it."""
        answer = self.post(table(rows), **fields)
        assert answer.status_code == 202, answer.content
        execute(answer.json()["job"]["id"], heartbeat=False)
        return self.get(f"/imports/{answer.json()['id']}").json()


@pytest.fixture
def olga(operations_user):
    return Caller(operations_user)


@pytest.fixture
def marta(manager_user):
    return Caller(manager_user, ["imports"])


def problem(answer):
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    return answer.json()


def test_a_file_is_taken_and_its_job_started(olga):
    answer = olga.post(table([row()]))
    assert answer.status_code == 202
    upload = Upload.objects.get()
    assert answer.json() == {"id": upload.pk, "job": {"id": upload.job_id, "state": "queued"}}
    assert answer.headers["Location"] == f"/api/v1/imports/{upload.pk}"


def test_what_became_of_it_can_be_asked(olga):
    shown = olga.upload([row("A-1", account="Acme"), row("A-2", amount="lots")], mode="apply")
    assert shown["state"] == "incomplete"
    assert shown["counts"] == {"rows": 2, "new": 1, "updated": 0, "unchanged": 0, "failed": 1}
    assert shown["records"] == {"opportunity": {"new": 1}, "account": {"new": 1}}
    assert shown["error_file"] == f"/api/v1/imports/{shown['id']}/errors"
    assert shown["job"]["state"] == "incomplete"


def test_without_failed_rows_there_is_no_error_file(olga):
    shown = olga.upload([row()])
    assert (shown["state"], shown["error_file"]) == ("succeeded", None)
    assert olga.get(f"/imports/{shown['id']}/errors").status_code == 404


def test_failed_rows_come_as_an_attachment_that_no_browser_opens(olga):
    shown = olga.upload([row("A-1", amount="lots")])
    answer = olga.get(f"/imports/{shown['id']}/errors")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="errors-opportunities-{shown["id"]}.csv"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode(), newline="")))
    assert rows[0]["error"] == "Amount “lots” is not an amount."
    assert (rows[0]["Opportunity ID"], rows[0]["line"]) == ("A-1", "2")


def test_options_are_fields(olga):
    shown = olga.upload(
        [row(amount="1,250", close_date="1/2/2026")], date_order="DMY", decimal_mark=",", currency="MXN"
    )
    assert shown["options"] == {"date_order": "DMY", "decimal_mark": ",", "currency": "MXN"}
    found = Opportunity.objects.get()
    assert (str(found.amount), found.currency, found.close_date.isoformat()) == ("1.2500", "MXN", "2026-02-01")


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"kind": "people"}, "kind", "there are: opportunities"),
        ({"mode": "guess"}, "mode", "takes one of preview, apply"),
        ({"date_order": "YDM"}, "date_order", "takes one of DMY, MDY"),
        ({"currency": "XYZ"}, "currency", "takes a code such as USD"),
        ({}, "date_order", "Say which is. Say it with date_order=DMY or date_order=MDY."),
    ],
)
def test_a_file_that_is_not_taken_names_the_option(olga, fields, field, words):
    answer = olga.post(table([row(close_date="1/2/2026")]), **fields)
    assert answer.status_code == 422
    assert [error["field"] for error in problem(answer)["errors"]] == [field]
    assert words in answer.json()["errors"][0]["message"]
    assert not Upload.objects.exists()
    assert not Job.objects.exists()


def test_all_that_a_file_leaves_open_is_named_at_once(olga):
    answer = olga.post(table([row(amount="1,250", close_date="1/2/2026")]))
    assert answer.status_code == 422
    assert [error["field"] for error in problem(answer)["errors"]] == ["date_order", "decimal_mark"]
    ways = [error["message"].partition("Say it with ")[2] for error in answer.json()["errors"]]
    assert ways == ["date_order=DMY or date_order=MDY.", "decimal_mark=. or decimal_mark=,."]


def test_a_file_that_can_not_be_read_is_refused_in_words(olga):
    answer = olga.post("%PDF-1.7")
    assert (answer.status_code, problem(answer)["detail"]) == (
        422,
        "The file is a PDF. Save the table as CSV or XLSX, and upload that.",
    )


def test_missing_columns_are_refused_by_name(olga):
    assert "Missing required column: Opportunity ID" in problem(olga.post("Opportunity Name\nChairs\n"))["detail"]


def test_a_request_without_a_file_is_refused(olga):
    answer = olga.post(None)
    assert (answer.status_code, [error["field"] for error in problem(answer)["errors"]]) == (422, ["file"])


def test_a_field_nobody_knows_is_refused(olga):
    assert olga.post(table([row()]), colour="red").status_code == 422


def test_the_size_is_limited(olga, settings):
    settings.UPLOAD_LIMIT_BYTES = 1 << 20
    answer = olga.post(table([row(next_step="x" * 10_000)] * 200))
    assert "larger than 1 MB" in problem(answer)["detail"]


def test_the_same_idempotency_key_starts_one_upload(olga):
    answers = [olga.post(table([row()]), headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert Upload.objects.count() == 1
    other = olga.post(table([row("A-2")]), headers={"Idempotency-Key": "once"})
    assert other.status_code == 422


def test_uploads_of_others_do_not_exist(marta, olga, outsider_user, rep_user):
    shown = marta.upload([row("A-1", amount="lots")])
    for path in ("", "/errors"):
        assert marta.get(f"/imports/{shown['id']}{path}").status_code == 200
        assert olga.get(f"/imports/{shown['id']}{path}").status_code == 200
        assert Caller(outsider_user).get(f"/imports/{shown['id']}{path}").status_code == 404
        assert Caller(rep_user).get(f"/imports/{shown['id']}{path}").status_code == 404
    assert Caller(outsider_user).get("/imports").json()["items"] == []


def test_reps_do_not_upload(rep_user):
    assert Caller(rep_user).post(table([row()])).status_code in {403, 404}
    assert not Upload.objects.exists()


def test_a_key_needs_the_scope(operations_user):
    narrow = Caller(operations_user, ["read"])
    assert narrow.post(table([row()])).status_code == 403
    assert narrow.get("/imports").status_code == 403


def test_uploads_are_listed_newest_first(olga):
    first, second = olga.upload([row("A-1")]), olga.upload([row("A-2")])
    page = olga.get("/imports?limit=1").json()
    assert [shown["id"] for shown in page["items"]] == [second["id"]]
    rest = olga.get(f"/imports?limit=1&cursor={page['next']}").json()
    assert ([shown["id"] for shown in rest["items"]], rest["next"]) == ([first["id"]], None)
    assert olga.get("/imports?kind=contacts").json()["items"] == []


def test_uploads_are_narrowed_by_who_how_far_and_whether_undone(olga, marta, operations_user, manager_user):
    done, failed = olga.upload([row("A-1")]), olga.upload([row("A-2", amount="lots")])
    previewed, of_marta = olga.upload([row("A-3")], mode="preview"), marta.upload([row("A-4")])
    execute(undo(Upload.objects.get(pk=done["id"]), operations_user).job_id, heartbeat=False)

    def found(query):
        return {shown["id"] for shown in olga.get(f"/imports?{query}").json()["items"]}

    assert of_marta["asked_by"] == {"id": manager_user.pk, "name": "marta"}
    assert found(f"asked_by={manager_user.pk}") == {of_marta["id"]}
    assert found("undone=true") == {done["id"]}
    assert found(f"undone=false&asked_by={operations_user.pk}") == {failed["id"], previewed["id"]}
    assert found("state=incomplete") == {failed["id"]}
    assert found("phase=previewed&state=succeeded") == {previewed["id"]}
    assert found("phase=applied&kind=opportunities") == {done["id"], failed["id"], of_marta["id"]}
    assert found("phase=draft") == found("phase=previewing") == found("phase=applying") == set()
    assert olga.get("/imports?colour=red").status_code == 422


@pytest.mark.parametrize("mode", ["apply", "preview"])
def test_why_rows_fail_is_grouped_by_reason(olga, mode):
    rows = [row("A-1", amount="lots"), row("A-2", amount="lots"), row("A-3", amount="few", name=""), row("A-4")]
    shown = olga.upload(rows, mode=mode)
    assert shown["reasons"] == [
        {
            "rows": 3,
            "column": "Amount",
            "sentence": "Amount “…” is not an amount.",
            "values": 2,
            "named": ["lots", "few"],
            "lines": [2, 4, 3],
        },
        {
            "rows": 1,
            "column": "Opportunity Name",
            "sentence": "Opportunity Name is missing.",
            "values": 0,
            "named": [],
            "lines": [4],
        },
    ]
    assert olga.upload([row("A-5")], mode=mode)["reasons"] == []


def test_the_key_that_uploaded_is_in_the_change_log(olga, operations_user):
    from backoffice.changes.models import Change

    shown = olga.upload([row()])
    entry = Change.objects.get(kind="opportunity")
    assert (entry.job_id, entry.actor, entry.door) == (shown["job"]["id"], operations_user.pk, "upload")
    assert entry.api_key_id is not None


def test_the_answers_are_json_as_described(olga):
    schema = json.loads(Client().get("/api/v1/openapi.json").content)
    assert {"/api/v1/imports", "/api/v1/imports/{import_id}", "/api/v1/imports/{import_id}/errors"} <= set(
        schema["paths"]
    )


class TestPreviews:
    @pytest.fixture
    def previewed(self, olga):
        olga.upload([row("A-1", "Chairs", amount="10")])
        rows = [row("A-1", "Chairs", amount="20"), row("A-2", "Desks", account="Acme"), row("A-3", "", amount="lots")]
        return olga.upload([*rows, row("A-1", "Chairs", amount="20")], mode="preview")

    def test_a_preview_is_told_apart_from_what_was_done(self, previewed):
        assert (previewed["mode"], previewed["phase"], previewed["state"]) == ("preview", "previewed", "succeeded")
        assert previewed["counts"] == {"rows": 4, "new": 0, "updated": 0, "unchanged": 0, "failed": 0}
        preview = previewed["preview"]
        assert preview["counts"] == {"rows": 4, "new": 1, "updated": 1, "unchanged": 1, "failed": 1}
        assert preview["records"] == {"account": {"new": 1}, "opportunity": {"new": 1, "updated": 1}}
        assert preview["creates"]["account"] == {
            "total": 1,
            "first": [{"name": "Acme", "detail": "", "line": 3, "near": []}],
        }
        assert preview["job"] == previewed["job"]
        assert Opportunity.objects.count() == 1

    def test_lists_leave_out_what_it_would_create_and_why_rows_fail(self, olga, previewed):
        (listed, _) = olga.get("/imports").json()["items"]
        assert listed["preview"] == previewed["preview"] | {"creates": {}}
        assert listed | {"preview": None, "reasons": None} == previewed | {"preview": None, "reasons": None}

    def test_it_is_applied_when_asked_for(self, olga, previewed):
        answer = olga.send(f"/imports/{previewed['id']}/apply")
        assert (answer.status_code, answer.headers["Location"]) == (202, f"/api/v1/imports/{previewed['id']}")
        assert answer.json()["job"]["id"] != previewed["job"]["id"]
        assert olga.get(f"/imports/{previewed['id']}").json()["phase"] == "applying"
        execute(answer.json()["job"]["id"], heartbeat=False)
        done = olga.get(f"/imports/{previewed['id']}").json()
        assert (done["phase"], done["state"]) == ("applied", "incomplete")
        assert done["counts"] == done["preview"]["counts"] == previewed["preview"]["counts"]

    def test_it_is_applied_once(self, olga, previewed):
        olga.send(f"/imports/{previewed['id']}/apply")
        answer = olga.send(f"/imports/{previewed['id']}/apply")
        assert (answer.status_code, problem(answer)["detail"]) == (409, "It is being applied already.")

    def test_the_same_request_to_apply_is_answered_again(self, olga, previewed):
        headers = {"Idempotency-Key": "apply once"}
        first, second = (olga.send(f"/imports/{previewed['id']}/apply", headers) for _ in range(2))
        assert (first.status_code, second.status_code, first.json()) == (202, 202, second.json())

    def test_rows_are_listed_with_each_change(self, olga, previewed):
        rows = olga.get(f"/imports/{previewed['id']}/rows").json()["items"]
        record = Opportunity.objects.get().pk
        assert rows[0] == {
            "number": 1,
            "line": 2,
            "outcome": "updated",
            "record_id": record,
            "changes": [{"column": "amount", "before": "10.00", "after": "20.00"}],
            "errors": [],
        }
        assert (rows[1]["outcome"], rows[1]["record_id"]) == ("new", None)
        assert (rows[2]["outcome"], len(rows[2]["errors"])) == ("failed", 2)
        assert (rows[3]["outcome"], rows[3]["changes"]) == ("unchanged", [])

    def test_changes_stand_in_the_order_of_the_columns(self, olga):
        cells = row("A-9", "Desks", amount="20", stage="Won", account="Acme", next_step="Call")
        sent = olga.upload([cells], mode="preview")
        [only] = olga.get(f"/imports/{sent['id']}/rows").json()["items"]
        columns = [change["column"] for change in only["changes"]]
        expected = ["external_id", "name", "amount", "currency", "stage_id", "account_id", "next_step"]
        assert [column for column in columns if column in expected] == expected

    def test_a_row_about_what_an_earlier_one_would_create_tells_only_what_it_changes(self, olga):
        rows = [row("A-1", "Chairs"), row("A-1", "Desks"), row("A-1", "Desks")]
        sent = olga.upload(rows, mode="preview")
        _, second, third = olga.get(f"/imports/{sent['id']}/rows").json()["items"]
        assert second["changes"] == [{"column": "name", "before": "Chairs", "after": "Desks"}]
        assert (third["outcome"], third["changes"]) == ("unchanged", [])

    def test_rows_come_in_pages_and_by_outcome(self, olga, previewed):
        path = f"/imports/{previewed['id']}/rows"
        first = olga.get(f"{path}?limit=3").json()
        rest = olga.get(f"{path}?limit=3&cursor={first['next']}").json()
        assert [one["number"] for one in first["items"] + rest["items"]] == [1, 2, 3, 4]
        assert rest["next"] is None
        assert [one["line"] for one in olga.get(f"{path}?outcome=failed").json()["items"]] == [4]
        assert olga.get(f"{path}?outcome=failed&cursor={first['next']}").status_code == 422
        assert olga.get(f"{path}?colour=red").status_code == 422

    def test_rows_that_were_applied_are_listed_too(self, olga):
        shown = olga.upload([row("A-1"), row("A-2", "")])
        rows = olga.get(f"/imports/{shown['id']}/rows").json()["items"]
        assert [(one["outcome"], one["changes"]) for one in rows] == [("new", []), ("failed", [])]
        assert rows[0]["record_id"] == Opportunity.objects.get().pk
        assert rows[1]["errors"] == ["Opportunity Name is missing."]

    def test_rows_that_would_fail_come_as_a_file(self, olga, previewed):
        answer = olga.get(previewed["error_file"].removeprefix("/api/v1"))
        rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode(), newline="")))
        assert [(one["Opportunity ID"], one["line"]) for one in rows] == [("A-3", "4")]

    def test_previews_of_others_do_not_exist(self, outsider_user, marta):
        shown = marta.upload([row()], mode="preview")
        otto = Caller(outsider_user)
        assert otto.get(f"/imports/{shown['id']}/rows").status_code == 404
        assert otto.send(f"/imports/{shown['id']}/apply").status_code == 404
        assert marta.get(f"/imports/{shown['id']}/rows").status_code == 200

    def test_applying_needs_the_scope(self, operations_user, olga, previewed):
        assert Caller(operations_user, ["read"]).send(f"/imports/{previewed['id']}/apply").status_code == 403

    def test_the_key_that_applies_is_in_the_change_log(self, olga, previewed):
        from backoffice.changes.models import Change

        answer = olga.send(f"/imports/{previewed['id']}/apply")
        execute(answer.json()["job"]["id"], heartbeat=False)
        assert Change.objects.filter(job_id=answer.json()["job"]["id"], api_key_id__isnull=False).exists()


def test_columns_are_a_field_too(olga):
    text = "Folio,Name of it\nA-1,Chairs\n"
    columns = json.dumps({"Folio": "Opportunity ID", "Name of it": "name"})
    answer = olga.post(text, columns=columns)
    assert answer.status_code == 202, answer.content
    shown = olga.get(f"/imports/{answer.json()['id']}").json()
    assert shown["options"]["columns"] == {"Folio": "Opportunity ID", "Name of it": "name"}
    execute(shown["job"]["id"], heartbeat=False)
    assert Opportunity.objects.get().external_id == "A-1"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"columns": "Folio=Opportunity ID"}, "columns"),
        ({"columns": '{"Colour": "name"}'}, "columns"),
        ({"create_reps": "yes"}, "create_reps"),
        ({"update_accounts": "perhaps"}, "update_accounts"),
        ({"mode": "draft"}, "mode"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(olga, fields, field):
    answer = olga.post(table([row()]), **fields)
    assert (answer.status_code, [error["field"] for error in problem(answer)["errors"]]) == (422, [field])


def test_the_outcome_is_sent_if_wished(olga):
    answer = olga.post(table([row()]), notify="true")
    assert Upload.objects.get(pk=answer.json()["id"]).notify
    assert not Upload.objects.get(pk=olga.post(table([row("A-2")])).json()["id"]).notify


def test_a_mail_to_a_login_without_an_address_is_refused_by_name(olga, operations_user):
    operations_user.email = ""
    operations_user.save()
    answer = olga.post(table([row()]), notify="true")
    assert (answer.status_code, [error["field"] for error in problem(answer)["errors"]]) == (422, ["notify"])
    assert not Upload.objects.exists()
