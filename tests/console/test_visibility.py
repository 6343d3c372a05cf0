"""Every list and every record as rep, manager, operations and outsider: what one may not see does not exist."""

import pytest

from backoffice.access.permissions import may
from backoffice.crm.models import (
    Account,
    Activity,
    Campaign,
    CampaignMember,
    Contact,
    Document,
    Layout,
    Note,
    Opportunity,
    OpportunityContact,
    Rep,
    Ticket,
)
from backoffice.imports.models import Upload
from backoffice.quotas.models import Quota
from backoffice.sync.models import Connection
from tests.console.conftest import address, console_models

pytestmark = [pytest.mark.django_db, pytest.mark.db]

ROLES = ("rep_user", "manager_user", "operations_user", "outsider_user")
OF_THE_REP = {"rep_user", "manager_user", "operations_user"}
SEEN_BY = {
    "access.ApiKey": set(),
    "access.User": set(),
    "crm.Layout": {"rep_user", "operations_user"},
    "crm.Rep": {"manager_user", "operations_user", "rep_user"},
    "imports.Export": {"rep_user", "operations_user"},
    "imports.Upload": {"operations_user"},
    "jobs.Job": {"rep_user", "operations_user"},
    "sync.Conflict": {"manager_user", "operations_user"},
    "sync.Connection": {"manager_user", "operations_user", "outsider_user"},
    "sync.Push": {"manager_user", "operations_user"},
    "sync.SetAside": {"manager_user", "operations_user", "outsider_user"},
    "sync.Suggestion": {"manager_user", "operations_user"},
    **{
        model._meta.label: OF_THE_REP
        for model in (Account, Activity, Contact, Document, Note, Opportunity, Quota, Ticket)
    },
}
EVERYBODY = set(ROLES)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("model", console_models(), ids=lambda model: model._meta.label)
def test_a_record_exists_for_whoever_may_see_it_and_for_nobody_else(model, role, visit, make, rep_user, request):
    user = request.getfixturevalue(role)
    owner = rep_user.rep
    (row,) = [rep_user.rep] if model is Rep else make(model, owner)
    sees = role in SEEN_BY.get(model._meta.label, EVERYBODY)
    visitor = visit(user)

    if not may(user, "view", model):
        assert not sees
        assert visitor.list(model).status_code == (404 if model._meta.app_label == "sync" else 403)
        assert visitor.record(row).status_code in (403, 404)
        return

    listed = visitor.list(model, archive="all") if hasattr(model, "archived_at") else visitor.list(model)
    assert listed.status_code == 200
    assert (row.pk in {shown.pk for shown in listed.context["cl"].result_list}) == sees
    found = visitor.list(model, q=str(row)[:20])
    assert sees or row.pk not in {shown.pk for shown in found.context["cl"].result_list}
    assert (visitor.record(row).status_code in (200, 302)) == sees
    assert sees or visitor.record(row).status_code == 404
    if hasattr(model, "change_kind"):
        assert visitor.history(row).status_code == (200 if sees else 404)
    deleting = visitor.get(address(row, "delete", row.pk)).status_code
    kept = model is Upload or model._meta.app_label == "sync"  # an upload with what it changed, a connection too
    if sees and may(user, "delete", model) and not kept:
        assert deleting == 200
    assert sees or deleting in (403, 404)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("model", console_models(), ids=lambda model: model._meta.label)
def test_the_form_for_a_new_record_opens_for_whoever_may_make_one(model, role, visit, rep_user, request):
    user = request.getfixturevalue(role)
    answer = visit(user).get(address(model, "add"))
    comes_by_itself = model._meta.app_label == "sync" and model is not Connection
    makes = may(user, "add", model) and not comes_by_itself
    assert answer.status_code in ((200, 302) if makes else (403, 404))


@pytest.mark.parametrize(
    ("model", "field", "target"),
    [
        (Opportunity, "account", Account),
        (Opportunity, "primary_contact", Contact),
        (Opportunity, "owner", Rep),
        (Note, "opportunity", Opportunity),
        (CampaignMember, "campaign", Campaign),
    ],
)
@pytest.mark.parametrize("role", ROLES)
def test_reference_fields_offer_only_what_one_may_see(model, field, target, role, visit, make, rep_user, request):
    (row,) = [rep_user.rep] if target is Rep else make(target, rep_user.rep)
    sees = role in SEEN_BY.get(target._meta.label, EVERYBODY)
    offered = visit(request.getfixturevalue(role)).autocomplete(model, field).json()["results"]
    assert (str(row.pk) in {entry["id"] for entry in offered}) == sees
    found = visit(request.getfixturevalue(role)).autocomplete(model, field, str(row)[:6]).json()["results"]
    assert (str(row.pk) in {entry["id"] for entry in found}) == sees


def test_a_form_takes_no_reference_that_one_may_not_see(visit, make, rep_user, outsider_user):
    (mine,) = make(Contact, outsider_user.rep)
    (account,) = make(Account, rep_user.rep)
    answer = visit(outsider_user).save(mine, account=str(account.pk))
    assert answer.status_code == 200
    assert "account" in answer.context["adminform"].form.errors
    mine.refresh_from_db()
    assert mine.account_id != account.pk


def test_a_reference_that_stands_is_kept_even_if_one_may_not_see_it(visit, make, rep_user, outsider_user):
    (opportunity,) = make(Opportunity, rep_user.rep)
    from backoffice.changes.acting import Door, acting

    with acting(None, Door.COMMAND, label="test"):
        Opportunity.objects.filter(pk=opportunity.pk).update(assigned_to=outsider_user.rep)
    answer = visit(rep_user).save(opportunity, name="Renamed")
    assert answer.status_code == 302
    opportunity.refresh_from_db()
    assert (opportunity.name, opportunity.assigned_to_id) == ("Renamed", outsider_user.rep.pk)


def test_a_campaign_shows_only_the_members_one_may_see(visit, make, rep_user, outsider_user):
    (campaign,) = make(Campaign, rep_user.rep)
    contact = campaign.members.get().contact
    assert str(contact) in visit(rep_user).record(campaign).content.decode()
    assert str(contact) not in visit(outsider_user).record(campaign).content.decode()


def test_an_opportunity_shows_only_the_contacts_one_may_see(visit, make, rep_user, outsider_user):
    (opportunity,) = make(Opportunity, outsider_user.rep)
    (strange,) = make(Contact, rep_user.rep)
    from backoffice.changes.acting import Door, acting

    with acting(None, Door.COMMAND, label="test"):
        strange.given = "Strange"
        strange.save(update_fields=["given"])
        OpportunityContact.objects.create(opportunity=opportunity, contact=strange)
    inlines = visit(outsider_user).record(opportunity).context["inline_admin_formsets"]
    assert strange.pk not in [form.instance.contact_id for form in inlines[1].formset.initial_forms]


def test_a_private_note_is_its_authors_and_operations(visit, make, rep_user, manager_user, operations_user):
    (note,) = make(Note, rep_user.rep)
    visit(rep_user).save(note, private="on")
    assert visit(rep_user).record(note).status_code == 200
    assert visit(operations_user).record(note).status_code == 200
    assert visit(manager_user).record(note).status_code == 404


def test_a_layout_belongs_to_whoever_makes_it(visit, rep_user):
    visit(rep_user).add(Layout, entity="account", name="Short", **{"fields-0-text": "name"})
    assert Layout.objects.get(name="Short").user == rep_user
