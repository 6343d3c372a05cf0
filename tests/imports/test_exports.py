"""Lists as files: what stands in them, who gets what, few rows at once and many by a job; and the way back."""

import csv
import datetime as dt
import io
import json
from datetime import timedelta
from decimal import Decimal

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from backoffice.access import keys
from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Choice, Opportunity
from backoffice.imports.exports import exporting, filters, writing
from backoffice.imports.exports.exporting import Selection
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import Export, Format, Upload
from backoffice.imports.starting import receive
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from tests.imports.conftest import content, outcomes, reasons

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]

ALL = Selection("api", "sort=id")
BOM = b"\xef\xbb\xbf"


@pytest.fixture(autouse=True)
def _own_media(settings, tmp_path_factory):
    settings.MEDIA_ROOT = tmp_path_factory.mktemp("media")


@pytest.fixture
def opportunity(make):
    """Makes an opportunity; what is not said is empty."""

    def made(name, **more):
        with acting(None, Door.COMMAND, label="test"):
            for field, list_name in (("stage", "stage"), ("type", "type")):
                if field in more:
                    known = {"list": list_name, "label": more[field], "status": "open" if list_name == "stage" else ""}
                    more[field] = Choice.objects.get_or_create(**known)[0]
            return Opportunity.objects.create(name=name, **more)

    return made


def exported(user, kind="opportunities", format_=Format.CSV, query="sort=id", door="api"):
    """The bytes of an export that is small enough."""
    return body(exporting.export(KINDS[kind], format_, user, Selection(door, query)))


def body(response):
    data = response.getvalue()
    if response.file_to_stream:  # Django's test client has closed its own
        response.file_to_stream.close()
    return data


def table(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def sheet(data):
    return openpyxl.load_workbook(io.BytesIO(data)).active


def column(data, header):
    return [row[header] for row in table(data)]


# What stands in the file


def test_every_column_of_every_kind_can_be_exported(operations_user):
    for kind in KINDS:
        assert next(csv.reader([exported(operations_user, kind).decode()])) == KINDS[kind].resource.headers()
        first = next(sheet(exported(operations_user, kind, Format.XLSX)).iter_rows(values_only=True))
        assert list(first) == KINDS[kind].resource.headers()


def test_a_row_says_all_that_the_columns_ask_for(operations_user, opportunity, make):
    owner = make.rep("Ana", "López", email="ana@example.com")
    account = make.account("Acme", external_id="ACC-1", website="https://acme.example")
    opportunity(
        "Chairs",
        external_id="A-1",
        amount=Decimal("1250.50"),
        currency="MXN",
        close_date=dt.date(2026, 11, 30),
        stage="Negotiation",
        type="New Business",
        owner=owner,
        account=account,
        next_step="Call, then\nwrite",
    )
    assert table(exported(operations_user)) == [
        {
            "Opportunity ID": "A-1",
            "Opportunity Name": "Chairs",
            "Amount": "1250.50",
            "Currency": "MXN",
            "Close Date": "2026-11-30",
            "Stage": "Negotiation",
            "Opportunity Owner": "Ana López",
            "Opportunity Owner Email": "ana@example.com",
            "Account ID": "ACC-1",
            "Account Name": "Acme",
            "Account URL/Website": "https://acme.example",
            "Opportunity Type": "New Business",
            "Next Step": "Call, then\nwrite",
        }
    ]


def test_an_opportunity_born_here_goes_by_its_uid(operations_user, opportunity):
    born = opportunity("Chairs")
    born.refresh_from_db()
    assert column(exported(operations_user), "Opportunity ID") == [str(born.uid)]


DANGEROUS = ["=1+1", "+52 55 1234", "-none", "@SUM(A1)", "\t=x", "＝1+1", "'=1+1", "'quoted", "plain"]


def test_csv_protects_text_that_a_spreadsheet_would_run(operations_user, opportunity):
    for name in DANGEROUS:
        opportunity(name)
    assert column(exported(operations_user), "Opportunity Name") == [
        *("'=1+1", "'+52 55 1234", "'-none", "'@SUM(A1)", "'\t=x", "'＝1+1", "''=1+1", "'quoted", "plain"),
    ]


def test_an_amount_below_zero_stays_an_amount(operations_user, opportunity):
    opportunity("Refund", amount=Decimal(-5), currency="USD")
    assert column(exported(operations_user), "Amount") == ["-5.00"]
    assert sheet(exported(operations_user, format_=Format.XLSX))["C2"].value == -5


def test_a_workbook_has_true_text_numbers_and_days(operations_user, opportunity):
    opportunity(
        "=1+1", external_id="00123", amount=Decimal("1250.5"), currency="USD", close_date=dt.date(2026, 11, 30),
        next_step="#N/A",
    )  # fmt: skip
    shown = sheet(exported(operations_user, format_=Format.XLSX))
    cells = {shown.cell(1, cell.column).value: cell for cell in shown[2]}
    assert (cells["Opportunity ID"].value, cells["Opportunity ID"].number_format) == ("00123", "@")
    assert (cells["Opportunity Name"].value, cells["Opportunity Name"].data_type) == ("=1+1", "s")
    assert (cells["Next Step"].value, cells["Next Step"].data_type) == ("#N/A", "s")
    assert (cells["Amount"].value, cells["Amount"].data_type) == (1250.5, "n")
    assert cells["Close Date"].is_date
    assert cells["Close Date"].value == dt.datetime(2026, 11, 30)


def test_an_amount_with_more_digits_than_a_number_of_a_workbook_holds_is_kept_as_text(operations_user, opportunity):
    opportunity("Dam", amount=Decimal("123456789012.3456"), currency="USD")
    assert sheet(exported(operations_user, format_=Format.XLSX))["C2"].value == "123456789012.3456"


ODD = ["a\r\nb", "x_x0041_y", "_x005F_", "bell\x07", "ends_x", "tab\tin"]


def test_odd_characters_come_back_from_a_workbook(operations_user, opportunity, upload):
    for name in ODD:
        opportunity("Chairs", next_step=name)
    read = uploaded_again(operations_user, exported(operations_user, format_=Format.XLSX), "o.xlsx")
    changed = [number for number, outcome in enumerate(outcomes(read)) if outcome != "unchanged"]
    assert [ODD[number] for number in changed] == ["bell\x07"]


def test_a_text_too_long_for_a_workbook_is_refused_in_words(operations_user, opportunity):
    opportunity("Chairs", next_step="x" * 40_000)
    with pytest.raises(Refused, match="Next Step has a text of 40,000 characters"):
        exported(operations_user, format_=Format.XLSX)
    assert len(column(exported(operations_user), "Next Step")[0]) == 40_000


def test_more_rows_than_a_workbook_holds_are_refused_in_words(operations_user, opportunity, monkeypatch, settings):
    for _number in range(3):
        opportunity("Chairs")
    monkeypatch.setitem(writing.MOST_ROWS, Format.XLSX, 2)
    with pytest.raises(Refused, match="There are 3 rows; a workbook holds 2 at most"):
        exporting.export(KINDS["opportunities"], Format.XLSX, operations_user, ALL)
    settings.EXPORT_AT_ONCE_ROWS = 1
    with pytest.raises(Refused, match="Export them as CSV"):
        exporting.export(KINDS["opportunities"], Format.XLSX, operations_user, ALL)
    assert not Export.objects.exists()


def test_rows_come_in_the_order_asked_for_those_without_a_value_last(operations_user, opportunity):
    for name, amount in (("B", 2), ("none", None), ("A", 1), ("C", 3)):
        opportunity(name, amount=amount, currency="USD" if amount else "")
    assert column(exported(operations_user, query="sort=-amount"), "Opportunity Name") == ["C", "B", "A", "none"]
    assert column(exported(operations_user, query="sort=amount"), "Opportunity Name") == ["A", "B", "C", "none"]


def test_an_export_reads_piece_by_piece(operations_user, opportunity, monkeypatch):
    for number in range(5):
        opportunity(f"Deal {number}")
    monkeypatch.setattr(exporting, "ROWS_AT_ONCE", 2)
    told = []
    rows = exporting.selected(KINDS["opportunities"], operations_user, ALL)
    file = io.BytesIO()
    assert exporting.write(KINDS["opportunities"], rows, file, Format.CSV, told=told.append) == 5
    assert told == [2, 4, 5]
    assert len(table(file.getvalue())) == 5


# Who gets what


def test_everybody_exports_what_they_see(rep_user, manager_user, outsider_user, operations_user, opportunity):
    opportunity("Ren's", owner=rep_user.rep)
    opportunity("Marta's", owner=manager_user.rep)
    opportunity("Otto's", owner=outsider_user.rep)
    got = {
        user.username: column(exported(user), "Opportunity Name")
        for user in (rep_user, manager_user, outsider_user, operations_user)
    }
    assert got == {
        "ren": ["Ren's"],
        "marta": ["Ren's", "Marta's"],
        "otto": ["Otto's"],
        "olga": ["Ren's", "Marta's", "Otto's"],
    }


def test_whoever_may_not_see_records_exports_none(operations_user):
    operations_user.role = ""
    with pytest.raises(exporting.NotAllowed):
        exported(operations_user)


# By a job


@pytest.fixture
def many(settings, opportunity):
    settings.EXPORT_AT_ONCE_ROWS = 2
    return [opportunity(f"Deal {number}") for number in range(5)]


def begun(user, format_=Format.CSV, query="sort=id"):
    return exporting.export(KINDS["opportunities"], format_, user, Selection("api", query))


def done(asked):
    execute(asked.job_id, heartbeat=False)
    return Export.objects.select_related("job").get(pk=asked.pk)


@pytest.mark.parametrize("format_", Format)
def test_many_rows_are_written_by_a_job(operations_user, many, format_):
    asked = done(begun(operations_user, format_))
    assert (asked.job.state, asked.job.done, asked.job.total, asked.rows) == (State.SUCCEEDED, 5, 5, 5)
    data = body(exporting.download(asked))
    assert asked.size == len(data)
    names = column(data, "Opportunity Name") if format_ == "csv" else [row[1].value for row in sheet(data)][1:]
    assert names == [f"Deal {number}" for number in range(5)]
    assert "opportunities" not in asked.file.name


def test_the_same_export_asked_for_twice_while_it_is_at_work_is_one(operations_user, admin_user, many):
    first = begun(operations_user)
    assert begun(operations_user) == first
    assert begun(admin_user) != first
    assert begun(operations_user, query="sort=-id") != first
    assert begun(operations_user, Format.XLSX) != first
    done(first)
    assert begun(operations_user) != first


def test_a_job_exports_what_its_login_sees_when_it_runs(rep_user, manager_user, opportunity, settings):
    settings.EXPORT_AT_ONCE_ROWS = 0
    kept, lost = opportunity("Kept", owner=rep_user.rep), opportunity("Lost", owner=rep_user.rep)
    asked = begun(rep_user)
    with acting(None, Door.COMMAND, label="test"):
        Opportunity.objects.filter(pk=lost.pk).update(owner=manager_user.rep)
    data = body(exporting.download(done(asked)))
    assert column(data, "Opportunity Name") == [kept.name]


def test_a_login_that_lost_its_role_gets_no_file(rep_user, opportunity, settings):
    settings.EXPORT_AT_ONCE_ROWS = 0
    opportunity("Chairs", owner=rep_user.rep)
    asked = begun(rep_user)
    rep_user.role = ""
    rep_user.save()
    failed = done(asked)
    assert (failed.job.state, failed.job.error) == (State.FAILED, "Your role may not do this.")
    assert not failed.file


def test_a_cancelled_export_leaves_no_file(operations_user, many, settings):
    asked = begun(operations_user)
    Job.objects.filter(pk=asked.job_id).update(cancel_requested_at=timezone.now())
    assert done(asked).job.state == State.CANCELLED
    assert not any(path.is_file() for path in settings.MEDIA_ROOT.rglob("*"))


def test_a_job_called_again_after_a_crash_writes_one_whole_file(operations_user, many, monkeypatch, settings):
    asked = begun(operations_user)
    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(exporting, "_keep", lambda *args: (_ for _ in ()).throw(SystemExit))
        execute(asked.job_id, heartbeat=False)
    again = done(asked)
    assert (again.job.state, again.rows) == (State.SUCCEEDED, 5)
    assert len([path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]) == 1


def test_a_file_is_let_go_of_when_it_expires(operations_user, many, settings):
    asked = done(begun(operations_user))
    assert exporting.sweep() == 0
    Export.objects.filter(pk=asked.pk).update(created_at=timezone.now() - timedelta(days=8))
    asked.refresh_from_db()
    assert exporting.download(asked) is None
    assert exporting.sweep() == 1
    asked.refresh_from_db()
    assert (asked.file.name, asked.rows) == ("", 5)
    assert not any(path.is_file() for path in settings.MEDIA_ROOT.rglob("*"))


# The way back


def uploaded_again(user, data, name="again.csv", kind="opportunities", **given):
    received = receive(content(data, name), kind, user, given=given)
    execute(received.job_id, heartbeat=False)
    return Upload.objects.select_related("job").get(pk=received.pk)


def as_a_spreadsheet_saves_it(rows):
    """With semicolons, days as 31/12/2026 and amounts as 1250,50; a quote before a formula stays."""

    def local(header, cell):
        if header in {"Close Date", "Month"} and cell:
            return f"{dt.date.fromisoformat(cell):%d/%m/%Y}"
        if header == "Amount" and cell:
            return f"{Decimal(cell):f}".rstrip("0").rstrip(".").replace(".", ",")
        return cell

    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(rows[0])
    writer.writerows([local(header, cell) for header, cell in row.items()] for row in rows)
    return text.getvalue().encode("cp1252", "replace")


def test_a_file_taken_out_and_uploaded_again_changes_exactly_the_cells_that_were_edited(operations_user, upload):
    header = KINDS["opportunities"].resource.headers()
    upload(
        [
            ["A-1", "=1+1", "1250.5", "MXN", "2026-11-30", "Negotiation", "Ana López", "ana@example.com"],
            ["A-2", "-Desks-", "-7.0625", "USD", "2026-12-01", "Won", "", "", "ACC-1", "Acme", "acme.example", "New"],
            ["A-3", 'Lamps; "tall"', "", "", "", "", "", "", "", "Ñandú", "", "", "+1 call, 'then' wait"],
        ],
        header=header,
    )
    rows = table(exported(operations_user))
    assert outcomes(uploaded_again(operations_user, as_a_spreadsheet_saves_it(rows))) == ["unchanged"] * 3
    rows[1] |= {"Amount": "8", "Next Step": "=Call"}
    edited = uploaded_again(operations_user, as_a_spreadsheet_saves_it(rows))
    assert outcomes(edited) == ["unchanged", "updated", "unchanged"]
    changed = Change.objects.filter(job_id=edited.job_id).get()
    assert changed.after.keys() - {"changed_at"} == {"amount", "next_step"}


def test_a_workbook_taken_out_and_uploaded_again_changes_nothing(operations_user, opportunity, make):
    account = make.account("Acme", external_id="ACC-1", website="https://acme.example")
    owner = make.rep("Ana", "López", email="ana@example.com")
    opportunity("=1+1", external_id="007", amount=Decimal("12345678901234.5678"), currency="MXN", owner=owner)
    opportunity("Desks", close_date=dt.date(2026, 3, 4), stage="Negotiation", account=account)
    opportunity("Lamps", amount=Decimal("1.125"), currency="USD", type="New", next_step="a\r\nb")
    for format_ in Format:
        again = uploaded_again(operations_user, exported(operations_user, format_=format_), f"again.{format_}")
        assert (outcomes(again), reasons(again)) == (["unchanged"] * 3, {})


ACCOUNTS = [
    ["ACC-1", "Acme", "https://acme.example", "Ana López", "ana@example.com", "+52 55 1234 5678", "Customer", "Coffee"],
    [
        "",
        "=Birch & Sons",
        "birch.example",
        "",
        "",
        "",
        "",
        "",
        "XAXX010101000",
        "1 High St",
        "Leeds",
        "",
        "00123",
        "UK",
    ],
    ["", "Çedar"],
]
CONTACTS = [
    ["", "ana@acme.example", "Ana Pérez", "", "", "=CEO", "Acme", "+52 55 1", "044 55 2", "", "ACC-1"],
    ["", "ben@birch.example", "", "Ben", "Okoye", "", "=Birch & Sons", "555-1234 ext. 9", "", "Ruiz"],
    ["", "cem@nowhere.example", "Cem"],
]
QUOTAS = [["ana@example.com", "2026-03-01", "1250.5", "MXN"], ["ana@example.com", "2026-04-01", "0", "USD"]]
EDITS = {
    "accounts": ({"Website": "https://birch.example", "City": "York"}, {"website", "addresses"}),
    "contacts": ({"Last Name": "Okafor", "Phone": "555-9999"}, {"family", "phones"}),
    "quotas": ({"Amount": "7.25"}, {"amount"}),
}


@pytest.fixture
def everything(upload, make):
    """Accounts, contacts and quotas, as files brought them in."""
    make.rep("Ana", "López", email="ana@example.com")
    for kind, rows in (("accounts", ACCOUNTS), ("contacts", CONTACTS), ("quotas", QUOTAS)):
        assert set(outcomes(upload(rows, kind=kind, header=KINDS[kind].resource.headers()))) == {"new"}


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("kind", ["accounts", "contacts", "quotas"])
def test_what_is_taken_out_is_taken_back_as_it_is(operations_user, kind, format_):
    again = uploaded_again(operations_user, exported(operations_user, kind, format_), f"again.{format_}", kind)
    assert (set(outcomes(again)), reasons(again)) == ({"unchanged"}, {})


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("kind", EDITS)
def test_only_the_cells_edited_in_a_spreadsheet_change(operations_user, kind):
    rows = table(exported(operations_user, kind))
    edits, changed = EDITS[kind]
    rows[1] |= edits
    edited = uploaded_again(operations_user, as_a_spreadsheet_saves_it(rows), kind=kind, date_order="DMY")
    assert outcomes(edited) == ["updated" if number == 1 else "unchanged" for number in range(len(rows))]
    (one,) = Change.objects.filter(job_id=edited.job_id, child_kind=None)
    assert one.after.keys() - {"changed_at"} == changed


# The command


def test_the_command_writes_what_its_login_sees(rep_user, manager_user, opportunity, tmp_path, capsys):
    opportunity("Ren's", owner=rep_user.rep, close_date=dt.date(2026, 1, 1))
    opportunity("Late", owner=rep_user.rep, close_date=dt.date(2027, 1, 1))
    opportunity("Marta's", owner=manager_user.rep)
    path = tmp_path / "o.csv"
    call_command("export", "opportunities", path, user="ren", filter=["close_date_until=2026-12-31"], json=True)
    assert json.loads(capsys.readouterr().out) == {"kind": "opportunities", "file": str(path), "rows": 1}
    assert column(path.read_bytes(), "Opportunity Name") == ["Ren's"]
    assert [other.name for other in tmp_path.iterdir()] == ["o.csv"]


@pytest.mark.usefixtures("admin_user")
@pytest.mark.parametrize(
    ("name", "more", "sentence"),
    [
        ("o.pdf", {}, "Name the file .csv or .xlsx"),
        ("o.csv", {"filter": ["colour=red"]}, "colour: There is no such filter"),
        ("o.csv", {"filter": ["colour"]}, "Write a filter as NAME=VALUE"),
        ("o.csv", {"user": "nobody"}, "There is no login “nobody”"),
        ("o.xlsx", {}, "Next Step has a text of 40,000 characters"),
    ],
)
def test_the_command_refuses_in_words_and_leaves_the_file_as_it_was(opportunity, tmp_path, name, more, sentence):
    opportunity("Chairs", next_step="x" * 40_000)
    path = tmp_path / name
    path.write_text("as it was")
    with pytest.raises(CommandError, match=sentence):
        call_command("export", "opportunities", path, **more)
    assert [(other.name, other.read_text()) for other in tmp_path.iterdir()] == [(name, "as it was")]


# The API


class Caller:
    def __init__(self, user, scopes=()):
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {keys.issue(user, 'test', scopes)[1]}"}

    def get(self, path, **query):
        return self.client.get(f"/api/v1{path}", query, headers=self.headers)


@pytest.fixture
def olga(operations_user):
    return Caller(operations_user)


def test_a_short_list_is_answered_with_the_file(olga, opportunity):
    opportunity("Chairs", close_date=dt.date(2026, 11, 30))
    opportunity("Desks", close_date=dt.date(2027, 1, 31))
    answer = olga.get("/exports/opportunities", close_date_from="2027-01-01")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="opportunities-')
    assert answer["X-Content-Type-Options"] == "nosniff"
    data = body(answer)
    assert not data.startswith(BOM)
    assert column(data, "Opportunity Name") == ["Desks"]


def test_a_long_list_is_answered_with_its_job(olga, many):
    answer = olga.get("/exports/opportunities", format="xlsx")
    assert answer.status_code == 202
    asked = Export.objects.get()
    assert answer.json() == {"id": asked.pk, "job": {"id": asked.job_id, "state": "queued"}}
    where = answer["Location"].removeprefix("/api/v1")
    assert olga.get(where).json()["file"] is None
    assert olga.get(f"{where}/file").status_code == 404
    done(asked)
    shown = olga.get(where).json()
    assert (shown["state"], shown["rows"], shown["format"], shown["kind"]) == ("succeeded", 5, "xlsx", "opportunities")
    file = olga.get(shown["file"].removeprefix("/api/v1"))
    assert file["Content-Type"] == writing.CONTENT_TYPES[Format.XLSX]
    assert sheet(body(file)).max_row == 6


@pytest.mark.parametrize("query", [{"colour": "red"}, {"format": "pdf"}, {"limit": "5"}, {"close_date_from": "soon"}])
def test_what_the_list_cannot_be_narrowed_by_is_refused(olga, query):
    answer = olga.get("/exports/opportunities", **query)
    assert answer.status_code == 422
    assert next(iter(query)) in answer.json()["errors"][0]["field"]


def test_an_export_is_its_owners(many, operations_user, rep_user):
    asked = done(begun(operations_user))
    ren = Caller(rep_user)
    assert ren.get(f"/exports/{asked.pk}").status_code == 404
    assert ren.get(f"/exports/{asked.pk}/file").status_code == 404
    assert Caller(operations_user, ["jobs"]).get(f"/exports/{asked.pk}").status_code == 403
    assert Caller(operations_user, ["imports"]).get("/exports/opportunities").status_code == 403


def test_filters_are_named_when_a_selection_is_wrong(operations_user):
    with pytest.raises(Refused, match="colour: There is no such filter"):
        exporting.selected(KINDS["opportunities"], operations_user, Selection(filters.DOOR, "colour=red"))
