"""A preview says what applying would do, and does nothing."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from backoffice.changes.models import Change
from backoffice.crm.models import Account, Opportunity, Rep
from backoffice.imports import applying, expiring
from backoffice.imports.kinds import KINDS
from backoffice.imports.merging.imagining import FIRST_IMAGINED_ID
from backoffice.imports.models import Mode, Phase, PreviewRow, Upload
from backoffice.imports.previews import near
from backoffice.imports.starting import WrongState, receive, start_apply, start_preview
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from tests.imports.conftest import content, row, table

pytestmark = [pytest.mark.db, pytest.mark.django_db]
SAMPLES = [(kind.name, sample.name) for kind in KINDS.values() for sample in kind.samples]


def fresh(upload):
    return Upload.objects.select_related("job", "preview_job").get(pk=upload.pk)


@pytest.fixture
def preview(operations_user, no_broker):
    """Receives a file and previews it within the test's own transaction."""

    def previewed(rows, *, user=operations_user, kind="opportunities", **given):
        text = rows if isinstance(rows, str) else table(rows)
        received = receive(content(text), kind, user, mode=Mode.PREVIEW, given=given)
        execute(received.preview_job_id, heartbeat=False)
        return fresh(received)

    return previewed


@pytest.fixture
def apply(operations_user):
    def applied(upload):
        execute(start_apply(upload, operations_user).pk, heartbeat=False)
        return fresh(upload)

    return applied


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(applying, "FIRST_ROWS", 3)
    monkeypatch.setattr(applying, "CHUNK_ROWS", 5)


def outcomes(rows):
    return list(rows.order_by("number").values_list("number", "line", "outcome", "errors", "cells"))


def changes(upload):
    return dict(upload.previews.order_by("number").values_list("line", "changes"))


def domain():
    """How many rows there are of everything a kind may write, and in the change log."""
    models = {model for kind in KINDS.values() for model in kind.writes}
    return {model: model.objects.count() for model in models} | {Change: Change.objects.count()}


def options(kind):
    """All that the kind knows."""
    return dict.fromkeys(KINDS[kind].options, "yes")


@pytest.fixture
def team(make):
    make.rep("Ana", "Torres", email="ana.torres@example.com")
    make.rep("Ben", "Okoye", email="ben.okoye@example.com")


@pytest.mark.parametrize("with_options", [False, True])
@pytest.mark.parametrize(("kind", "sample"), SAMPLES)
def test_a_preview_says_what_the_applying_then_does(
    preview, apply, operations_user, team, small_chunks, kind, sample, with_options
):
    given = options(kind) if with_options else {}
    if sample != "new":
        apply(preview(KINDS[kind].sample_file("new", operations_user), kind=kind, **given))
    before = domain()
    expected = preview(KINDS[kind].sample_file(sample, operations_user), kind=kind, **given)
    assert domain() == before
    assert (expected.state, expected.phase) == (State.SUCCEEDED, Phase.PREVIEWED)
    done = apply(expected)
    assert done.expected == done.outcomes
    assert sum(done.counts.values()) == done.rows > 0
    assert done.previewed["records"] == done.records
    assert outcomes(done.previews) == outcomes(done.results)
    assert done.phase == Phase.APPLIED


def test_its_job_says_what_it_found(preview, operations_user):
    done = preview([row("A-1", account="Acme"), row("A-2", amount="lots")])
    lines = [line.text for line in done.preview_job.log_lines(operations_user)]
    assert lines[-3:] == [
        "Of 2 rows 1 would be new, 0 updated, 0 unchanged; 1 would fail.",
        "Accounts: 1 new, 0 updated.",
        "Opportunities: 1 new, 0 updated.",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_applied_is_unchanged_in_a_second_preview(preview, apply, operations_user, team, kind):
    text = KINDS[kind].sample_file("new", operations_user)
    apply(preview(text, kind=kind))
    again = preview(text, kind=kind)
    assert again.expected["unchanged"] == again.rows
    assert set(changes(again).values()) == {None}


def test_each_field_is_shown_as_it_is_and_as_it_would_be(preview, upload):
    first = row("A-1", "Chairs", amount="10", stage="Won", owner="Ana López", email="ana@example.com", account="Acme")
    upload([first])
    seen = preview(
        [
            row("A-1", "Chairs", amount="20", stage="Lost", owner="Ben Ode", email="ben@example.com", account="Birch"),
            row("A-2", "Desks", amount="1.2345", close_date="2026-11-30", account="Birch"),
            row("A-3", ""),
        ]
    )
    assert changes(seen) == {
        2: {
            "amount": ["10.00", "20.00"],
            "stage_id": ["Won", "Lost"],
            "owner_id": ["Ana López", "Ben Ode"],
            "account_id": ["Acme", "Birch"],
        },
        3: {
            "external_id": ["", "A-2"],
            "name": ["", "Desks"],
            "amount": ["", "1.2345"],
            "currency": ["", "USD"],
            "close_date": ["", "2026-11-30"],
            "account_id": ["", "Birch"],
        },
        4: None,
    }
    assert list(seen.previews.order_by("number").values_list("object_id", flat=True)) == [
        Opportunity.objects.get().pk,
        None,
        None,
    ]


def test_what_would_be_created_comes_with_what_is_near_it(preview, upload):
    upload([row("A-1", account="Alder Industries", owner="Ana López", email="ana@example.com", stage="Proposal")])
    seen = preview(
        [
            row("A-2", stage="Won"),
            row("A-3", account="Alder Industry", website="alder.example", stage="Propossal"),
            row("A-4", account="Alder Industry", owner="Ana Lopes", email="anna@example.com"),
            row("A-5", account="Zebra"),
        ]
    )
    creates = seen.previewed["creates"]
    assert creates["account"] == {
        "total": 2,
        "first": [
            {
                "name": "Alder Industry",
                "detail": "alder.example",
                "line": 3,
                "near": [
                    {"id": Account.objects.get().pk, "name": "Alder Industries", "score": pytest.approx(0.68, abs=0.1)}
                ],
            },
            {"name": "Zebra", "detail": "", "line": 5, "near": []},
        ],
    }
    (rep,) = creates["rep"]["first"]
    assert (rep["name"], rep["detail"], rep["line"]) == ("Ana Lopes", "anna@example.com", 4)
    assert [one["name"] for one in rep["near"]] == ["Ana López"]
    assert [(one["name"], [near["name"] for near in one["near"]]) for one in creates["stage"]["first"]] == [
        ("Won", []),
        ("Propossal", ["Proposal"]),
    ]


def test_of_many_that_would_be_created_the_first_are_told(preview, monkeypatch):
    monkeypatch.setattr(near, "MOST_SHOWN", 2)
    seen = preview([row(f"A-{number}", account=f"Account {number}") for number in range(5)])
    told = seen.previewed["creates"]["account"]
    assert (told["total"], [one["name"] for one in told["first"]]) == (5, ["Account 0", "Account 1"])


@pytest.mark.parametrize("seconds", [0, 0.0001])
def test_where_looking_for_similar_ones_takes_too_long_there_are_none(preview, upload, monkeypatch, seconds):
    upload([row("A-1", account="Alder Industries")])
    monkeypatch.setattr(near, "SECONDS_FOR_LOOKING", seconds)
    monkeypatch.setattr(near, "BY_SEARCH", "pg_sleep(5) IS NOT NULL")
    seen = preview([row("A-2", account="Alder Industry")])
    assert seen.state == State.SUCCEEDED
    assert [one["near"] for one in seen.previewed["creates"]["account"]["first"]] == [[]]


def test_what_a_manager_may_not_see_is_not_told(preview, upload, manager_user, make):
    make.account("Secret Holding")
    upload([row("A-1", "Confidential", amount="10", account="Secret Holding")])
    seen = preview([row("A-1", "Chairs", amount="20"), row("A-2", account="Secret Holdings")], user=manager_user)
    assert changes(seen)[2] == {"name": [None, "Chairs"], "amount": [None, "20.00"]}
    assert seen.previewed["creates"]["account"]["first"][0]["near"] == []


def test_taking_a_record_over_does_not_show_it(preview, upload, manager_user):
    upload([row("A-1", "Confidential", owner="Zoe Ash", email="zoe@example.com")])
    seen = preview([row("A-1", "Chairs", owner="Marta Test", email=manager_user.rep.email)], user=manager_user)
    assert changes(seen)[2] == {"name": [None, "Chairs"], "owner_id": [None, "Marta Test"]}


def test_the_account_that_a_row_names_is_told_only_to_who_sees_it(preview, upload, manager_user, make):
    hidden = make.account("Secret Holding", external_id="S-1", website="secret.example")
    rows = [row("A-1", account_id="S-1", account="Open Holding"), row("A-2", account="Brand New")]
    seen = preview(rows, user=manager_user, update_accounts="yes")
    told = changes(seen)
    assert told[2]["account_id"] == ["", f"#{hidden.pk}"]
    assert told[2]["account.name"] == [None, "Open Holding"]
    assert told[3]["account_id"] == ["", "Brand New"]
    by_all = changes(preview(rows, update_accounts="yes"))
    assert by_all[2]["account_id"] == ["", "Open Holding"]
    assert by_all[2]["account.name"] == ["Secret Holding", "Open Holding"]


def test_previewed_anew_the_old_rows_are_gone(preview, operations_user):
    seen = preview([row("A-1", account="Acme"), row("A-2")])
    first = seen.preview_job_id
    execute(start_preview(seen, operations_user).pk, heartbeat=False)
    seen = fresh(seen)
    assert seen.preview_job_id != first
    assert seen.previews.count() == 2
    assert seen.expected["new"] == 2


def test_a_preview_under_way_is_not_begun_twice(operations_user, no_broker):
    received = receive(content(table([row()])), "opportunities", operations_user, mode=Mode.PREVIEW)
    assert start_preview(received, operations_user).pk == received.preview_job_id
    assert Job.objects.count() == 1


def test_an_upload_is_applied_once(preview, operations_user):
    seen = preview([row()])
    start_apply(seen, operations_user)
    for start in (start_apply, start_preview):
        with pytest.raises(WrongState, match="being applied already"):
            start(seen, operations_user)
    execute(seen.job_id, heartbeat=False)
    with pytest.raises(WrongState, match="applied"):
        start_apply(seen, operations_user)
    assert Opportunity.objects.count() == 1


def test_applying_ends_a_preview_that_waits(operations_user, no_broker):
    received = receive(content(table([row()])), "opportunities", operations_user, mode=Mode.PREVIEW)
    start_apply(received, operations_user)
    assert fresh(received).preview_job.state == State.CANCELLED
    Job.objects.filter(pk=received.preview_job_id).update(state=State.QUEUED, finished_at=None)
    assert execute(received.preview_job_id, heartbeat=False) == State.FAILED
    assert fresh(received).previewed == {}


def test_a_job_that_died_begins_anew(preview, operations_user, small_chunks, monkeypatch):
    rows = [row(f"A-{number}", account=f"Account {number % 4}") for number in range(12)]
    received = receive(content(table(rows)), "opportunities", operations_user, mode=Mode.PREVIEW)
    keep, calls = applying.ByChunk._load, []

    def stopping(self, chunk):
        calls.append(1)
        if len(calls) == 3:
            raise ZeroDivisionError
        keep(self, chunk)

    monkeypatch.setattr(applying.ByChunk, "_load", stopping)
    assert execute(received.preview_job_id, heartbeat=False) == State.FAILED
    assert received.previews.count() == 8
    Job.objects.filter(pk=received.preview_job_id).update(state=State.QUEUED, finished_at=None)
    assert execute(received.preview_job_id, heartbeat=False) == State.SUCCEEDED
    seen = fresh(received)
    assert (seen.expected["new"], seen.previews.count(), seen.preview_job.counts) == (12, 12, {"new": 12})
    assert seen.previewed["records"] == {"account": {"new": 4}, "opportunity": {"new": 12}}


def test_nothing_imagined_is_kept(preview):
    preview([row("A-1", account="Acme")])
    assert not PreviewRow.objects.filter(object_id__gte=FIRST_IMAGINED_ID).exists()
    assert not Rep.objects.filter(pk__gte=FIRST_IMAGINED_ID).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'imagined%'")
        assert cursor.fetchone() == (0,)


def test_a_file_that_breaks_off_fails_the_preview_in_words(operations_user, no_broker):
    received = receive(content(table([row()])), "opportunities", operations_user, mode=Mode.PREVIEW)
    with received.file.storage.open(received.file.name, "wb") as file:
        file.write(b'Opportunity ID,Opportunity Name\nA-1,"never closed\n')
    assert execute(received.preview_job_id, heartbeat=False) == State.FAILED
    assert "never closed" in fresh(received).preview_job.error


def test_its_rows_go_with_the_file_when_it_expires(preview, operations_user, no_broker):
    seen = preview([row("A-1"), row("A-2", "")])
    waiting = receive(content(table([row("A-3")])), "opportunities", operations_user, mode=Mode.PREVIEW)
    Upload.objects.update(created_at=timezone.now() - timedelta(days=400))
    assert expiring.sweep() == 1
    seen, waiting = fresh(seen), fresh(waiting)
    assert (seen.previews.count(), bool(seen.file), seen.noticed, seen.has_error_file) == (0, False, {}, False)
    assert seen.expected == {"rows": 2, "new": 1, "updated": 0, "unchanged": 0, "failed": 1}
    assert waiting.file
    with pytest.raises(WrongState, match="no longer there"):
        start_apply(seen, operations_user)
