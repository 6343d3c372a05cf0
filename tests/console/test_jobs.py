"""The pages about jobs: what they say in each state, who may look, cancel and retry."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from backoffice.changes.acting import Door
from backoffice.console.live import Live, in_words, per_time
from backoffice.jobs.models import Job, JobLog, Level, State

pytestmark = [pytest.mark.django_db, pytest.mark.db]

NOW = timezone.now()
RUNNING = {"state": State.RUNNING, "lease_until": NOW + timedelta(hours=1), "started_at": NOW, "claimed_at": NOW}


def ended(state, **more):
    return {"state": state, "started_at": NOW - timedelta(seconds=4), "finished_at": NOW} | more


def a_job(user=None, **fields):
    values = {"kind": "imports.apply", "queue": "imports", "door": Door.UPLOAD, "asked_by": user}
    return Job.objects.create(**values | fields)


# What the job is; the badge, its tone, the sentence, the bar, the buttons.
STATES = [
    ({}, "Queued", "default", "Waiting for a free worker.", 0, "cancel"),
    ({"cancel_requested_at": NOW}, "Stopping", "default", "It stops at the next step.", 0, None),
    (RUNNING, "Running", "info", "Starting…", None, "cancel"),
    (RUNNING | {"done": 40}, "Running", "info", "40", None, "cancel"),
    (RUNNING | {"done": 4200, "total": 8800}, "Running", "info", "4,200 of 8,800", 47, "cancel"),
    (RUNNING | {"done": 1, "total": 2, "cancel_requested_at": NOW}, "Stopping", "info", "It stops", 50, None),
    (RUNNING | {"lease_until": NOW - timedelta(minutes=1)}, "Running", "info", "Its worker was lost.", None, "cancel"),
    (ended(State.SUCCEEDED, counts={"new": 2}), "Succeeded", "success", "Done.", 100, None),
    (ended(State.INCOMPLETE, counts={"new": 1, "failed": 1}), "Incomplete", "warning", "1 of 2", 100, None),
    (ended(State.FAILED, error="The file is gone.", total=2), "Failed", "danger", "The file is gone.", 0, "retry"),
    (ended(State.CANCELLED, total=4, done=1, counts={"new": 1}), "Cancelled", "default", "1 of 4", 25, "retry"),
]
NAMES = [f"{case[1]}-{number}" for number, case in enumerate(STATES)]


@pytest.mark.parametrize(("fields", "badge", "tone", "sentence", "bar", "button"), STATES, ids=NAMES)
def test_the_page_says_where_the_job_stands(client, operations_user, fields, badge, tone, sentence, bar, button):
    job = a_job(**fields)
    live = Live(job)
    assert (live.state, live.tone, live.bar) == (badge, tone, bar)
    client.force_login(operations_user)
    page = client.get(reverse("admin:jobs_job_change", args=[job.pk])).content.decode()
    assert sentence in page
    assert f'data-tone="{tone}">{badge}</span>' in page
    assert ('id="cancel-job"' in page, 'id="retry-job"' in page) == (button == "cancel", button == "retry")
    assert ('hx-trigger="every 1s, seen"' in page) is job.is_open


@pytest.mark.parametrize(("fields", "badge", "tone", "sentence", "bar", "button"), STATES, ids=NAMES)
def test_polling_ends_with_the_job(client, operations_user, fields, badge, tone, sentence, bar, button):
    job = a_job(**fields)
    client.force_login(operations_user)
    answer = client.get(reverse("admin:jobs_job_live", args=[job.pk]))
    assert answer.status_code == (200 if job.is_open else 286)
    assert sentence in answer.content.decode()


def test_a_poll_brings_only_the_lines_after_the_last_one_shown(client, admin_user):
    job = a_job(**RUNNING)
    lines = [JobLog.objects.create(job=job, at=NOW, level=Level.INFO, text=f"step {step}") for step in range(3)]
    client.force_login(admin_user)
    page = client.get(reverse("admin:jobs_job_change", args=[job.pk])).content.decode()
    assert all(f"step {step}" in page for step in range(3))
    answer = client.get(reverse("admin:jobs_job_live", args=[job.pk]), {"after": lines[1].pk}).content.decode()
    assert "step 2" in answer
    assert "step 1" not in answer
    assert f'name="after" id="live-after" value="{lines[2].pk}"' in answer


@pytest.mark.parametrize("after", ["", "x", "-1", "9" * 40, "١"])
def test_a_poll_with_a_nonsense_place_in_the_log_is_answered(client, admin_user, after):
    job = a_job()
    client.force_login(admin_user)
    assert client.get(reverse("admin:jobs_job_live", args=[job.pk]), {"after": after}).status_code == 200


def test_only_those_who_see_everything_see_the_trace_and_the_parameters(client, operations_user, manager_user):
    job = a_job(manager_user, **ended(State.FAILED), parameters={"upload": 4711})
    JobLog.objects.create(job=job, at=NOW, level=Level.ERROR, text="Unexpected", fields={"trace": "secret line 7"})
    page = reverse("admin:jobs_job_change", args=[job.pk])
    client.force_login(operations_user)
    seen = client.get(page).content.decode()
    assert "secret line 7" in seen
    assert "4711" in seen
    client.force_login(manager_user)
    seen = client.get(page).content.decode()
    assert "Unexpected" in seen
    assert "secret line 7" not in seen
    assert "4711" not in seen


PAGES = ["change", "live", "cancel", "retry"]


@pytest.mark.parametrize("verb", PAGES)
def test_a_foreign_job_does_not_exist(client, manager_user, outsider_user, rep_user, verb):
    address = reverse(f"admin:jobs_job_{verb}", args=[a_job(manager_user).pk])
    for user in (outsider_user, rep_user):
        client.force_login(user)
        assert client.get(address).status_code == 404
        assert client.post(address).status_code in {404, 405}


@pytest.mark.parametrize("verb", PAGES)
def test_nobody_gets_at_a_job_without_a_login(client, verb):
    answer = client.get(reverse(f"admin:jobs_job_{verb}", args=[a_job().pk]))
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


def test_a_list_has_the_jobs_its_reader_may_see(client, manager_user, outsider_user, operations_user):
    a_job(manager_user, subject_label="marta.csv")
    a_job(outsider_user, subject_label="otto.csv")
    seen = {}
    for user in (manager_user, outsider_user, operations_user):
        client.force_login(user)
        page = client.get(reverse("admin:jobs_job_changelist")).content.decode()
        seen[user] = ("marta.csv" in page, "otto.csv" in page)
    assert seen == {manager_user: (True, False), outsider_user: (False, True), operations_user: (True, True)}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=open", {"waits", "runs"}),
        ("state=queued", {"waits"}),
        ("state=failed", {"broke"}),
        ("kind=imports.apply", {"waits", "runs", "broke"}),
        ("kind=tests.nothing", set()),
        ("asked_by=me", {"broke"}),
        ("asked_by=scheduler", {"waits", "runs"}),
    ],
)
def test_the_list_is_narrowed_by_state_kind_and_asker(client, operations_user, query, expected):
    a_job(subject_label="waits")
    a_job(subject_label="runs", **RUNNING)
    a_job(operations_user, subject_label="broke", **ended(State.FAILED))
    client.force_login(operations_user)
    rows = client.get(f"{reverse('admin:jobs_job_changelist')}?{query}").context_data["cl"].result_list
    assert {job.subject_label for job in rows} == expected


def test_a_list_costs_the_same_queries_whatever_its_length(client, operations_user, django_assert_max_num_queries):
    client.force_login(operations_user)
    address = reverse("admin:jobs_job_changelist")
    client.get(address)
    for _ in range(40):
        a_job(operations_user, **ended(State.SUCCEEDED))
    with django_assert_max_num_queries(8) as ten:
        client.get(address)
    assert len(ten) <= 8


def test_cancel_asks_first_and_then_does_it(client, manager_user):
    job = a_job(manager_user, **RUNNING)
    address = reverse("admin:jobs_job_cancel", args=[job.pk])
    client.force_login(manager_user)
    assert "Cancel this job?" in client.get(address).content.decode()
    job.refresh_from_db()
    assert job.cancel_requested_at is None
    answer = client.post(address)
    assert answer.url == reverse("admin:jobs_job_change", args=[job.pk])
    job.refresh_from_db()
    assert job.cancel_requested_at is not None


def test_retry_asks_first_and_then_does_it(client, manager_user):
    job = a_job(manager_user, **ended(State.FAILED, error="Gone."))
    address = reverse("admin:jobs_job_retry", args=[job.pk])
    client.force_login(manager_user)
    assert "Try this job again?" in client.get(address).content.decode()
    client.post(address)
    job.refresh_from_db()
    assert (job.state, job.error) == (State.QUEUED, "")


@pytest.mark.parametrize(("verb", "words"), [("cancel", "has ended already"), ("retry", "Only failed and cancelled")])
def test_a_verb_that_comes_too_late_is_answered_in_words(client, manager_user, verb, words):
    job = a_job(manager_user, **ended(State.SUCCEEDED))
    client.force_login(manager_user)
    answer = client.post(reverse(f"admin:jobs_job_{verb}", args=[job.pk]), follow=True)
    assert words in answer.content.decode()


@pytest.mark.parametrize("to", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"])
def test_a_verb_leads_back_within_the_console_only(client, manager_user, to):
    job = a_job(manager_user)
    client.force_login(manager_user)
    answer = client.post(reverse("admin:jobs_job_cancel", args=[job.pk]), {"next": to})
    assert answer.url == reverse("admin:jobs_job_change", args=[job.pk])


def test_a_job_is_not_edited_added_or_deleted_by_hand(client, admin_user):
    job = a_job()
    client.force_login(admin_user)
    assert client.get(reverse("admin:jobs_job_add")).status_code == 403
    assert client.post(reverse("admin:jobs_job_delete", args=[job.pk]), {"post": "yes"}).status_code == 403
    client.post(reverse("admin:jobs_job_change", args=[job.pk]), {"state": "succeeded"})
    job.refresh_from_db()
    assert job.state == State.QUEUED


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "less than a second"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (3 * 86400, "3 days"),
    ],
)
def test_a_stretch_of_time_reads_as_people_say_it(seconds, words):
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [(None, ""), (1950.4, "1,950 per second"), (0.5, "30 per minute"), (0.001, "4 per hour")],
)
def test_a_rate_reads_in_whole_numbers(rate, words):
    assert per_time(rate) == words


def test_figures_stand_in_one_order_and_an_unknown_word_is_shown_as_it_is():
    live = Live(Job(kind="x", counts={"failed": 1, "odd_word": 2, "new": 3}))
    assert [(count.label, count.number) for count in live.counts] == [("new", 3), ("failed", 1), ("odd word", 2)]
