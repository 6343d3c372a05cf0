"""Opportunities: what may be sold, with their lines, people and tags."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.access.models import User
from backoffice.changes.registry import logged
from backoffice.crm.models.accounts import Account
from backoffice.crm.models.base import (
    Row,
    amount_has_currency,
    choice,
    currency,
    external_id,
    flag,
    folded,
    indexes_for,
    money,
    part_of,
    prose,
    reference,
    required_text,
    search_index,
    searched,
    text,
)
from backoffice.crm.models.choices import Status, Tagging
from backoffice.crm.models.contacts import Contact
from backoffice.crm.models.groups import Campaign, Group
from backoffice.crm.models.products import Product
from backoffice.crm.models.reps import Rep
from backoffice.crm.visibility import owned_by, reps_under


class ProspectType(models.TextChoices):
    NEW = "new", pgettext_lazy("prospect", "new")
    EXISTING = "existing", pgettext_lazy("prospect", "existing")


class Operation(models.TextChoices):
    NEW = "new", pgettext_lazy("operation", "new")
    RENEW = "renew", pgettext_lazy("operation", "renewal")


def percentage(column: str, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=models.Q(**{f"{column}__isnull": True}) | models.Q(**{f"{column}__lte": 100}),
        name=name,
        violation_error_message=_("This lies between 0 and 100."),
    )


@logged("opportunity")
class Opportunity(Row):
    """Something that may be sold. Its amount stands for itself: the lines need not add up to it."""

    name = required_text(_("name"))
    external_id = external_id(_("opportunity ID"))
    account = reference(Account, _("account"), "opportunities", db_index=True)
    primary_contact = reference(Contact, _("primary contact"), "primary_opportunities")
    group = reference(Group, _("group"), "opportunities")
    campaign = reference(Campaign, _("campaign"), "opportunities")
    owner = reference(Rep, _("owner"), "opportunities")
    assigned_to = reference(Rep, _("assigned to"), "assigned_opportunities")
    altered_by = reference(Rep, _("altered by"), "altered_opportunities")
    amount = money(_("amount"))
    currency = currency()
    probability = models.PositiveSmallIntegerField(_("probability"), null=True, blank=True, help_text=_("Per cent."))
    close_date = models.DateField(_("close date"), null=True, blank=True)
    expected_close = models.DateField(_("expected close"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    stage = choice("stage", _("stage"), db_index=True)
    stage_system = text(_("stage in the system"), help_text=_("The stage as the source last sent it."))
    forecast_system = text(
        _("forecast in the system"),
        help_text=_("The forecast as the source last sent it."),
    )
    forecast_category = choice("forecast", _("forecast category"))
    type = choice("type", _("type"))
    source = choice("source", _("source"))
    prospect_type = models.CharField(
        _("prospect type"),
        max_length=10,
        choices=ProspectType,
        blank=True,
        default="",
        db_default="",
    )
    operation = models.CharField(
        _("operation"),
        max_length=10,
        choices=Operation,
        blank=True,
        default="",
        db_default="",
    )
    next_step = prose(_("next step"))
    description = prose(_("description"))
    product_text = text(_("product as text"))
    wants_products = flag(_("wants products"))
    wants_tax = flag(_("wants tax"))
    active = flag(_("active"), default=True)
    activity_index = models.PositiveSmallIntegerField(_("activity index"), null=True, blank=True)
    relationship_index = models.PositiveSmallIntegerField(_("relationship index"), null=True, blank=True)
    name_key = folded("name")
    search = searched("name", "external_id")

    class Meta:
        verbose_name = _("opportunity")
        verbose_name_plural = _("opportunities")
        ordering = ("-changed_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=["external_id"],
                name="opportunity_id_is_unique",
                violation_error_message=_("Another opportunity already has this opportunity ID."),
            ),
            models.CheckConstraint(
                condition=~models.Q(external_id=""),
                name="opportunity_id_is_null_when_unknown",
                violation_error_message=_("Leave the opportunity ID out rather than empty."),
            ),
            amount_has_currency("amount", "opportunity_amount_has_a_currency"),
            percentage("probability", "opportunity_probability_is_a_percentage"),
            percentage("activity_index", "opportunity_activity_index_is_a_percentage"),
            percentage("relationship_index", "opportunity_relationship_index_is_a_percentage"),
        )
        indexes = (
            models.Index(fields=["owner", "id"], name="opportunity_owner"),
            models.Index(fields=["name_key", "id"], name="opportunity_name"),
            models.Index(fields=["amount", "id"], name="opportunity_amount"),
            models.Index(fields=["close_date", "id"], name="opportunity_close_date"),
            models.Index(fields=["changed_at", "id"], name="opportunity_changed"),
            *indexes_for(
                "opportunity",
                "primary_contact",
                "group",
                "campaign",
                "assigned_to",
                "altered_by",
            ),
            *indexes_for("opportunity", "forecast_category", "type", "source"),
            search_index("opportunity"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def opportunity_id(self) -> str:
        """What uploads and vendors call it: its external id or, born here, its uid."""
        return self.external_id or str(self.uid)

    @property
    def status(self) -> Status:
        return Status(self.stage.status) if self.stage else Status.OPEN

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return owned_by(reps_under(user))


@logged("line_item", parent="opportunity", parent_field="opportunity_id")
class LineItem(models.Model):
    """A line: how many of a product at what price; discount in money per unit, tax as a fraction."""

    opportunity = part_of(Opportunity, _("opportunity"), "lines")
    product = reference(Product, _("product"), "lines", null=False, blank=False, db_index=True)
    position = models.PositiveIntegerField(_("position"), default=0, db_default=0)
    quantity = models.IntegerField(_("quantity"), default=1, db_default=1)
    unit_price = money(_("unit price"))
    discount = money(_("discount"), help_text=_("Money per unit."))
    tax = models.DecimalField(
        _("tax"),
        max_digits=7,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("A fraction: 0.16 for 16 %."),
    )
    total = money(_("total"))

    class Meta:
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        ordering = ("position", "id")

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product}"


@logged("opportunity_contact", parent="opportunity", parent_field="opportunity_id")
class OpportunityContact(models.Model):
    """A contact's role in an opportunity."""

    opportunity = part_of(Opportunity, _("opportunity"), "contacts")
    contact = reference(Contact, _("contact"), "roles", null=False, blank=False, db_index=True)
    role = text(_("role"))
    position = models.PositiveIntegerField(_("position"), default=0, db_default=0)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ("position", "id")
        constraints = (
            models.UniqueConstraint(fields=["opportunity", "contact"], name="opportunity_has_a_contact_once"),
        )

    def __str__(self) -> str:
        return f"{self.contact} ({self.role})" if self.role else str(self.contact)


@logged("opportunity_tag", parent="opportunity", parent_field="opportunity_id")
class OpportunityTag(Tagging):
    opportunity = part_of(Opportunity, _("opportunity"), "tags")

    class Meta(Tagging.Meta):
        constraints = (models.UniqueConstraint(fields=["opportunity", "tag"], name="opportunity_has_a_tag_once"),)
