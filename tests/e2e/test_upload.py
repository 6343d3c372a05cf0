"""A manager uploads a file in a real browser; a real worker applies it; she sees how it goes and what became of it."""

import csv
import random
import re
import time
from collections import defaultdict
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.urls import reverse
from playwright.sync_api import expect

from backoffice.crm.models import Account, Opportunity, Rep
from backoffice.imports.models import Upload
from backoffice.jobs.models import Job, State
from tests.e2e.conftest import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.worker, pytest.mark.django_db(transaction=True)]

HEADER = [
    "Opportunity ID",
    "Opportunity Name",
    "Amount",
    "Close Date",
    "Stage",
    "Opportunity Owner",
    "Opportunity Owner Email",
    "Account ID",
    "Account Name",
    "Account URL/Website",
    "Opportunity Type",
    "Next Step",
]
ROWS, ACCOUNTS, REPS = 7_000, 40, 12
WRONG = {
    100: {"Amount": "lots"},
    3_000: {"Amount": "heaps"},
    4_000: {"Close Date": "2026-02-30"},
    6_999: {"Opportunity Name": ""},
}


def written(path):
    """The file, and what is in it as counted here and nowhere else."""
    chance = random.Random(20261122)
    sums, rows = defaultdict(Decimal), []
    for number in range(1, ROWS + 1):
        cents = chance.randrange(100, 9_000_000)
        rep, account = chance.randrange(REPS), chance.randrange(ACCOUNTS)
        row = {
            "Opportunity ID": f"E2E-{number:05}",
            "Opportunity Name": f"Deal, {number} “ñ”",
            "Amount": f"{cents // 100}.{cents % 100:02}",
            "Close Date": f"2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
            "Stage": chance.choice(["Prospecting", "Engaging", "Won", "Lost"]),
            "Opportunity Owner": f"Rep Number{rep}",
            "Opportunity Owner Email": f"rep{rep}@example.com",
            "Account ID": f"ACC-{account:03}",
            "Account Name": f"Account {account}",
            "Account URL/Website": f"https://account-{account}.example/",
            "Opportunity Type": "New Business",
            "Next Step": "",
        }
        if number in WRONG:
            row |= WRONG[number]
        else:
            sums[row["Opportunity Owner Email"]] += Decimal(cents) / 100
        rows.append(row)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    return path, dict(sums)


WATCH = """() => {
    const seen = window.seen = [];
    const look = () => {
        const bar = document.querySelector("#live progress");
        if (bar && bar.hasAttribute("value")) seen.push(bar.value);
    };
    look();
    document.addEventListener("htmx:afterSettle", look);
}"""


def tile(page, word):
    return page.locator(f"#live [data-count={word}] dd")


def test_a_manager_uploads_a_file_and_sees_what_became_of_it(open_as, worker, manager_user, tmp_path):
    path, sums = written(tmp_path / "pipeline.csv")
    worker.stop()  # until the page shows that the job waits
    page = open_as(manager_user)
    expect(page.get_by_text("Nothing has run yet")).to_be_visible()
    page.locator("#id_file").set_input_files(path)
    expect(page.locator("[data-file-name]")).to_contain_text("pipeline.csv")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_url(re.compile(r"/admin/imports/upload/\d+/change/"))
    expect(page.locator("#sentence")).to_have_text("Waiting for a free worker.")
    expect(page.locator("#running")).to_contain_text("pipeline.csv")

    page.evaluate(WATCH)
    worker.start()
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible()
    page.wait_for_function("window.seen.at(-1) === 100")  # the watcher hears of the last swap a moment after it
    seen = page.evaluate("window.seen")
    assert seen[0] == 0
    assert seen == sorted(seen)
    expect(page.locator("#sentence")).to_have_text("4 of 7,000 rows failed. The others are applied.")
    expect(page.locator("#live-status")).to_contain_text("Incomplete")
    for word, number in (("new", "6,996"), ("updated", "0"), ("unchanged", "0"), ("failed", "4")):
        expect(tile(page, word)).to_have_text(number)
    expect(page.locator("#besides")).to_contain_text(f"{ACCOUNTS} accounts")
    expect(page.locator("#besides")).to_contain_text(f"{REPS} reps")
    expect(page.locator("#running a")).to_have_count(0)

    page.locator("#reason-not_an_amount-amount summary").click()
    expect(page.locator("#reason-not_an_amount-amount tbody tr")).to_have_count(2)
    expect(page.locator("#reason-not_an_amount-amount")).to_contain_text("Amount “lots” is not an amount.")
    with page.expect_download() as download:
        page.locator("#error-file").click()
    with download.value.path().open(newline="", encoding="utf-8-sig") as file:
        failed = list(csv.DictReader(file))
    assert [(row["Opportunity ID"], row["line"]) for row in failed] == [
        (f"E2E-{number:05}", str(number + 1)) for number in sorted(WRONG)
    ]
    assert all(row["error"] for row in failed)

    upload = Upload.objects.get()
    assert (upload.asked_by, upload.state) == (manager_user, State.INCOMPLETE)
    by_rep = Opportunity.objects.values_list("owner__email").annotate(Sum("amount"))
    assert dict(by_rep) == sums
    assert (Account.objects.count(), Rep.objects.exclude(user=manager_user).count()) == (ACCOUNTS, REPS)

    page.get_by_role("link", name="Upload another file").click()
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible()
    expect(tile(page, "unchanged")).to_have_text("6,996")
    expect(tile(page, "failed")).to_have_text("4")


UPLOAD_A_FILE = "admin:imports_upload_add"


def test_a_file_that_is_refused_stays_chosen_and_the_reason_stands_beside_it(open_as, manager_user, tmp_path):
    path = tmp_path / "offer.csv"
    path.write_bytes(b"%PDF-1.7 not a table")
    page = open_as(manager_user, UPLOAD_A_FILE)
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#id_file-errors")).to_contain_text("The file is a PDF.")
    expect(page.locator("[data-file-name]")).to_contain_text("offer.csv")
    expect(page.locator("#id_file")).to_be_focused()
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_enabled()
    assert not Upload.objects.exists()


def test_too_large_a_file_is_told_before_it_is_sent(open_as, manager_user, tmp_path, settings):
    settings.UPLOAD_LIMIT_BYTES = 1 << 20
    path = tmp_path / "all.csv"
    path.write_bytes(b"x" * (2 << 20))
    page = open_as(manager_user, UPLOAD_A_FILE)
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.locator("#id_file").set_input_files(path)
    expect(page.locator("#id_file-errors")).to_contain_text("larger than 1 MB")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#id_file-errors")).to_contain_text("larger than 1 MB")
    assert sent == []


def test_a_file_may_be_dropped(open_as, manager_user):
    page = open_as(manager_user, UPLOAD_A_FILE)
    dropped = page.evaluate_handle(
        "() => { const data = new DataTransfer(); data.items.add(new File(['a,b'], 'dropped.csv')); return data; }"
    )
    page.locator("[data-drop]").dispatch_event("drop", {"dataTransfer": dropped})
    expect(page.locator("[data-file-name]")).to_contain_text("dropped.csv")


def test_a_waiting_upload_is_cancelled_by_keyboard(open_as, worker, manager_user, tmp_path):
    worker.stop()
    path, _sums = written(tmp_path / "pipeline.csv")
    page = open_as(manager_user, UPLOAD_A_FILE)
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Upload", exact=True).press("Enter")
    page.wait_for_url(re.compile(r"/change/"))
    page.get_by_role("link", name="Cancel the job").press("Enter")
    expect(page.get_by_role("heading", name="Cancel this job?")).to_be_visible()
    page.get_by_role("button", name="Cancel the job").press("Enter")
    page.wait_for_url(re.compile(r"/admin/imports/upload/\d+/change/"))
    expect(page.locator("#live")).to_contain_text("Cancelled")
    assert Upload.objects.get().state == State.CANCELLED
    assert not Opportunity.objects.exists()


PAGES = [
    "admin:index",
    UPLOAD_A_FILE,
    "admin:imports_upload_changelist",
    "admin:jobs_job_changelist",
    "upload",
    "job",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(open_as, worker, manager_user, tmp_path, live_server, scheme):
    path, _sums = written(tmp_path / "a-file-with-quite-a-long-name-as-people-give-them_2026-11-22_final_v2.csv")
    page = open_as(manager_user, UPLOAD_A_FILE)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible()
    upload = Upload.objects.get()
    own = {
        "upload": reverse("admin:imports_upload_change", args=[upload.pk]),
        "job": reverse("admin:jobs_job_change", args=[upload.job_id]),
    }
    for name in PAGES:
        page.goto(live_server.url + (own.get(name) or reverse(name)))
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name


def test_it_works_without_scripts(browser, live_server, worker, manager_user, password, tmp_path):
    path, _sums = written(tmp_path / "pipeline.csv")
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(live_server.url + reverse("admin:login"))
    page.locator("[name=username]").fill(manager_user.username)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")
    page.goto(live_server.url + reverse(UPLOAD_A_FILE))
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Upload", exact=True).click()
    upload = Upload.objects.select_related("job").get()
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while Job.objects.get(pk=upload.job_id).is_open and time.monotonic() < deadline:
        page.reload()
    page.reload()
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible()
    expect(tile(page, "new")).to_have_text("6,996")
    context.close()
