"""Accounts: the companies we sell to."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.changes.registry import logged
from backoffice.crm.models.base import (
    FIRST_EMAIL,
    FIRST_PHONE,
    Row,
    choice,
    external_id,
    folded,
    generated,
    indexes_for,
    part_of,
    prose,
    reference,
    required_text,
    rows,
    search_index,
    searched,
    text,
)
from backoffice.crm.models.choices import Tagging
from backoffice.crm.models.reps import Rep
from backoffice.crm.visibility import accounts_of, reps_under

DOMAIN = (
    r"lower(substring(btrim(website) from '^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/@]*@)?(?:[Ww]{3}\.)?([^/:?#\s]+)'))"
)


@logged("account")
class Account(Row):
    name = required_text(_("name"))
    external_id = external_id(_("account ID"))
    billing_name = text(_("billing name"))
    tax_id = text(_("tax id"))
    client_number = text(_("client number"))
    description = prose(_("description"))
    website = text(_("website"))
    emails = rows(_("emails"))
    phones = rows(_("phones"))
    addresses = rows(_("addresses"))
    type = choice("account_type", _("type"))
    industry = choice("industry", _("industry"))
    status = choice("account_status", _("status"))
    source = choice("source", _("source"))
    classification = choice("classification", _("classification"))
    rating = choice("rating", _("rating"))
    parent = reference("self", _("parent account"), "children")
    owner = reference(Rep, _("owner"), "accounts", db_index=True)
    assigned_to = reference(Rep, _("assigned to"), "assigned_accounts")
    email = generated(f"lower({FIRST_EMAIL})", verbose_name=_("email"), null=True)
    phone = generated(FIRST_PHONE, verbose_name=_("phone"), null=True)
    domain = generated(DOMAIN, verbose_name=_("website domain"), null=True)
    name_key = folded("name")
    search = searched(
        "name",
        "billing_name",
        "external_id",
        "tax_id",
        "client_number",
        "website",
        FIRST_EMAIL,
    )

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ("name_key", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["external_id"],
                name="account_id_is_unique",
                violation_error_message=_("Another account already has this account ID."),
            ),
            models.CheckConstraint(
                condition=~models.Q(external_id=""),
                name="account_id_is_null_when_unknown",
                violation_error_message=_("Leave the account ID out rather than empty."),
            ),
            models.CheckConstraint(
                condition=models.Q(parent__isnull=True) | ~models.Q(parent=models.F("id")),
                name="account_is_not_its_own_parent",
                violation_error_message=_("An account can't be its own parent."),
            ),
        )
        indexes = (
            models.Index(fields=["name_key", "id"], name="account_name"),
            models.Index(fields=["changed_at", "id"], name="account_changed"),
            *indexes_for(
                "account",
                "domain",
                "email",
                "phone",
                "assigned_to",
                "parent",
                "type",
                "industry",
                "status",
            ),
            *indexes_for("account", "source", "classification", "rating"),
            models.Index(fields=["tax_id"], name="account_tax_id", condition=~models.Q(tax_id="")),
            search_index("account"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def account_id(self) -> str:
        """What uploads call it: its external id or, without one, its uid."""
        return self.external_id or str(self.uid)

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return accounts_of(reps_under(user))


@logged("account_tag", parent="account", parent_field="account_id")
class AccountTag(Tagging):
    account = part_of(Account, _("account"), "tags")

    class Meta(Tagging.Meta):
        constraints = (models.UniqueConstraint(fields=["account", "tag"], name="account_has_a_tag_once"),)
