"""Files of quotas: a row for each rep and month, or a column for each month; what they make, change and refuse."""

import datetime as dt
import io
import json
from decimal import Decimal

import openpyxl
import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Rep, Team
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import QUOTAS
from backoffice.imports.kinds.quotas import name_from_email
from backoffice.imports.merging import imagining
from backoffice.imports.options import Options
from backoffice.imports.reading.parsing import compiled
from backoffice.quotas.models import Quota, QuotaRevision
from tests.imports.conftest import outcomes, reasons

pytestmark = [pytest.mark.db, pytest.mark.django_db]

HEADER = ("Email Address of Salesrep", "Month", "Amount")
ANA, BEN = "ana@example.com", "ben@example.com"
JANUARY, FEBRUARY, MARCH = (dt.date(2026, month, 1) for month in (1, 2, 3))


@pytest.fixture
def reps(make):
    return make.rep("Ana", "López", email=ANA), make.rep("Ben", "Okoye", email="Ben@Example.com")


@pytest.fixture
def quotas(upload):
    def uploaded(*rows, header=HEADER, **more):
        return upload(rows, header=header, kind="quotas", name="quotas.csv", **more)

    return uploaded


def here():
    """All quotas of reps: by email and month, amount and currency."""
    found = Quota.objects.order_by("month", "id").values_list("rep__email", "month", "amount", "currency")
    return {(email.lower(), month): (amount, currency) for email, month, amount, currency in found}


def refused(take, header, *rows, **given):
    with pytest.raises(Refused) as error:
        take(rows or [[ANA]], header=header, kind="quotas", **given)
    return error.value


def test_each_rep_and_month_gets_its_quota(quotas, reps, operations_user):
    done = quotas([ANA, "2026-01-01", "20000"], [BEN.upper(), "2026-02-01", "25,000.50"])
    assert done.outcomes == {"rows": 2, "new": 2, "updated": 0, "unchanged": 0, "failed": 0}
    assert done.records == {"quota": {"new": 2}}
    assert here() == {(ANA, JANUARY): (20_000, "USD"), (BEN, FEBRUARY): (Decimal("25000.50"), "USD")}
    assert [row.object_id for row in done.results.order_by("number")] == [
        Quota.objects.get(month=month).pk for month in (JANUARY, FEBRUARY)
    ]
    assert {revision.actor for revision in QuotaRevision.objects.all()} == {operations_user.pk}


def test_the_same_file_again_changes_nothing(quotas, reps):
    rows = [[ANA, "2026-01-01", "20000"], [BEN, "2026-01-01", "0"]]
    quotas(*rows)
    revisions = QuotaRevision.objects.count()
    again = quotas(*rows)
    assert (outcomes(again), again.records) == (["unchanged"] * 2, {})
    assert QuotaRevision.objects.count() == revisions


def test_another_amount_or_currency_updates_the_quota(quotas, reps):
    quotas([ANA, "2026-01", "100"], [ANA, "2026-02", "100"], [BEN, "2026-01", "100"])
    done = quotas(
        [ANA, "Jan 2026", "100.00", ""],
        [ANA, "Feb 2026", "100", "mxn"],
        [BEN, "Jan 2026", "200", "USD"],
        header=(*HEADER, "Currency"),
    )
    assert outcomes(done) == ["unchanged", "updated", "updated"]
    assert here() == {(ANA, JANUARY): (100, "USD"), (ANA, FEBRUARY): (100, "MXN"), (BEN, JANUARY): (200, "USD")}
    assert list(QuotaRevision.objects.filter(quota__rep__email=ANA, quota__month=FEBRUARY).values_list("currency")) == [
        ("MXN",),
        ("USD",),
    ]


def test_amounts_that_do_not_say_it_are_in_the_chosen_currency(quotas, reps):
    quotas([ANA, "2026-01", "100"], currency="EUR")
    assert here() == {(ANA, JANUARY): (100, "EUR")}


def test_a_header_may_say_the_currency_of_its_amounts(quotas, reps):
    done = quotas([ANA, "2026-01", "100"], header=("Correo", "Mes", "Importe (MXN)"))
    assert (done.options["currency"], here()) == ("MXN", {(ANA, JANUARY): (100, "MXN")})
    quotas([ANA, "7", "8"], header=("Email", "Jan 2026 (EUR)", "Feb 2026 [EUR] *"))
    assert here() == {(ANA, JANUARY): (7, "EUR"), (ANA, FEBRUARY): (8, "EUR")}


def test_an_amount_may_name_the_currency_of_its_row(quotas, reps):
    header = (*HEADER, "Currency")
    done = quotas(
        [ANA, "2026-01", "MXN 5", "MXN"], [ANA, "2026-02", "5 USD", ""], [BEN, "2026-01", "USD 5", "MXN"], header=header
    )
    assert outcomes(done) == ["new", "new", "failed"]
    assert here() == {(ANA, JANUARY): (5, "MXN"), (ANA, FEBRUARY): (5, "USD")}
    assert reasons(done)[4].startswith("Amount “USD 5” is in USD, but the row is read as MXN.")


def test_what_is_chosen_or_stands_in_the_row_goes_before_the_headers_currency(quotas, reps):
    quotas([ANA, "2026-01", "100"], header=("Email", "Month", "Amount (MXN)"), currency="USD")
    header = ("Email", "Month", "Amount (MXN)", "Currency")
    quotas([BEN, "2026-01", "100", "EUR"], [BEN, "2026-02", "100", ""], header=header)
    assert [currency for _, currency in here().values()] == ["USD", "EUR", "MXN"]


def test_headers_of_several_currencies_are_asked_about(take, reps):
    error = refused(take, ("Email", "Jan 2026 (MXN)", "Feb 2026 (USD)"), [ANA, "1", "2"])
    assert error.option == "currency"
    assert str(error) == (
        "The headers name several currencies: “Jan 2026 (MXN)”, “Feb 2026 (USD)”. "
        "Say in which one amounts without their own are with the option currency."
    )


def test_two_dates_of_one_month_are_one_quota_and_the_later_wins(quotas, reps):
    done = quotas([ANA, "2026-01-01", "100"], [ANA, "2026-01-31", "200"], [ANA, "enero de 2026", "200"])
    assert outcomes(done) == ["new", "updated", "unchanged"]
    assert (here(), done.records) == ({(ANA, JANUARY): (200, "USD")}, {"quota": {"new": 1}})


@pytest.mark.parametrize(
    "header",
    [
        ("Correo electrónico del vendedor", "Mes", "Cuota"),
        ("Correo", "Periodo", "Meta de ventas"),
        ("REP_EMAIL", "Date", "Target"),
        ("Email Address of Salesrep*", "Month (date)", "Amount (USD)"),
        ("E-mail", "Quota Month", "Quota"),
    ],
)
def test_columns_are_known_by_their_usual_headers(quotas, reps, header):
    assert outcomes(quotas([ANA, "2026-01", "5"], header=header)) == ["new"]


def test_semicolons_decimal_commas_and_local_dates_are_understood(upload, reps):
    text = (
        "Correo;Mes;Importe;Moneda\r\nana@example.com;31/01/2026;1.250,50;MXN\r\nben@example.com;28/02/2026;7,5;MXN\r\n"
    )
    assert outcomes(upload(text, kind="quotas", name="cuotas.csv")) == ["new", "new"]
    assert here() == {(ANA, JANUARY): (Decimal("1250.50"), "MXN"), (BEN, FEBRUARY): (Decimal("7.5"), "MXN")}


def test_months_listed_by_their_first_day_show_how_dates_are_written(quotas, reps):
    done = quotas(*([ANA, f"01/{month:02}/2026", str(month)] for month in range(1, 13)))
    assert done.options["date_order"] == "DMY"
    assert {month.month: amount for (_, month), (amount, _) in here().items()} == {each: each for each in range(1, 13)}


def test_a_date_that_can_be_read_in_two_ways_is_asked_about(take, reps):
    error = refused(take, HEADER, [ANA, "05/06/2026", "1"])
    assert error.option == "date_order"


def test_an_unknown_email_fails_and_names_the_nearest(quotas, reps):
    done = quotas(["anna@example.com", "2026-01", "1"], ["zacharias@other.example.net", "2026-01", "1"])
    assert reasons(done) == {
        2: (
            "No rep has the email “anna@example.com”; the nearest is “ana@example.com”. "
            "Correct it, or choose “Add reps that are not there yet” (option create_reps)."
        ),
        3: (
            "No rep has the email “zacharias@other.example.net”. "
            "Correct it, or choose “Add reps that are not there yet” (option create_reps)."
        ),
    }
    assert (Rep.objects.count(), Quota.objects.count()) == (2, 0)


@pytest.mark.parametrize(
    ("email", "near"),
    [
        ("anna.sneling@example.com", "anna.snelling@example.com"),
        ("a.snelling@example.com", "anna.snelling@example.com"),
        ("anna.snelling@gmail.example", "anna.snelling@example.com"),
        ("ben@exmaple.com", "Ben@Example.com"),
        ("carl.lin@example.com", None),  # that all work for one company makes nobody alike
    ],
)
def test_the_nearest_email_is_one_of_a_like_name(quotas, reps, make, email, near):
    make.rep("Anna", "Snelling", email="anna.snelling@example.com")
    make.rep("Cecily", "Lampkin", email="cecily.lampkin@example.com")
    said = reasons(quotas([email, "2026-01", "1"]))[2]
    assert f"the nearest is “{near}”" in said if near else "nearest" not in said


def test_a_name_alone_does_not_make_a_rep(quotas, reps):
    done = quotas(["cy@example.com", "2026-01", "1", "Cy Young"], header=(*HEADER, "Salesrep"))
    assert (outcomes(done), Rep.objects.count()) == (["failed"], 2)


def test_create_reps_makes_one_rep_for_an_email(quotas, reps):
    rows = [["anna.snelling@example.com", "2026-01", "1"], ["Anna.Snelling@example.com", "2026-02", "2"]]
    done = quotas(*rows, create_reps="yes")
    assert done.records == {"rep": {"new": 1}, "quota": {"new": 2}}
    anna = Rep.objects.get(email="anna.snelling@example.com")
    assert (anna.given, anna.family) == ("Anna", "Snelling")
    assert outcomes(quotas(*rows)) == ["unchanged"] * 2


def test_create_reps_takes_the_name_the_file_gives(quotas, reps):
    quotas(["asn@example.com", "2026-01", "1", "Anna Snelling"], header=(*HEADER, "Vendedor"), create_reps="yes")
    assert Rep.objects.get(email="asn@example.com").name == "Anna Snelling"


def test_a_row_that_fails_makes_no_rep(quotas, reps):
    done = quotas(["cy@example.com", "2026-01", "lots"], create_reps="yes")
    assert (outcomes(done), Rep.objects.count()) == (["failed"], 2)


@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("anna.snelling@example.com", "Anna Snelling"),
        ("mei-mei.johns@example.com", "Mei-Mei Johns"),
        ("ana_lópez2+sales@example.com", "Ana López"),
        ("asnelling@example.com", "Asnelling"),
        ("42@example.com", "42@example.com"),
    ],
)
def test_a_name_is_read_from_an_email(email, name):
    assert name_from_email(email) == name


def test_all_that_is_wrong_with_a_row_is_named(quotas, reps):
    done = quotas(
        ["anna@example.com", "2026-13", "-5"],
        ["", "", ""],
        ["nobody", "soon", "lots"],
        [ANA, "2026-01", ""],
        [ANA, "", "1"],
    )
    assert reasons(done) == {
        2: (
            "Month “2026-13” is not a month such as 2026-11. Amount “-5” is below zero. "
            "No rep has the email “anna@example.com”; the nearest is “ana@example.com”. "
            "Correct it, or choose “Add reps that are not there yet” (option create_reps)."
        ),
        4: (
            "Email Address of Salesrep “nobody” is not an email address. "
            "Month “soon” is not a month such as 2026-11. Amount “lots” is not an amount."
        ),
        5: "Amount is missing.",
        6: "Month is missing.",
    }
    assert Quota.objects.count() == 0


def test_a_teams_quota_is_another_one(quotas, reps):
    with acting(None, Door.COMMAND, label="test"):
        team = Team.objects.create(name="West")
        Quota.objects.create(team=team, month=JANUARY, amount=7, currency="USD")
    assert outcomes(quotas([ANA, "2026-01", "1"])) == ["new"]
    assert Quota.objects.get(team=team).amount == 7


WIDE = ("Email", "Jan 2026", "2026-02", "marzo de 2026")


def test_a_column_for_each_month_makes_as_many_quotas(quotas, reps):
    done = quotas([ANA, "1", "2", "3"], [BEN, "4", "", "6"], header=WIDE)
    assert done.outcomes == {"rows": 2, "new": 2, "updated": 0, "unchanged": 0, "failed": 0}
    assert done.records == {"quota": {"new": 5}}
    assert done.columns == {"email": 0, "amount:2026-01-01": 1, "amount:2026-02-01": 2, "amount:2026-03-01": 3}
    assert here() == {
        (ANA, JANUARY): (1, "USD"),
        (ANA, FEBRUARY): (2, "USD"),
        (ANA, MARCH): (3, "USD"),
        (BEN, JANUARY): (4, "USD"),
        (BEN, MARCH): (6, "USD"),
    }


def test_a_workbook_with_dates_above_its_columns_is_understood(upload, reps):
    book = openpyxl.Workbook()
    book.active.append(["Email", dt.date(2026, 1, 1), dt.datetime(2026, 2, 28), "mar-26", "Total"])
    book.active.append([ANA, 1250.5, 2000, "3,000.25", 6250.75])
    data = io.BytesIO()
    book.save(data)
    done = upload(data.getvalue(), kind="quotas", name="quotas.xlsx")
    assert (outcomes(done), done.unknown) == (["new"], ["Total"])
    assert [amount for amount, _ in here().values()] == [Decimal("1250.5"), 2000, Decimal("3000.25")]


def test_a_file_of_rows_and_one_of_columns_say_the_same(quotas, reps):
    quotas(*([email, month, str(number)] for number, month in enumerate(WIDE[1:]) for email in (ANA, BEN)))
    assert outcomes(quotas([BEN, "0", "1", "2"], [ANA, "0", "1", "2"], header=WIDE)) == ["unchanged", "unchanged"]


def test_a_row_of_many_months_has_the_strongest_outcome_of_them(quotas, reps):
    quotas([ANA, "1", "2", ""], [BEN, "4", "5", "6"], header=WIDE)
    done = quotas([ANA, "1", "20", ""], [BEN, "4", "5", "6"], header=WIDE)
    assert (outcomes(done), done.records) == (["updated", "unchanged"], {"quota": {"updated": 1}})
    done = quotas([ANA, "1", "30", "3"], header=WIDE)
    assert (outcomes(done), done.records) == (["new"], {"quota": {"new": 1, "updated": 1}})
    assert outcomes(quotas([ANA, "1", "30", "3"], header=WIDE)) == ["unchanged"]


def test_a_blank_month_is_left_even_where_blanks_clear(quotas, reps):
    quotas([ANA, "1", "2", "3"], header=WIDE)
    done = quotas([ANA, "", "", "4"], [BEN, "", "", ""], header=WIDE, blank="clear", create_reps="yes")
    assert outcomes(done) == ["updated", "unchanged"]
    assert [amount for amount, _ in here().values()] == [1, 2, 4]


def test_a_row_of_blanks_makes_no_rep(quotas, reps):
    quotas(["cy@example.com", "", "", ""], header=WIDE, create_reps="yes")
    assert Rep.objects.count() == 2


def test_totals_beside_the_months_are_ignored(quotas, reps):
    header = ("Vendedor", "Correo", "Moneda", "ene-26", "feb-26", "Q1 2026", "Total 2026", "Amount")
    done = quotas(["Ana López", ANA, "MXN", "1", "2", "3", "3", "3"], header=header)
    assert done.unknown == ["Q1 2026", "Total 2026", "Amount"]
    assert here() == {(ANA, JANUARY): (1, "MXN"), (ANA, FEBRUARY): (2, "MXN")}


def test_a_wrong_amount_is_named_by_its_own_header_and_fails_the_whole_row(quotas, reps):
    done = quotas([ANA, "1", "lots", "-3"], header=WIDE)
    assert reasons(done) == {2: "2026-02 “lots” is not an amount. marzo de 2026 “-3” is below zero."}
    assert Quota.objects.count() == 0


def test_one_month_tells_how_all_of_them_write_decimals(upload, reps):
    text = "Email;2026-01;2026-02\r\nana@example.com;1.000;2.500,50\r\n"
    upload(text, kind="quotas", name="q.csv")
    assert [amount for amount, _ in here().values()] == [1000, Decimal("2500.50")]


def test_months_of_amounts_that_can_be_read_in_two_ways_are_asked_about_once(take, quotas, reps):
    error = refused(take, WIDE, [ANA, "20,000", "25,000", "30,000"])
    assert (error.option, len(error.messages)) == ("decimal_mark", 1)
    quotas([ANA, "20,000", "25,000", "30,000"], header=WIDE, decimal_mark=".")
    assert [amount for amount, _ in here().values()] == [20_000, 25_000, 30_000]


def test_two_columns_of_one_month_are_refused_by_name(take, reps):
    assert refused(take, ("Email", "Jan 2026", "2026-01", "Feb 2026")).messages == [
        "The column 2026-01 stands more than once in the file: “Jan 2026”, “2026-01”. Keep one of them."
    ]


def test_a_month_column_beside_columns_of_months_is_refused(take, quotas, reps):
    header = ("Email", "Month", "Amount", "Jan 2026", "Feb 2026")
    assert str(refused(take, header)) == (
        "The file says the month in two ways: in the column “Month”, and above the columns “Jan 2026”, “Feb 2026”. "
        "Keep one way, or leave the other's columns out with the option columns."
    )
    row = [ANA, "2026-03", "9", "1", "2"]
    assert outcomes(quotas(row, header=header, columns=json.dumps({"Month": "", "Amount": ""}))) == ["new"]
    assert sorted(month for _, month in here()) == [JANUARY, FEBRUARY]
    assert outcomes(quotas(row, header=header, columns=json.dumps({"Jan 2026": "", "Feb 2026": ""}))) == ["new"]
    assert here()[ANA, MARCH] == (9, "USD")


def test_months_without_a_year_are_asked_for_it(take, reps):
    assert refused(take, ("Email", "Jan", "Feb", "Total")).messages == [
        "The columns “Jan”, “Feb” name months without a year. Write it in each of them, such as Jan 2026.",
        "Missing required column: Month, Amount. The file's first line is read as the header: Email, Jan, Feb, Total.",
    ]


def test_a_month_can_be_chosen_for_a_column(quotas, reps):
    columns = {"Jan": "2026-01", "Feb": "amount:2026-02-01", "Wer": "email"}
    assert outcomes(quotas([ANA, "1", "2"], header=("Wer", "Jan", "Feb"), columns=json.dumps(columns))) == ["new"]
    assert sorted(month for _, month in here()) == [JANUARY, FEBRUARY]


def test_many_months_are_done_in_pieces_with_the_same_result(quotas, reps, monkeypatch):
    monkeypatch.setattr("backoffice.imports.kinds.quotas.WISHES_AT_ONCE", 4)
    rows = [[ANA, "1", "2", "3"], [BEN, "4", "5", "6"], [ANA, "1", "2", "30"], ["cy@example.com", "7", "", ""]]
    done = quotas(*rows, header=WIDE, create_reps="yes")
    assert outcomes(done) == ["new", "new", "updated", "new"]
    assert done.records == {"quota": {"new": 7, "updated": 1}, "rep": {"new": 1}}


def test_a_preview_tells_each_month_by_itself(quotas, reps):
    quotas([ANA, "1", "2", ""], header=WIDE)
    positions = {"email": 0, "amount:2026-01-01": 1, "amount:2026-02-01": 2, "amount:2026-03-01": 3}
    loader = QUOTAS.loader(positions, Options())
    loader.keeps_differences = True
    row = compiled(QUOTAS.resource, positions, WIDE, Options())(1, 2, [ANA, "10", "2", "3"])
    with imagining.imagined(*QUOTAS.writes):
        loader.load([row])
    told = {one.column: (one.before, one.after) for one in row.differences}
    assert (told["amount:2026-01-01"], told["amount:2026-03-01"]) == ((1, 10), (None, 3))
    assert "amount:2026-02-01" not in told
    assert [amount for amount, _ in here().values()] == [1, 2]


def test_what_the_resource_exports_changes_nothing_when_it_is_uploaded(upload, quotas, reps):
    quotas([ANA, "2026-01", "1250.5", "MXN"], [BEN, "2026-02", "7", "USD"], header=(*HEADER, "Currency"))
    exported = QUOTAS.resource().export(Quota.objects.order_by("id"))
    assert outcomes(upload(exported.csv, kind="quotas", name="quotas.csv")) == ["unchanged"] * 2


def test_the_samples_do_what_they_say(upload, reps, operations_user):
    def tried(name):
        return upload(QUOTAS.sample_file(name, operations_user), kind="quotas", name=f"{name}.csv").outcomes

    assert tried("new") == {"rows": 24, "new": 24, "updated": 0, "unchanged": 0, "failed": 0}
    assert tried("changes") == {"rows": 24, "new": 0, "updated": 10, "unchanged": 14, "failed": 0}
    assert tried("failing") == {"rows": 24, "new": 0, "updated": 8, "unchanged": 11, "failed": 5}


def test_the_samples_serve_a_company_without_reps_too(upload, operations_user):
    done = upload(QUOTAS.sample_file("new", operations_user), kind="quotas", name="new.csv", create_reps="yes")
    assert done.records == {"quota": {"new": 24}, "rep": {"new": 2}}
