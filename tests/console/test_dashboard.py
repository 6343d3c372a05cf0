"""What the console opens on, by role."""

from datetime import date

import pytest
from django.urls import reverse

from backoffice.access.keys import issue
from backoffice.changes.acting import Door, acting
from backoffice.console import dashboard
from backoffice.crm.models import Choice, Opportunity, Rep
from backoffice.jobs.models import Job
from backoffice.quotas.models import Quota

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def opened(client, user):
    client.force_login(user)
    return client.get(reverse("admin:index"))


def an_opportunity(owner=None, **fields):
    with acting(None, Door.COMMAND, label="test"):
        return Opportunity.objects.create(**{"name": "Deal", "owner": owner} | fields)


def a_stage(label, status):
    with acting(None, Door.COMMAND, label="test"):
        return Choice.objects.create(list="stage", label=label, status=status)


def titles(user, *, done):
    return [str(step.title) for step in dashboard.next_steps(user) if step.is_done is done]


def test_an_empty_company_is_greeted_with_what_to_do(client, admin_user):
    shown = opened(client, admin_user).content.decode()
    assert "Nothing has run yet" in shown
    assert "No file has been uploaded yet" in shown
    assert "0 of 6 done" in shown
    assert 'id="upload-form"' in shown


def test_a_rep_is_offered_no_upload_and_the_own_figures(client, rep_user, manager_user, outsider_user):
    an_opportunity(rep_user.rep, amount=100, currency="USD")
    an_opportunity(outsider_user.rep, amount=900, currency="USD")
    answer = opened(client, rep_user)
    shown = answer.content.decode()
    assert 'id="upload-form"' not in shown
    assert "Last uploads" not in shown
    figures = {figure.label: figure.number for figure in answer.context_data["figures"]}
    assert figures["Opportunities"] == "1"
    assert answer.context_data["pipeline"] == ["$100"]


@pytest.mark.parametrize(("who", "number"), [("rep_user", "1"), ("manager_user", "2"), ("operations_user", "3")])
def test_figures_count_what_the_login_sees(client, request, rep_user, manager_user, outsider_user, who, number):
    for user in (rep_user, manager_user, outsider_user):
        an_opportunity(user.rep)
    answer = opened(client, request.getfixturevalue(who))
    assert answer.context_data["figures"][0] == ("Opportunities", number, reverse("admin:crm_opportunity_changelist"))


def test_a_login_that_is_tied_to_no_rep_is_told_why_it_sees_nothing(client, manager_user):
    assert "not tied to a rep" not in opened(client, manager_user).content.decode()
    with acting(None, Door.COMMAND, label="test"):
        Rep.objects.filter(user=manager_user).update(user=None)
    assert "not tied to a rep" in opened(client, manager_user).content.decode()


def test_the_pipeline_has_what_is_neither_won_nor_lost_by_currency(operations_user):
    for label, status, amount in (("A", "open", 10), ("B", "pending", 5), ("C", "won", 100), ("D", "lost", 100)):
        an_opportunity(stage=a_stage(label, status), amount=amount, currency="USD")
    an_opportunity(amount=7, currency="MXN")
    an_opportunity(amount=None)
    assert dashboard.open_pipeline(operations_user) == [("USD", 15), ("MXN", 7)]


def test_a_long_table_is_counted_from_its_statistics(operations_user, manager_user, monkeypatch):
    monkeypatch.setattr(dashboard, "estimated_count", lambda model: 1_234_567)
    assert dashboard.count_in_words(operations_user, Opportunity) == "about 1,230,000"
    assert dashboard.count_in_words(manager_user, Opportunity) == "0"


def test_a_count_ends_where_it_says_enough(manager_user, monkeypatch):
    monkeypatch.setattr(dashboard, "COUNTED_EXACTLY", 2)
    for _ in range(3):
        an_opportunity(manager_user.rep)
    assert dashboard.count_in_words(manager_user, Opportunity) == "2+"


def test_steps_are_ticked_as_they_are_done(admin_user, rep_user, manager_user):
    with acting(None, Door.COMMAND, label="test"):
        Quota.objects.create(rep=rep_user.rep, month=date(2026, 11, 1), amount=1, currency="USD")
    an_opportunity()
    a_stage("Won", "won")
    assert titles(admin_user, done=True) == ["Look at the opportunities", "Tie logins to reps", "Set quotas"]
    a_stage("Lost", "lost")
    issue(admin_user, "script")
    assert titles(admin_user, done=False) == ["Upload your opportunities"]


def test_steps_go_by_role(admin_user, operations_user, manager_user, rep_user):
    counts = {user.role: len(list(dashboard.next_steps(user))) for user in (admin_user, operations_user, rep_user)}
    assert counts == {"admin": 6, "operations": 5, "rep": 2}
    assert all(step.link for user in (admin_user, rep_user) for step in dashboard.next_steps(user))


def test_jobs_at_work_stand_before_those_that_ended(client, manager_user, outsider_user):
    def job(user, state, label, **fields):
        return Job.objects.create(
            kind="imports.apply",
            queue="imports",
            door="upload",
            asked_by=user,
            subject_label=label,
            state=state,
            **fields,
        )

    job(manager_user, "queued", "waits.csv")
    job(manager_user, "succeeded", "done.csv", finished_at="2026-11-22T12:00Z")
    job(outsider_user, "queued", "otto.csv")
    client.force_login(manager_user)
    shown = client.get(reverse("admin:jobs_job_latest")).content.decode()
    assert shown.index("waits.csv") < shown.index("done.csv")
    assert "otto.csv" not in shown


def test_it_costs_the_same_queries_however_much_there_is(client, operations_user, django_assert_max_num_queries):
    for number in range(30):
        an_opportunity(amount=number, currency="USD")
        Job.objects.create(kind="imports.apply", queue="imports", door="upload")
    client.force_login(operations_user)
    with django_assert_max_num_queries(26):
        client.get(reverse("admin:index"))
    with django_assert_max_num_queries(6):
        client.get(reverse("admin:jobs_job_latest"))
