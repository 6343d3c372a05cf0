"""Campaigns and groups, and who is in them since when."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.changes.registry import logged
from backoffice.crm.models.accounts import Account
from backoffice.crm.models.base import (
    Row,
    choice,
    exactly_one,
    folded,
    indexes_for,
    part_of,
    prose,
    reference,
    required_text,
    search_index,
    searched,
)
from backoffice.crm.models.contacts import Contact
from backoffice.crm.models.reps import Rep
from backoffice.crm.visibility import of_the_company


@logged("campaign")
class Campaign(Row):
    name = required_text(_("name"))
    description = prose(_("description"))
    owner = reference(Rep, _("owner"), "campaigns", db_index=True)
    status = choice("campaign_status", _("status"))
    name_key = folded("name")
    search = searched("name")

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ("name_key", "id")
        indexes = (
            models.Index(fields=["name_key", "id"], name="campaign_name"),
            *indexes_for("campaign", "status"),
            search_index("campaign"),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return of_the_company(user)


@logged("group")
class Group(Row):
    name = required_text(_("name"))
    description = prose(_("description"))
    owner = reference(Rep, _("owner"), "groups", db_index=True)
    status = choice("group_status", _("status"))
    name_key = folded("name")
    search = searched("name")

    class Meta:
        verbose_name = _("group")
        verbose_name_plural = _("groups")
        ordering = ("name_key", "id")
        indexes = (
            models.Index(fields=["name_key", "id"], name="group_name"),
            *indexes_for("group", "status"),
            search_index("group"),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return of_the_company(user)


class Member(models.Model):
    """An account or a contact that belongs to something since a day."""

    account = reference(Account, _("account"), "+", db_index=True)
    contact = reference(Contact, _("contact"), "+", db_index=True)
    since = models.DateField(_("since"), null=True, blank=True)

    class Meta:
        abstract = True
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ("id",)

    def __str__(self) -> str:
        return str(self.contact or self.account)


@logged("campaign_member", parent="campaign", parent_field="campaign_id")
class CampaignMember(Member):
    campaign = part_of(Campaign, _("campaign"), "members")

    class Meta(Member.Meta):
        constraints = (
            exactly_one(("account", "contact"), "campaign_member_is_an_account_or_a_contact"),
            models.UniqueConstraint(fields=["campaign", "account"], name="campaign_has_an_account_once"),
            models.UniqueConstraint(fields=["campaign", "contact"], name="campaign_has_a_contact_once"),
        )


@logged("group_member", parent="group", parent_field="group_id")
class GroupMember(Member):
    group = part_of(Group, _("group"), "members")

    class Meta(Member.Meta):
        constraints = (
            exactly_one(("account", "contact"), "group_member_is_an_account_or_a_contact"),
            models.UniqueConstraint(fields=["group", "account"], name="group_has_an_account_once"),
            models.UniqueConstraint(fields=["group", "contact"], name="group_has_a_contact_once"),
        )
