"""The sample files: in the documented columns, one new, one with changes, one with mistakes."""

import csv
from datetime import date

import pytest
from django.core.files import File

from backoffice.crm.models import Account, Opportunity, Rep
from backoffice.imports.models import Upload
from backoffice.imports.starting import receive
from backoffice.jobs.running import execute
from backoffice.local.demo.loading import load
from backoffice.local.demo.samples import HEADER, sample_files

pytestmark = [pytest.mark.db, pytest.mark.django_db]


@pytest.fixture
def files(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    load(1_000, date(2026, 11, 22))
    return sample_files(tmp_path / "samples")


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert tuple(reader.fieldnames) == HEADER
    return rows


def test_there_are_three_files_in_the_documented_columns(files):
    assert [path.name for path in files] == [
        "opportunities-new.csv",
        "opportunities-changes.csv",
        "opportunities-with-mistakes.csv",
    ]
    assert (HEADER[0], len(HEADER)) == ("Opportunity ID", 12)
    assert all(rows_of(path) for path in files)


def test_the_new_ones_are_unknown_and_bring_new_customers_and_a_new_rep(files):
    rows = rows_of(files[0])
    numbers = {row["Opportunity ID"] for row in rows}
    assert len(numbers) == len(rows) == 120
    assert not Opportunity.objects.filter(external_id__in=numbers).exists()
    unknown = {row["Account Name"] for row in rows} - set(Account.objects.values_list("name", flat=True))
    assert "Fonda Doña Eñe" in unknown
    emails = {row["Opportunity Owner Email"] for row in rows}
    assert emails - set(Rep.objects.values_list("email", flat=True)) <= {"nayeli.coyoacan@caldera.example"}


def test_the_changes_change_every_third_row_and_leave_the_others_as_they_are(files):
    rows = rows_of(files[1])
    known = Opportunity.objects.select_related("stage", "account", "owner", "type")
    changed = []
    for row in rows:
        there = known.get(external_id=row["Opportunity ID"])
        as_it_is = (f"{there.amount:.2f}", str(there.close_date), there.name, there.account.name, there.owner.email)
        named = (
            *(row["Amount"], row["Close Date"], row["Opportunity Name"], row["Account Name"]),
            row["Opportunity Owner Email"],
        )
        assert there.currency == "USD"
        assert named[2:] == as_it_is[2:]
        changed.append(named[:2] != as_it_is[:2])
    assert changed == [index % 3 == 0 for index in range(len(rows))]


def test_a_file_that_is_there_is_left_alone(files):
    files[0].write_text("mine")
    assert sample_files(files[0].parent) == files
    assert files[0].read_text() == "mine"


def test_without_the_demo_there_are_none(tmp_path):
    assert sample_files(tmp_path / "samples") == []
    assert not (tmp_path / "samples").exists()


def test_uploading_them_ends_as_their_names_say(files, operations_user, monkeypatch):
    monkeypatch.setattr("backoffice.jobs.dispatching.send_task", lambda *_args, **_more: True)

    def counts(path):
        with path.open("rb") as file:
            upload = receive(File(file, name=path.name), "opportunities", operations_user)
        execute(upload.job_id, heartbeat=False)
        upload.refresh_from_db()
        return upload.counts

    new, changes, mistakes = map(counts, files)
    assert new == {"new": 120}
    known = sum(changes.values())
    assert changes == {"updated": -(-known // 3), "unchanged": known - -(-known // 3)}
    assert mistakes == {"new": 3, "failed": 7}
    wrong = Upload.objects.get(name=files[2].name).results.filter(outcome="failed").order_by("line")
    assert [sorted(fault["column"] for fault in row.errors) for row in wrong] == [
        *(["Amount"], ["Close Date"], ["Opportunity Name"], ["Opportunity ID"], ["Opportunity Owner Email"]),
        *(["Account Name"], ["Amount", "Close Date"]),
    ]
