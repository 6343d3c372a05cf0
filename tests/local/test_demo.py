"""The demo: the same day gives the same company, and everything in it hangs together."""

import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Count, F, Q, Sum

from backoffice.access.models import User
from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import (
    Account,
    Activity,
    Choice,
    Contact,
    Document,
    Layout,
    Note,
    Opportunity,
    Region,
    Rep,
    RepPlace,
    Status,
    Tag,
)
from backoffice.local.demo.loading import CannotLoad, is_loaded, load
from backoffice.local.demo.logins import make_logins
from backoffice.local.demo.world import Sizes
from backoffice.quotas.models import ExchangeRate, Quota, QuotaRevision

pytestmark = [pytest.mark.db, pytest.mark.django_db]

TODAY = date(2026, 11, 22)
SOME = 600
FINGERPRINTS = (
    """
    SELECT o.external_id, o.uid, o.name, o.amount, o.currency, o.close_date, o.closed_at, o.created_at, o.custom,
           stage.label, account.name, account.uid, owner.email, contact.uid
    FROM crm_opportunity o JOIN crm_choice stage ON stage.id = o.stage_id JOIN crm_account account ON
         account.id = o.account_id JOIN crm_rep owner ON owner.id = o.owner_id
         JOIN crm_contact contact ON contact.id = o.primary_contact_id
    ORDER BY o.external_id
    """,
    "SELECT uid, name, tax_id, addresses, phones, custom FROM crm_account ORDER BY uid",
    "SELECT uid, name, emails, phones, birthday FROM crm_contact ORDER BY uid",
    """
    SELECT a.uid, a.subject, a.start_at, a.start_on, a.completed_at, o.external_id
    FROM crm_activity a JOIN crm_opportunity o ON o.id = a.opportunity_id ORDER BY a.uid
    """,
    """
    SELECT o.external_id, product.sku, line.position, line.quantity, line.unit_price, line.total
    FROM crm_lineitem line JOIN crm_opportunity o ON o.id = line.opportunity_id
         JOIN crm_product product ON product.id = line.product_id ORDER BY 1, 3
    """,
    "SELECT uid, title, body, private FROM crm_note ORDER BY uid",
    "SELECT uid, title, due, closed_at FROM crm_ticket ORDER BY uid",
    "SELECT uid, month, amount, currency FROM quotas_quota ORDER BY uid",
)


@pytest.fixture(autouse=True)
def _files_of_its_own(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def demo():
    return load(SOME, TODAY)


def fingerprint():
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        for query in FINGERPRINTS:
            cursor.execute(query)
            digest.update(repr(cursor.fetchall()).encode())
    return digest.hexdigest()


def fingerprint_of(today):
    """Of a demo that is taken back at once."""
    with transaction.atomic():
        load(SOME, today)
        found = fingerprint()
        transaction.set_rollback(True)
    return found


def test_the_same_day_gives_the_same_data_and_another_day_other_data():
    first = fingerprint_of(TODAY)
    assert fingerprint_of(TODAY) == first
    assert fingerprint_of(date(2026, 11, 23)) != first


def test_the_company_is_as_large_as_promised(demo):
    assert (Region.objects.count(), Rep.objects.count(), Account.objects.count()) == (3, 35, 85)
    assert Opportunity.objects.count() == SOME == demo.counts["opportunity"]
    assert 400 <= Contact.objects.count() <= 600
    assert set(Opportunity.objects.values_list("currency", flat=True)) == {"USD", "MXN", "EUR"}
    assert {address["country_code"] for (address, *_more) in Account.objects.values_list("addresses", flat=True)} >= {
        *("US", "MX", "DE", "FR")
    }
    empty = [table for table, rows in demo.counts.items() if not rows]
    assert empty == []


@pytest.mark.parametrize(
    ("opportunities", "accounts", "activities", "with_lines"),
    [(9_000, 85, 5_400, 3_600), (100_000, 1_905, 60_000, 40_000), (1_000_000, 19_905, 300_000, 150_000)],
)
def test_a_larger_demo_has_more_of_everything_up_to_a_cap(opportunities, accounts, activities, with_lines):
    sizes = Sizes(opportunities)
    assert (sizes.accounts, sizes.activities, sizes.opportunities_with_lines) == (accounts, activities, with_lines)


def test_opportunities_hang_together(demo):
    every = Opportunity.objects.annotate(status_now=F("stage__status"))
    closed = every.filter(status_now__in=[Status.WON, Status.LOST])
    still_open = every.filter(status_now__in=[Status.OPEN, Status.PENDING])
    midnight = datetime.combine(TODAY, datetime.min.time(), UTC)

    assert not every.filter(Q(owner=None) | Q(account=None) | Q(amount__lte=0) | Q(close_date=None)).exists()
    assert closed.count() + still_open.count() == SOME
    assert not closed.filter(
        Q(closed_at=None) | Q(close_date__lt=date(2024, 12, 1)) | Q(close_date__gte=TODAY)
    ).exists()
    assert not closed.exclude(closed_at__date=F("close_date")).exists()
    assert not still_open.filter(Q(closed_at__isnull=False) | Q(close_date__lte=TODAY) | Q(next_step="")).exists()
    assert not every.filter(Q(created_at__gt=F("changed_at")) | Q(changed_at__gte=midnight)).exists()
    assert not every.filter(status_now=Status.WON).exclude(probability=100).exists()
    sums = every.values_list("currency").annotate(total=Sum("amount"))
    assert all(total > 0 for _currency, total in sums)
    won = closed.filter(status_now=Status.WON).count() / closed.count()
    assert 0.35 < won < 0.6


def test_every_line_adds_up(demo):
    wanting = Opportunity.objects.filter(wants_products=True)
    assert wanting.exists()
    for opportunity in wanting.prefetch_related("lines"):
        lines = opportunity.lines.all()
        net = sum(line.quantity * (line.unit_price - line.discount) for line in lines)
        assert net == opportunity.amount
        for line in lines:
            with_tax = line.quantity * (line.unit_price - line.discount) * (1 + (line.tax or 0))
            assert abs(line.total - with_tax) <= Decimal("0.005")


def test_a_change_of_team_is_in_the_history_and_nobody_sells_without_a_place(demo):
    moved = Rep.objects.annotate(stood=Count("places")).filter(stood=2)
    assert {rep.name for rep in moved} == {"Linh Phạm", "Renata Solís Monroy"}
    for rep in moved:
        before, after = rep.places.order_by("from_month")
        assert before.until_month < after.from_month
        assert before.team != after.team
        assert before.manager != after.manager
    without_manager = RepPlace.objects.filter(manager=None)
    assert [place.rep.name for place in without_manager] == ["Ingrid Sørensen"]
    places = {}
    for place in RepPlace.objects.all():
        places.setdefault(place.rep_id, []).append((place.from_month, place.until_month or date.max))
    for owner, closed in Opportunity.objects.filter(closed_at__isnull=False).values_list("owner", "close_date"):
        assert any(begins <= closed.replace(day=1) <= ends for begins, ends in places[owner])


def test_those_who_left_have_nothing_open(demo):
    gone = Rep.objects.get(active=False)
    assert gone.opportunities.filter(closed_at__isnull=False).exists()
    assert not gone.opportunities.filter(closed_at=None).exists()
    assert not gone.accounts.exists()


def test_reps_attain_between_60_and_130_per_cent_of_their_quotas():
    load(4_000, TODAY)
    rates = {(rate.month, rate.currency): rate.rate for rate in ExchangeRate.objects.all()}
    won, asked = {}, {}
    for opportunity in Opportunity.objects.filter(stage__status=Status.WON, close_date__lt=date(2026, 11, 1)):
        rate = rates.get((opportunity.close_date.replace(day=1), opportunity.currency), 1)
        won[opportunity.owner_id] = won.get(opportunity.owner_id, 0) + opportunity.amount * rate
    for quota in Quota.objects.filter(rep__isnull=False, month__lt=date(2026, 11, 1)):
        asked[quota.rep_id] = asked.get(quota.rep_id, 0) + quota.amount * rates.get((quota.month, quota.currency), 1)
    assert len(asked) == 31
    assert all(Decimal("0.6") < won[rep] / asked[rep] < Decimal("1.3") for rep in asked)


def test_quotas_cover_the_months_and_some_were_revised_for_a_reason(demo):
    months = Quota.objects.filter(rep__isnull=False).values_list("month", flat=True)
    assert (min(months), max(months), len(set(months))) == (date(2024, 12, 1), date(2026, 11, 1), 24)
    assert Quota.objects.filter(team__isnull=False).exists()
    revisions = QuotaRevision.objects.values_list("why").annotate(number=Count("id"))
    assert len(revisions) == 5
    assert QuotaRevision.objects.filter(why="Annual plan").count() == Quota.objects.count()
    assert ExchangeRate.objects.count() == 48


def test_activities_and_notes_lie_around_their_opportunity(demo):
    assert not Activity.objects.exclude(account=F("opportunity__account")).exists()
    assert not Activity.objects.filter(completed_at__gte=datetime(2026, 11, 22, 12, tzinfo=UTC)).exists()
    assert Activity.objects.filter(completed_at=None).exists()
    private = Note.objects.filter(private=True).count()
    assert 0 < private < Note.objects.count() / 2


def test_a_document_has_its_content_where_it_says(demo):
    stored = Document.objects.exclude(content="")
    assert stored.exists()
    for document in stored:
        assert default_storage.size(document.content.name) == document.size


def test_every_change_is_told_of_as_the_demos(demo):
    told = Change.objects.filter(kind="opportunity", child_kind=None, operation="insert")
    assert told.count() == SOME
    assert set(Change.objects.values_list("actor_label", "door")) == {("demo", Door.COMMAND)}


def test_a_second_load_is_refused_and_changes_nothing(demo):
    before = Change.objects.count()
    with pytest.raises(CannotLoad, match="The demo is here already"):
        load(SOME, TODAY)
    assert (Opportunity.objects.count(), Change.objects.count()) == (SOME, before)


def test_what_was_there_before_stays_as_it_was():
    with acting(None, Door.COMMAND, label="test"):
        won = Choice.objects.create(list="stage", label="WON ", status=Status.WON, order=7)
        tag = Tag.objects.create(name="Slow Payer")
        rate = ExchangeRate.objects.create(month=date(2026, 3, 1), currency="EUR", rate=Decimal("1.5"))
        mine = Account.objects.create(name="Bluebird Cafés", external_id="MINE-1")
    rows = [won, tag, rate, mine]
    before = [row.changed_at for row in rows]
    load(SOME, TODAY)
    for row in rows:
        row.refresh_from_db()
    assert [row.changed_at for row in rows] == before
    assert Opportunity.objects.filter(stage=won).exists()
    assert ExchangeRate.objects.filter(month=rate.month, currency="EUR").count() == 1


def test_the_first_of_a_month_and_a_leap_day_are_days_like_any_other():
    for today in (date(2027, 1, 1), date(2028, 2, 29)):
        with transaction.atomic():
            load(100, today)
            closed = Opportunity.objects.filter(closed_at__isnull=False)
            assert closed.count() == 90
            assert not closed.filter(close_date__gte=today).exists()
            transaction.set_rollback(True)


def test_a_company_that_counts_in_another_currency_is_told_so(settings):
    settings.COMPANY_CURRENCY = "JPY"
    with pytest.raises(CannotLoad, match="COMPANY_CURRENCY"):
        load(SOME, TODAY)


def test_rates_are_pinned_against_the_companys_own_currency(settings):
    settings.COMPANY_CURRENCY = "EUR"
    load(100, TODAY)
    assert set(ExchangeRate.objects.values_list("currency", flat=True)) == {"USD", "MXN"}


def test_the_logins_see_what_is_theirs(demo):
    made = make_logins()
    assert [(login.username, login.rep) for login in made] == [
        ("operations", ""),
        ("manager", "Oluchi Okonkwo"),
        ("rep", "Brendan O'Shaughnessy"),
    ]
    assert len({login.password for login in made}) == 3
    operations, manager, rep = (User.objects.get(username=login.username) for login in made)
    assert all(
        user.check_password(login.password) for user, login in zip((operations, manager, rep), made, strict=True)
    )
    assert Layout.objects.filter(user=rep).exists()

    def seen(user):
        return Opportunity.objects.visible_to(user)

    assert seen(operations).count() == SOME
    assert 0 < seen(rep).count() < seen(manager).count() < SOME
    assert not seen(rep).exclude(Q(owner=rep.rep) | Q(assigned_to=rep.rep)).exists()
    team = Rep.objects.filter(places__manager=manager.rep, places__until_month=None) | Rep.objects.filter(
        id=manager.rep.id
    )
    assert not seen(manager).exclude(Q(owner__in=team) | Q(assigned_to__in=team)).exists()


def test_logins_that_are_there_stay_as_they_are(demo):
    make_logins()
    before = list(User.objects.values_list("username", "password"))
    assert make_logins() == []
    assert list(User.objects.values_list("username", "password")) == before


def test_without_the_demo_only_operations_gets_a_login():
    assert [login.username for login in make_logins()] == ["operations"]


def test_the_command_says_what_it_did_and_refuses_a_second_time():
    out = StringIO()
    call_command("demo", "--opportunities", "100", "--today", "2026-11-22", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["today"], told["counts"]["opportunity"]) == ("2026-11-22", 100)
    assert is_loaded()
    with pytest.raises(CommandError, match="The demo is here already"):
        call_command("demo", "--opportunities", "100")


@pytest.mark.parametrize(
    "arguments", [["--opportunities", "0"], ["--opportunities", "many"], ["--today", "22/11/2026"]]
)
def test_the_command_refuses_nonsense_before_it_does_anything(arguments):
    with pytest.raises(CommandError, match="give a"):
        call_command("demo", *arguments)
    assert not is_loaded()
