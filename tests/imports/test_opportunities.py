"""A file of opportunities from end to end: what it makes, what it changes, what fails and in which words."""

import datetime as dt
from decimal import Decimal

import pytest

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Account, Choice, Opportunity, Rep, Status
from backoffice.imports import applying
from backoffice.imports.faults import Refused
from backoffice.imports.merging import loading
from backoffice.imports.models import Upload
from backoffice.imports.starting import NotAllowed
from backoffice.jobs.models import State
from backoffice.jobs.running import execute
from tests.imports.conftest import HEADER, outcomes, reasons, row, table

pytestmark = [pytest.mark.db, pytest.mark.django_db]

FULL = row(
    "A-1",
    "Chairs",
    amount="1,250.50",
    close_date="2026-11-30",
    stage="Negotiation",
    owner="Ana López Díaz",
    email="Ana@Example.com",
    account_id="ACC-1",
    account="Acme",
    website="https://www.acme.example/",
    type="New Business",
    next_step="Call, then write",
)


def opportunity(key="A-1"):
    return Opportunity.objects.select_related("account", "owner", "stage", "type").get(external_id=key)


def domain():
    """Everything that an upload may write."""
    return [list(model.objects.order_by("id").values_list()) for model in (Opportunity, Account, Rep, Choice)]


def test_a_row_becomes_an_opportunity_with_all_it_names(upload):
    done = upload([FULL])
    assert done.state == State.SUCCEEDED
    assert done.outcomes == {"rows": 1, "new": 1, "updated": 0, "unchanged": 0, "failed": 0}
    assert done.records == {
        "opportunity": {"new": 1},
        "account": {"new": 1},
        "rep": {"new": 1},
        "stage": {"new": 1},
        "type": {"new": 1},
    }
    found = opportunity()
    assert (found.name, found.amount, found.currency) == ("Chairs", Decimal("1250.50"), "USD")
    assert (found.close_date, found.next_step) == (dt.date(2026, 11, 30), "Call, then write")
    assert (found.stage.label, found.stage_system, found.type.label) == ("Negotiation", "Negotiation", "New Business")
    assert (found.account.name, found.account.external_id) == ("Acme", "ACC-1")
    assert found.account.website == "https://www.acme.example/"
    assert (found.owner.email, found.owner.given) == ("ana@example.com", "Ana")
    assert (found.owner.family, found.owner.second_family) == ("López", "Díaz")
    assert done.results.get().object_id == found.pk


def test_a_row_with_only_what_is_required_is_enough(upload):
    assert outcomes(upload([["A-1", "Chairs"]], header=("opp_id", "opp_name"))) == ["new"]
    found = opportunity()
    assert (found.amount, found.currency, found.stage, found.owner, found.account) == (None, "", None, None, None)
    assert found.status == Status.OPEN


def test_the_same_file_again_writes_nothing(upload):
    rows = [FULL, row("A-2", "Desks", amount="7"), row("A-3", "Lamps", stage="Won"), row("A-2", "Desks again")]
    first = upload(rows)
    before, changes = domain(), Change.objects.count()
    again = upload(rows)
    assert again.sha256 == first.sha256
    assert outcomes(again) == ["unchanged"] * 4
    assert again.records == {}
    assert domain() == before
    assert Change.objects.count() == changes


def test_only_what_differs_is_updated(upload, operations_user):
    upload([FULL, row("A-2", "Desks", amount="7")])
    last = Change.objects.latest("id").pk
    changed = FULL.copy()
    changed[HEADER.index("Amount")] = "99"
    done = upload([changed, row("A-2", "Desks", amount="7.00")])
    assert outcomes(done) == ["updated", "unchanged"]
    entry = Change.objects.get(id__gt=last)
    assert (entry.kind, entry.object_id, entry.operation) == ("opportunity", opportunity().pk, "update")
    assert (entry.before, entry.after) == ({"amount": Decimal("1250.5000")}, {"amount": Decimal("99.0000")})
    assert (entry.actor, entry.door, entry.job_id) == (operations_user.pk, "upload", done.job_id)


def test_a_blank_cell_and_an_absent_column_keep_the_value(upload):
    upload([FULL])
    before = domain()
    assert outcomes(upload([row()])) == ["unchanged"]
    assert outcomes(upload([["A-1", "Chairs"]], header=HEADER[:2])) == ["unchanged"]
    assert domain() == before


def test_blank_cells_clear_when_asked_to_but_never_the_owner(upload):
    upload([FULL])
    owner = opportunity().owner
    assert outcomes(upload([row()], blank="clear")) == ["updated"]
    found = opportunity()
    assert (found.amount, found.close_date, found.stage, found.stage_system) == (None, None, None, "")
    assert (found.account, found.type, found.next_step) == (None, None, "")
    assert found.owner == owner
    assert outcomes(upload([row()], blank="clear")) == ["unchanged"]


def test_an_absent_column_is_kept_even_when_blanks_clear(upload):
    upload([FULL])
    assert outcomes(upload([["A-1", "Chairs"]], header=HEADER[:2], blank="clear")) == ["unchanged"]


def test_rows_of_one_key_are_folded_in_the_order_of_the_file(upload):
    done = upload(
        [
            row("A-1", "First", amount="1", stage="Won"),
            row("A-1", "Second"),
            row("A-1", "Second"),
            row("A-1", "Third", amount="3"),
        ]
    )
    assert outcomes(done) == ["new", "updated", "unchanged", "updated"]
    found = opportunity()
    assert (found.name, found.amount, found.stage.label) == ("Third", Decimal(3), "Won")
    assert len(set(done.results.values_list("object_id", flat=True))) == 1


def test_rows_of_one_key_that_take_back_what_they_did_change_nothing(upload):
    upload([row("A-1", "Chairs")])
    assert outcomes(upload([row("A-1", "Desks"), row("A-1", "Chairs")])) == ["unchanged", "unchanged"]


def test_keys_are_compared_exactly(upload):
    assert outcomes(upload([row("a-1"), row("A-1"), row("A-1 ")])) == ["new", "new", "unchanged"]


def test_an_opportunity_born_here_goes_by_its_uid(upload):
    with acting(None, Door.COMMAND, label="test"):
        born = Opportunity.objects.create(name="Chairs")
    born.refresh_from_db()
    assert outcomes(upload([row(str(born.uid), "Desks"), row(str(born.uid).upper(), "Desks")])) == [
        "updated",
        "unchanged",
    ]
    born.refresh_from_db()
    assert (born.name, born.external_id) == ("Desks", None)


def test_every_fault_of_a_row_is_named(upload):
    done = upload(
        [row("", "", amount="lots", close_date="2026-02-30", email="nobody", website="acme"), row("A-2", "Desks")]
    )
    assert done.state == State.INCOMPLETE
    assert outcomes(done) == ["failed", "new"]
    failed = done.results.get(outcome="failed")
    assert failed.line == 2
    assert [fault.code for fault in failed.faults] == [
        "missing",
        "missing",
        "not_an_amount",
        "no_such_day",
        "not_an_email",
        "not_a_website",
    ]
    assert failed.reason == (
        "Opportunity ID is missing. Opportunity Name is missing. Amount “lots” is not an amount. "
        "Close Date “2026-02-30” names a day that does not exist. "
        "Opportunity Owner Email “nobody” is not an email address. Account URL/Website “acme” is not a web address."
    )
    assert failed.cells[HEADER.index("Amount")] == "lots"


def test_owner_and_account_that_are_not_found_are_both_named(upload):
    done = upload([row(email="nobody@example.com", account_id="ACC-9")])
    assert reasons(done) == {
        2: "No rep has the email “nobody@example.com”. Give Opportunity Owner to add the rep, or correct it. "
        "No account matches “ACC-9”. Give Account Name to add it, or correct it."
    }


def test_a_row_that_fails_makes_nothing_on_the_side(upload):
    done = upload([row(owner="Ana López", email="ana@example.com", account="Acme", stage="Won", amount="lots")])
    assert outcomes(done) == ["failed"]
    done = upload([row(owner="Ana López", email="ana@example.com", account_id="ACC-9", stage="Won")])
    assert outcomes(done) == ["failed"]
    assert domain() == [[], [], [], []]


def test_a_rep_of_a_failed_row_is_not_there_for_the_next(upload):
    done = upload(
        [
            row("A-1", owner="Ana López", email="ana@example.com", account_id="ACC-9"),
            row("A-2", email="ana@example.com"),
            row("A-3", owner="Ana López", email="ana@example.com"),
            row("A-4", email="ana@example.com"),
        ]
    )
    assert outcomes(done) == ["failed", "failed", "new", "new"]
    assert Rep.objects.count() == 1


def test_more_cells_than_the_header_fail_and_fewer_are_blank(upload):
    done = upload("Opportunity ID,Opportunity Name,Amount\nA-1,Chairs,1,2\nA-2,Desks\nA-3,Lamps,3,,\n")
    assert outcomes(done) == ["failed", "new", "new"]
    assert reasons(done) == {2: "The row has 4 cells, but the header only 3. Is a quote missing?"}


def test_what_database_tools_print_for_nothing_is_blank(upload):
    text = "opp_id,opp_name,amount,stage\n------,--------,------,-----\nA-1   ,Chairs  ,NULL  ,NULL\n"
    assert outcomes(upload(text)) == ["new"]
    assert (opportunity().amount, opportunity().stage) == (None, None)


def test_a_totals_row_fails_with_its_reason(upload):
    assert outcomes(upload([row(amount="5"), ["", "", "5"]])) == ["new", "failed"]


def test_a_file_without_rows_succeeds(upload):
    done = upload([])
    assert (done.state, done.outcomes["rows"], done.has_error_file) == (State.SUCCEEDED, 0, False)


def test_the_currency_comes_from_the_row_the_option_or_the_company(upload, settings):
    settings.COMPANY_CURRENCY = "MXN"
    header = ("Opportunity ID", "Opportunity Name", "Amount", "Moneda")
    upload(
        [["A-1", "a", "1", "eur"], ["A-2", "b", "2", ""], ["A-3", "c", "", ""], ["A-4", "d", "4", "XXL"]], header=header
    )
    upload([["A-5", "e", "5", ""]], header=header, currency="usd")
    assert dict(Opportunity.objects.values_list("external_id", "currency")) == {
        "A-1": "EUR",
        "A-2": "MXN",
        "A-3": "",
        "A-5": "USD",
    }


def test_the_notation_of_the_file_is_found_and_kept(upload):
    done = upload("Opportunity ID;Opportunity Name;Amount;Close Date\nA-1;a;1.250,50;1/2/2026\nA-2;b;7;13/2/2026\n")
    assert done.options == {"date_order": "DMY", "decimal_mark": ","}
    assert (opportunity().amount, opportunity().close_date) == (Decimal("1250.5"), dt.date(2026, 2, 1))


def test_a_file_that_does_not_tell_its_notation_is_refused_and_nothing_is_kept(take):
    with pytest.raises(Refused) as refused:
        take([row(close_date="1/2/2026")])
    assert refused.value.option == "date_order"
    assert not Upload.objects.exists()
    assert take([row(close_date="1/2/2026")], date_order="MDY").options["date_order"] == "MDY"


def test_unknown_columns_are_ignored_and_kept_in_mind(upload):
    done = upload([["A-1", "Chairs", "red"]], header=("Opportunity ID", "Opportunity Name", "Colour"))
    assert (outcomes(done), done.unknown) == (["new"], ["Colour"])


@pytest.mark.parametrize(
    ("label", "status"),
    [
        ("Won", Status.WON),
        ("Closed - Won", Status.WON),
        ("CERRADA GANADA", Status.WON),
        ("Lost", Status.LOST),
        ("Cerrado/perdido", Status.LOST),
        ("On Hold", Status.PENDING),
        ("Negotiation", Status.OPEN),
        ("Won back?", Status.OPEN),
    ],
)
def test_usual_names_of_stages_have_their_status(upload, label, status):
    upload([row(stage=label)])
    assert opportunity().stage.status == status


def test_a_stage_is_known_whatever_its_case_and_accents_and_a_managers_choice_stands(upload):
    upload([row(stage="Revisión")])
    with acting(None, Door.COMMAND, label="test"):
        Choice.objects.filter(list="stage").update(status=Status.PENDING)
    upload([row("A-2", "Desks", stage="REVISION")])
    assert Choice.objects.filter(list="stage").count() == 1
    assert (opportunity("A-2").status, opportunity("A-2").stage_system) == (Status.PENDING, "REVISION")


def test_stages_of_the_same_name_in_one_file_are_one(upload):
    upload([row("A-1", stage="Won"), row("A-2", stage="won"), row("A-3", stage="WON ")])
    assert list(Choice.objects.values_list("label", flat=True)) == ["Won"]


def test_a_rep_may_not_upload(take, rep_user):
    with pytest.raises(NotAllowed):
        take([row()], user=rep_user)


def test_a_manager_may(upload, manager_user):
    assert upload([row()], user=manager_user).asked_by == manager_user


def test_an_upload_is_seen_by_who_made_it_and_by_operations(
    upload, manager_user, outsider_user, operations_user, rep_user
):
    upload([row()], user=manager_user)
    assert [Upload.objects.visible_to(user).count() for user in (manager_user, operations_user)] == [1, 1]
    assert [Upload.objects.visible_to(user).count() for user in (outsider_user, rep_user)] == [0, 0]


def test_large_files_go_in_chunks_that_add_up(upload, monkeypatch):
    monkeypatch.setattr(applying, "FIRST_ROWS", 3)
    monkeypatch.setattr(applying, "CHUNK_ROWS", 4)
    rows = [row(f"A-{number}", f"Chair {number}", account=f"Account {number % 3}", stage="Won") for number in range(20)]
    rows[7][0] = ""
    rows.append(row("A-0", "Chair 0, changed"))
    done = upload(rows)
    assert outcomes(done) == ["new"] * 7 + ["failed"] + ["new"] * 12 + ["updated"]
    assert done.outcomes == {"rows": 21, "new": 19, "updated": 1, "unchanged": 0, "failed": 1}
    assert done.job.counts == {"new": 19, "updated": 1, "failed": 1}
    assert done.job.done == done.job.total == 21
    assert done.records["account"] == {"new": 3}
    assert done.records["opportunity"] == {"new": 19, "updated": 1}
    assert list(done.results.values_list("line", flat=True)) == list(range(2, 23))


def test_an_unchanged_file_takes_no_row_locks(upload, monkeypatch):
    rows = [FULL, row("A-2", "Desks")]
    upload(rows)
    locks = []
    look = loading.current

    def watched(model, *args, lock=False):
        if model is Opportunity:
            locks.append(lock)
        return look(model, *args, lock=lock)

    monkeypatch.setattr(loading, "current", watched)
    assert outcomes(upload(rows)) == ["unchanged", "unchanged"]
    assert locks == [False]
    upload([row("A-2", "Lamps")])
    assert locks == [False, False, True]


def test_the_job_says_how_the_file_was_read_and_what_was_made(upload, operations_user):
    done = upload(table([FULL]).replace("Next Step", "Colour"))
    lines = [line.text for line in done.job.log_lines(operations_user)]
    assert "Reading opportunities.csv: 1 rows." in lines
    assert "Columns that are ignored: Colour." in lines
    assert "Accounts: 1 new, 0 updated." in lines


def test_a_file_that_is_gone_ends_the_job_in_words(take):
    received = take([row()])
    received.file.storage.delete(received.file.name)
    execute(received.job_id, heartbeat=False)
    assert Upload.objects.get(pk=received.pk).job.error == "The uploaded file is no longer there. Upload it again."


def test_files_are_kept_under_names_that_say_nothing(take):
    received = take([row()], name="..\\..\\Secret plans.csv")
    assert received.name == "Secret plans.csv"
    assert "ecret" not in received.file.name
    assert received.file.name.startswith("uploads/")
