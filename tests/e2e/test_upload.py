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
from backoffice.quotas.models import Quota
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
WIDE_HEADER = [*HEADER, *(f"{number} {'long ' * 40}" for number in range(250))]
UPLOAD_A_FILE = "admin:imports_upload_add"
PHONE = {"width": 390, "height": 844}
WRONG = {
    100: {"Amount": "lots"},
    3_000: {"Amount": "heaps"},
    4_000: {"Close Date": "2026-02-30"},
    6_999: {"Opportunity Name": ""},
}


def written(path, rows=ROWS, header=HEADER):
    """The file, and what is in it as counted here and nowhere else."""
    chance = random.Random(20261122)
    sums, lines = defaultdict(Decimal), []
    for number in range(1, rows + 1):
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
        lines.append(row)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header, restval="of no use")
        writer.writeheader()
        writer.writerows(lines)
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


def test_a_manager_checks_a_file_applies_it_and_takes_it_back(open_as, worker, manager_user, tmp_path):
    path, sums = written(tmp_path / "pipeline.csv")
    worker.stop()  # until the page shows that the job waits
    page = open_as(manager_user)
    expect(page.get_by_text("Nothing has run yet")).to_be_visible()
    page.locator("#id_file").set_input_files(path)
    expect(page.locator("[data-file-name]")).to_contain_text("pipeline.csv")
    page.locator("#upload-form select[name=kind]").select_option("opportunities")
    page.get_by_role("button", name="Upload", exact=True).click()

    # The columns
    page.wait_for_url(re.compile(r"/admin/imports/upload/\d+/columns/"))
    expect(page.locator("[data-row]").first).to_contain_text("E2E-00001")
    expect(page.locator("[data-missing-notice]")).to_be_hidden()
    page.locator("#id_column-0").select_option("")
    expect(page.locator("[data-missing-notice]")).to_contain_text("Opportunity ID")
    page.locator("#id_column-0").select_option("name")
    expect(page.get_by_text("Chosen for more than one column.").first).to_be_visible()
    page.locator("#id_column-0").select_option("opportunity_id")
    expect(page.locator("[data-missing-notice]")).to_be_hidden()
    page.get_by_role("button", name="Check the rows").click()

    # The preview
    page.wait_for_url(re.compile(r"/admin/imports/upload/\d+/change/"))
    expect(page.locator("#sentence")).to_have_text("Waiting for a free worker.")
    expect(page.locator("#running")).to_contain_text("pipeline.csv")
    worker.start()
    expect(page.get_by_role("heading", name="What would become of the rows")).to_be_visible()
    expect(page.locator("#sentence")).to_have_text("6,996 new, 0 updated, 0 unchanged, 4 failed.")
    expect(page.locator("#bar-said")).to_have_text("6,996 rows will be written. 4 fail and are left out.")
    expect(page.locator("#creates")).to_contain_text(f"{ACCOUNTS} accounts")
    page.locator("#tab-failed").click()
    expect(page.locator("#rows tbody tr")).to_have_count(4)
    page.locator("#tab-new").press("Enter")
    expect(page.locator("#rows tbody tr")).to_have_count(50)
    page.locator("#later").click()
    expect(page.locator("#rows tbody tr").first).to_contain_text("Deal, 51")
    assert page.evaluate("localStorage.getItem('htmx-history-cache')") is None  # no rows are left in the browser
    assert not Opportunity.objects.exists()
    worker.stop()
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator("#sentence")).to_have_text("Waiting for a free worker.")

    # The outcome
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
    assert_applied(manager_user, sums)

    # Undone, and that taken back
    outcome = page.url
    page.get_by_role("button", name="Undo this upload").click()
    expect(page.get_by_role("button", name="Undo now")).to_be_visible()
    expect(page.locator("#sentence")).to_contain_text("records would go back.")
    assert Opportunity.objects.count() == 6_996
    page.get_by_role("button", name="Undo now").click()
    expect(page.locator("#sentence")).to_contain_text("records went back.")
    assert not Opportunity.objects.exists()
    assert not Account.objects.exists()
    page.goto(outcome)
    expect(page.locator("#undo")).to_contain_text("Undone")
    page.get_by_role("button", name="Take the undo back").click()
    expect(page.locator("#sentence")).to_contain_text("records would go back.")
    page.get_by_role("button", name="Take the undo back").click()
    expect(page.locator("#sentence")).to_contain_text("records went back.")
    assert_applied(manager_user, sums)

    # The same file once more, without a look at it
    page.get_by_role("link", name="To the upload").click()
    page.get_by_role("link", name="Upload another file").click()
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Apply at once").click()
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible()
    expect(tile(page, "unchanged")).to_have_text("6,996")
    expect(tile(page, "failed")).to_have_text("4")


def assert_applied(user, sums):
    upload = Upload.objects.order_by("id").first()
    assert (upload.asked_by, upload.state) == (user, State.INCOMPLETE)
    by_rep = Opportunity.objects.values_list("owner__email").annotate(Sum("amount"))
    assert dict(by_rep) == sums
    assert (Account.objects.count(), Rep.objects.exclude(user=user).count()) == (ACCOUNTS, REPS)


def test_quotas_with_a_column_for_each_month_are_checked_and_applied(open_as, worker, manager_user, tmp_path):
    path = tmp_path / "quotas.csv"
    months = [f"{month} 2026" for month in ("Jan", "Feb", "Mar")]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = [["seller", *months], [manager_user.email, "1.000,50", "2.000", ""]]
        csv.writer(file).writerows([*rows, ["nobody.here@example.com", "5", "6", "7"]])
    page = open_as(manager_user, UPLOAD_A_FILE)
    page.get_by_role("radio", name="Quotas").check()
    expect(page.locator("#about-quotas")).to_be_visible()
    expect(page.locator("#about-opportunities")).to_be_hidden()
    expect(page.get_by_label("Add reps that are not there yet")).to_be_visible()
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Check first").click()
    page.wait_for_url(re.compile(r"/columns/"))

    expect(page.locator("[data-missing-notice]")).to_contain_text("Email Address of Salesrep")
    expect(page.locator("[data-missing=month]")).to_be_hidden()
    page.locator("#id_column-0").select_option("email")
    page.get_by_role("button", name="Check the rows").click()
    expect(page.get_by_role("heading", name="What would become of the rows")).to_be_visible()
    expect(page.locator("#sentence")).to_have_text("1 new, 0 updated, 0 unchanged, 1 failed.")
    expect(page.locator("#failed")).to_contain_text("nobody.here@example.com")

    page.get_by_role("link", name="Back to columns").click()
    page.get_by_label("Add reps that are not there yet").check()
    page.get_by_role("button", name="Check the rows").click()
    expect(page.locator("#sentence")).to_have_text("2 new, 0 updated, 0 unchanged, 0 failed.")
    expect(page.locator("#creates")).to_contain_text("1 rep")
    assert not Quota.objects.exists()
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator("#sentence")).to_have_text("All 2 rows are applied.")
    quotas = Quota.objects.order_by("month").values_list("rep__email", "month__month", "amount")
    assert [quota for quota in quotas if quota[0] == manager_user.email] == [
        (manager_user.email, 1, Decimal("1000.5")),
        (manager_user.email, 2, Decimal(2000)),
    ]
    assert len(quotas) == 5


def test_columns_and_preview_are_gone_through_by_keyboard_on_a_phone(open_as, worker, manager_user, tmp_path):
    path, _sums = written(tmp_path / "pipeline.csv", rows=30, header=WIDE_HEADER)
    page = open_as(manager_user, UPLOAD_A_FILE)
    page.set_viewport_size(PHONE)
    page.get_by_role("radio", name="Opportunities").check()
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Check first").press("Enter")
    page.wait_for_url(re.compile(r"/columns/"))
    assert_fits(page)
    page.get_by_role("button", name="Check the rows").press("Enter")
    expect(page.get_by_role("heading", name="What would become of the rows")).to_be_visible()
    assert_fits(page)
    page.get_by_role("button", name="Apply", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible()
    page.get_by_role("button", name="Undo this upload").press("Enter")
    expect(page.get_by_role("button", name="Undo now")).to_be_visible()
    assert_fits(page)


def assert_fits(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], page.url


def test_a_file_that_is_refused_stays_chosen_and_the_reason_stands_beside_it(open_as, manager_user, tmp_path):
    path = tmp_path / "offer.csv"
    path.write_bytes(b"%PDF-1.7 not a table")
    page = open_as(manager_user, UPLOAD_A_FILE)
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Apply at once").click()
    expect(page.locator("#id_file-errors")).to_contain_text("The file is a PDF.")
    expect(page.locator("[data-file-name]")).to_contain_text("offer.csv")
    expect(page.locator("#id_file")).to_be_focused()
    expect(page.get_by_role("button", name="Apply at once")).to_be_enabled()
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
    page.get_by_role("button", name="Apply at once").click()
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
    page.get_by_role("button", name="Apply at once").press("Enter")
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
    page.set_viewport_size(PHONE)
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Apply at once").click()
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
    page.get_by_role("radio", name="Quotas").check()
    expect(page.locator("#about-quotas")).to_be_visible()
    expect(page.locator("#about-opportunities")).to_be_hidden()
    page.get_by_role("radio", name="Opportunities").check()
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Apply at once").click()
    upload = Upload.objects.select_related("job").get()
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while Job.objects.get(pk=upload.job_id).is_open and time.monotonic() < deadline:
        page.reload()
    page.reload()
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible()
    expect(tile(page, "new")).to_have_text("6,996")
    context.close()


def test_whoever_is_logged_out_meanwhile_comes_to_the_login_page_and_back(open_as, manager_user, tmp_path):
    path, _sums = written(tmp_path / "pipeline.csv", rows=5)
    page = open_as(manager_user, UPLOAD_A_FILE)
    page.context.clear_cookies(name="sessionid")
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Check first").click()
    page.wait_for_url(re.compile(r"/admin/login/\?next="))
    assert page.url.endswith(reverse(UPLOAD_A_FILE))
    assert not Upload.objects.exists()
