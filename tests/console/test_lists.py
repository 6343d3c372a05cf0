"""Lists ask a fixed number of questions, count no further than they must, and hide what is archived."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from unfold.templatetags.unfold_list import items_for_result

from backoffice.changes.acting import Door, acting
from backoffice.console import lists, searching
from backoffice.console.cells import rows
from backoffice.crm.models import Account, Choice, Opportunity, Region
from tests.console.conftest import console_models

pytestmark = [pytest.mark.django_db, pytest.mark.db]

MOST = 8


def queries_of(visitor, model, **query):
    visitor.list(model, **query)  # what is only asked once per process is asked here
    with CaptureQueriesContext(connection) as asked:
        response = visitor.list(model, **query)
    assert response.status_code == 200
    return len(asked), len(response.context["cl"].result_list)


@pytest.mark.parametrize("model", console_models(), ids=lambda model: model._meta.label)
def test_a_list_asks_as_much_for_100_rows_as_for_10(model, visit, make, rep_user, admin_user, monkeypatch):
    monkeypatch.setattr(admin.site.get_model_admin(model), "list_per_page", 100)
    visitor = visit(admin_user)
    make(model, rep_user.rep, 10)
    few, shown_of_few = queries_of(visitor, model)
    with acting(None, Door.COMMAND, label="test"):
        Opportunity.objects.all().delete()
        model.objects.exclude(pk__in=[admin_user.pk] if model._meta.label == "access.User" else []).filter(
            **{"email__startswith": "rep"} if model._meta.label == "crm.Rep" else {}
        ).delete()
    make(model, rep_user.rep, 100)
    many, shown_of_many = queries_of(visitor, model)
    assert shown_of_few >= 10
    assert shown_of_many >= 95
    assert many == few <= MOST


@pytest.mark.parametrize("role", ["rep_user", "manager_user", "operations_user"])
@pytest.mark.parametrize("model", console_models(), ids=lambda model: model._meta.label)
def test_a_search_asks_no_more_than_a_list_may(model, role, visit, make, rep_user, request):
    make(model, rep_user.rep, 3)
    visitor = visit(request.getfixturevalue(role))
    if visitor.list(model).status_code in (403, 404):
        pytest.skip("not for this role")
    asked, _shown = queries_of(visitor, model, q="account 1")
    assert asked <= MOST


def test_archived_rows_are_shown_when_asked_for(visit, make, rep_user):
    here, gone = make(Account, rep_user.rep, 2)
    with acting(None, Door.COMMAND, label="test"):
        Account.objects.filter(pk=gone.pk).update(archived_at=timezone.now())
    visitor = visit(rep_user)

    def shown(**query):
        return {row.pk for row in visitor.list(Account, **query).context["cl"].result_list}

    assert shown() == {here.pk}
    assert shown(archive="archived") == {gone.pk}
    assert shown(archive="all") == {here.pk, gone.pk}


def test_archiving_and_taking_back_are_actions_of_the_list(visit, make, rep_user):
    first, second = make(Account, rep_user.rep, 2)
    visitor = visit(rep_user)
    where = "/admin/crm/account/?archive=all"
    visitor.post(where, {"action": "archive", "_selected_action": [first.pk, second.pk]})
    assert Account.objects.filter(archived_at=None).count() == 0
    visitor.post(where, {"action": "unarchive", "_selected_action": [first.pk]})
    assert Account.objects.get(archived_at=None) == first


def test_an_action_reaches_only_what_one_may_see(visit, make, rep_user, outsider_user):
    (account,) = make(Account, rep_user.rep)
    visit(outsider_user).post("/admin/crm/account/", {"action": "archive", "_selected_action": [account.pk]})
    account.refresh_from_db()
    assert not account.is_archived


def test_a_list_says_1000_plus_and_goes_on(visit, make, rep_user, monkeypatch):
    monkeypatch.setattr(searching, "LIMIT", 5)
    monkeypatch.setattr(lists, "LIMIT", 5)
    monkeypatch.setattr("backoffice.console.admin.crm.AccountAdmin.list_per_page", 4)
    make(Account, rep_user.rep, 9)
    visitor = visit(rep_user)
    first = visitor.list(Account).context["cl"]
    assert (first.count_in_words, first.has_next) == ("5+", True)
    seen = [row.pk for number in (1, 2, 3) for row in visitor.list(Account, p=number).context["cl"].result_list]
    assert len(seen) == len(set(seen)) == 9
    assert not visitor.list(Account, p=3).context["cl"].has_next


@pytest.mark.parametrize("way", ["", "-"])
@pytest.mark.parametrize("longest", [1, 1000])
def test_rows_without_a_value_come_last_whatever_the_way(visit, make, rep_user, monkeypatch, way, longest):
    monkeypatch.setattr(searching, "LIMIT", longest)
    monkeypatch.setattr(lists, "LIMIT", longest)
    monkeypatch.setattr("backoffice.console.admin.crm.OpportunityAdmin.list_per_page", 2)
    rows = make(Opportunity, rep_user.rep, 5)
    with acting(None, Door.COMMAND, label="test"):
        for row, amount in zip(rows, (None, 30, 10, None, 20), strict=True):
            Opportunity.objects.filter(pk=row.pk).update(amount=amount, currency="MXN")
    visitor = visit(rep_user)
    shown = [
        row.amount
        for page in (1, 2, 3)
        for row in visitor.list(Opportunity, o=f"{way}3", p=page).context["cl"].result_list
    ]
    assert shown == [*sorted((10, 20, 30), reverse=way == "-"), None, None]


def test_a_page_number_too_far_to_count_to_says_so(visit, make, rep_user, monkeypatch):
    monkeypatch.setattr(lists, "LAST_PAGE", 2)
    monkeypatch.setattr("backoffice.console.admin.crm.RegionAdmin.list_per_page", 2)
    make(Region, rep_user.rep, 6)
    visitor = visit(rep_user)
    page = visitor.list(Region, p=3)
    assert page.context["cl"].page_num == 2
    assert "Page numbers end at 2." in page.content.decode()
    assert "Page numbers end" not in visitor.list(Region, p=2).content.decode()


@pytest.mark.parametrize("order", ["", "1", "-1", "2", "-2"])
def test_one_walks_a_long_list_forth_and_back_by_its_links(visit, make, rep_user, monkeypatch, order):
    monkeypatch.setattr(searching, "LIMIT", 3)
    monkeypatch.setattr(lists, "LIMIT", 3)
    monkeypatch.setattr("backoffice.console.admin.crm.RegionAdmin.list_per_page", 4)
    make(Region, rep_user.rep, 10)
    visitor = visit(rep_user)
    address = f"/admin/crm/region/{order and f'?o={order}'}"
    forth, links = [], []
    while address:
        changelist = visitor.get(address).context["cl"]
        forth.append([row.pk for row in changelist.result_list])
        links.append(changelist.page_address(changelist.page_num - 1))
        address = changelist.has_next and f"/admin/crm/region/{changelist.page_address(changelist.page_num + 1)}"
    assert [len(page) for page in forth] == [4, 4, 2]
    assert len({pk for page in forth for pk in page}) == 10
    for number in (2, 1):
        changelist = visitor.get(f"/admin/crm/region/{links[number]}").context["cl"]
        assert [row.pk for row in changelist.result_list] == forth[number - 1]
        assert changelist.has_next


def test_an_edge_that_makes_no_sense_is_ignored(visit, make, rep_user, monkeypatch):
    monkeypatch.setattr(searching, "LIMIT", 1)
    monkeypatch.setattr(lists, "LIMIT", 1)
    make(Opportunity, rep_user.rep, 3)
    for edge in ("x", "x~1", "~", "2026-99-99~1"):
        assert len(visit(rep_user).list(Opportunity, p=2, after=edge).context["cl"].result_list) in (0, 3)


def test_a_long_list_says_about_how_long_it_is(visit, make, operations_user, rep_user, monkeypatch):
    monkeypatch.setattr(lists, "estimated_count", lambda model: 1_234_567)
    make(Account, rep_user.rep, 2)
    page = visit(operations_user).list(Account)
    assert page.context["cl"].count_in_words == "about 1,230,000"
    assert "about 1,230,000" in page.content.decode()


def test_a_page_number_that_makes_no_sense_is_the_first_or_an_empty_page(visit, make, rep_user):
    make(Account, rep_user.rep, 2)
    visitor = visit(rep_user)
    for number in ("-3", "0", "x"):
        assert len(visitor.list(Account, p=number).context["cl"].result_list) == 2
    assert visitor.list(Account, p="99999999999").context["cl"].result_list == []


@pytest.mark.parametrize("column", ["0", "2", "5", "6"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_opportunities_are_sorted_both_ways_by_what_an_index_serves(visit, make, rep_user, column, sign):
    make(Opportunity, rep_user.rep, 3)
    page = visit(rep_user).list(Opportunity, o=f"{sign}{int(column) + 1}")
    assert page.status_code == 200
    assert len(page.context["cl"].result_list) == 3


def test_a_status_finds_the_opportunities_of_its_stages(visit, make, rep_user):
    from tests.console.rows import stage

    won, without, open_ = make(Opportunity, rep_user.rep, 3)
    with acting(None, Door.COMMAND, label="test"):
        Opportunity.objects.filter(pk=won.pk).update(stage=stage("Signed", "won"))
        Opportunity.objects.filter(pk=without.pk).update(stage=None)
    visitor = visit(rep_user)

    def with_status(status):
        return {row.pk for row in visitor.list(Opportunity, status=status).context["cl"].result_list}

    assert with_status("won") == {won.pk}
    assert with_status("open") == {without.pk, open_.pk}


def test_filters_load_no_long_table(visit, make, rep_user):
    make(Opportunity, rep_user.rep, 3)
    with CaptureQueriesContext(connection) as asked:
        visit(rep_user).list(Opportunity)
    texts = [query["sql"] for query in asked]
    assert not [text for text in texts if 'FROM "crm_account"' in text]
    assert len([text for text in texts if f'FROM "{Choice._meta.db_table}"' in text]) == 1


def test_a_filter_does_not_tell_the_name_of_a_record_one_may_not_see(visit, make, rep_user, outsider_user):
    (account,) = make(Account, rep_user.rep)
    page = visit(outsider_user).list(Opportunity, account__id__exact=account.pk)
    assert account.name not in page.content.decode()


def test_secrets_can_not_be_guessed_at_in_the_address(visit, admin_user):
    page = visit(admin_user).get("/admin/access/user/", {"password__startswith": "md5"})
    assert page.status_code == 400


def test_an_empty_list_says_whether_it_is_narrowed(visit, rep_user):
    visitor = visit(rep_user)
    assert "Nothing here yet." in visitor.list(Account).content.decode()
    for narrowed in ({"q": "nobody"}, {"archive": "archived"}):
        shown = visitor.list(Account, **narrowed).content.decode()
        assert "Nothing matches. Take a filter or a word away." in shown
        assert "Reset filters" in shown


def test_a_row_says_what_is_in_the_record_and_marks_nothing_up(visit, make, rep_user):
    with acting(None, Door.COMMAND, label="test"):
        account = Account.objects.create(name="<b>Mill</b>", owner=rep_user.rep)
        opportunity = Opportunity.objects.create(
            name="<i>Dúo</i> & 'co'", account=account, owner=rep_user.rep, amount=1200, currency="USD"
        )
    page = visit(rep_user).list(Opportunity, q="duo").content.decode()
    address = f"/admin/crm/opportunity/{opportunity.pk}/change/?_changelist_filters=q%3Dduo"
    assert f'<a href="{address}" class="text-important" >&lt;i&gt;Dúo&lt;/i&gt; &amp; &#x27;co&#x27;</a></th>' in page
    assert 'aria-label="Select &lt;i&gt;Dúo&lt;/i&gt; &amp; &#x27;co&#x27;"' in page
    assert "&lt;b&gt;Mill&lt;/b&gt;</td>" in page
    assert "<i>Dúo" not in page
    assert "<b>Mill" not in page


@pytest.mark.parametrize("query", [{}, {"_popup": "1"}], ids=["", "popup"])
@pytest.mark.parametrize("model", console_models(), ids=lambda model: model._meta.label)
def test_a_row_is_drawn_as_unfold_draws_it(model, query, visit, make, rep_user, admin_user):
    make(model, rep_user.rep, 2)
    changelist = visit(admin_user).list(model, **query).context["cl"]
    drawn = ["".join(items_for_result(changelist, row, None)) for row in changelist.result_list]
    assert list(rows(changelist)) == drawn
    assert len(drawn) >= 2
