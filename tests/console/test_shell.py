"""What runs now, in the header of every page."""

import re
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone

from backoffice.changes.acting import Door
from backoffice.imports.starting import receive
from backoffice.jobs.models import Job, State

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def a_job(user, label, **fields):
    now = timezone.now()
    values = {"state": State.RUNNING, "lease_until": now + timedelta(minutes=1), "started_at": now, "claimed_at": now}
    return Job.objects.create(
        kind="imports.apply", queue="imports", door=Door.UPLOAD, asked_by=user, subject_label=label, **values | fields
    )


def corner(client, user):
    client.force_login(user)
    return client.get(reverse("admin:jobs_job_running")).content.decode()


def test_nothing_is_shown_while_nothing_runs(client, manager_user):
    now = timezone.now()
    a_job(manager_user, "old.csv", state=State.SUCCEEDED, lease_until=None, finished_at=now)
    assert corner(client, manager_user).strip() == ""


def test_one_job_is_named_with_its_progress_and_linked(client, manager_user):
    job = a_job(manager_user, "pipeline.csv", done=1, total=4)
    shown = corner(client, manager_user)
    assert "pipeline.csv" in shown
    assert "25 %" in shown
    assert reverse("admin:jobs_job_change", args=[job.pk]) in shown


def test_several_jobs_are_counted_and_lead_to_the_list(client, manager_user):
    for number in range(3):
        a_job(manager_user, f"part-{number}.csv")
    shown = corner(client, manager_user)
    assert "3 jobs" in shown
    assert reverse("admin:jobs_job_changelist") + "?state=open" in shown


def test_nobody_is_told_of_a_foreign_job(client, manager_user, outsider_user, operations_user):
    a_job(manager_user, "marta.csv")
    assert "marta.csv" not in corner(client, outsider_user)
    assert "marta.csv" in corner(client, operations_user)


@pytest.mark.parametrize("name", ["admin:index", "admin:crm_opportunity_changelist", "admin:imports_upload_add"])
def test_every_page_asks_for_it(client, manager_user, name):
    client.force_login(manager_user)
    assert f'hx-get="{reverse("admin:jobs_job_running")}"' in client.get(reverse(name)).content.decode()


def test_a_page_costs_no_query_more_for_it(client, admin_user, django_assert_num_queries):
    client.force_login(admin_user)
    address = reverse("admin:jobs_job_running")
    client.get(address)
    with django_assert_num_queries(3):  # session, login, open jobs
        client.get(address)


def trail(page):
    """The titles above a page, as they are read."""
    above = re.search(r"<h1[^>]*>(.*?)</h1>", page.content.decode(), re.DOTALL)[1]
    return [
        text
        for text in map(str.strip, re.sub(r"<span class=.material.*?</span>|<[^>]+>", "\n", above).split("\n"))
        if text
    ]


def test_an_app_named_like_its_list_is_named_once_and_a_files_name_stands_as_it_is(client, operations_user):
    client.force_login(operations_user)
    upload = receive(
        ContentFile(b"Opportunity ID,Opportunity Name\nA,B\n", "pipeline.csv"), "opportunities", operations_user
    )
    page = client.get(reverse("admin:imports_upload_change", args=[upload.pk]))
    assert trail(page) == ["Uploads", "pipeline.csv"]
    assert trail(client.get(reverse("admin:crm_opportunity_changelist"))) == ["CRM", "Opportunities"]


def test_pages_have_an_icon(client):
    page = client.get(reverse("admin:login")).content.decode()
    assert 'rel="icon"' in page
    assert 'href="/static/console/icon.svg"' in page
