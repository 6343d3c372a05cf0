"""Our own pick lists, custom fields, layouts and tags."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.changes.registry import logged
from backoffice.crm.models.base import (
    Row,
    flag,
    folded,
    part_of,
    reference,
    required_text,
    searched,
)
from backoffice.crm.visibility import of_the_company


class ChoiceList(models.TextChoices):
    """The pick lists there are."""

    STAGE = "stage", _("stage")
    TYPE = "type", _("opportunity type")
    SOURCE = "source", _("source")
    FORECAST = "forecast", _("forecast category")
    ACCOUNT_TYPE = "account_type", _("account type")
    ACCOUNT_STATUS = "account_status", _("account status")
    INDUSTRY = "industry", _("industry")
    CLASSIFICATION = "classification", _("classification")
    RATING = "rating", _("rating")
    ORIGIN = "origin", _("origin")
    CONTACT_STATUS = "contact_status", _("contact status")
    TITLE = "title", _("salutation")
    POSITION = "position", _("position")
    DEPARTMENT = "department", _("department")
    CATEGORY = "category", _("product category")
    MEASURE = "measure", _("measure")
    VALIDITY = "validity", _("validity")
    DISCOUNT = "discount", _("discount")
    TAX = "tax", _("tax")
    CASE = "case", _("case")
    PRIORITY = "priority", _("priority")
    TICKET_ORIGIN = "ticket_origin", _("ticket origin")
    TICKET_STATUS = "ticket_status", _("ticket status")
    CAMPAIGN_STATUS = "campaign_status", _("campaign status")
    GROUP_STATUS = "group_status", _("group status")


class Status(models.TextChoices):
    """What a stage means for the money: an opportunity without a stage is open."""

    OPEN = "open", _("open")
    PENDING = "pending", _("pending")
    WON = "won", _("won")
    LOST = "lost", _("lost")


@logged("choice")
class Choice(Row):
    """An entry of a pick list. A stage says what it means for the money; a tax its rate; a validity its days."""

    list = models.CharField(_("list"), max_length=30, choices=ChoiceList)
    label = required_text(_("label"))
    order = models.IntegerField(_("order"), default=0, db_default=0)
    active = flag(_("active"), default=True)
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=Status,
        blank=True,
        default="",
        db_default="",
        help_text=_("Stages only: what an opportunity in this stage counts as."),
    )
    probability = models.PositiveSmallIntegerField(
        _("probability"), null=True, blank=True, help_text=_("Stages only: per cent.")
    )
    rate = models.DecimalField(
        _("rate"),
        max_digits=7,
        decimal_places=6,
        null=True,
        blank=True,
        help_text=_("Taxes and discounts only: a fraction, 0.16 for 16 %."),
    )
    days = models.PositiveIntegerField(_("days"), null=True, blank=True, help_text=_("Validities only."))
    label_key = folded("label")

    class Meta:
        verbose_name = _("choice")
        verbose_name_plural = _("choices")
        ordering = ("list", "order", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["list", "label_key"],
                name="choice_label_is_unique_in_its_list",
                violation_error_message=_("This list already has an entry of this name."),
            ),
            models.CheckConstraint(
                condition=(models.Q(list="stage") & ~models.Q(status=""))
                | (~models.Q(list="stage") & models.Q(status="")),
                name="choice_status_is_for_stages_and_each_has_one",
                violation_error_message=_("A stage needs a status, and only a stage has one."),
            ),
            models.CheckConstraint(
                condition=models.Q(probability__isnull=True) | models.Q(probability__lte=100),
                name="choice_probability_is_a_percentage",
                violation_error_message=_("A probability lies between 0 and 100."),
            ),
        )

    def __str__(self) -> str:
        return self.label

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return of_the_company(user)


@logged("custom_field")
class CustomField(Row):
    """A field of the company's own; its values stand in `custom` under the slug."""

    class Type(models.TextChoices):
        TEXT = "text", _("text")
        LONG_TEXT = "long_text", _("long text")
        NUMBER = "number", _("number")
        MONEY = "money", _("money")
        DATE = "date", _("date")
        TIME = "time", _("date and time")
        YES_NO = "yes_no", _("yes or no")
        CHOICE = "choice", _("one of a list")
        CHOICES = "choices", _("several of a list")
        URL = "url", _("web address")

    entity = models.CharField(_("record"), max_length=30, help_text=_("account, contact, opportunity, …"))
    slug = models.SlugField(_("slug"), max_length=100)
    label = required_text(_("label"))
    type = models.CharField(_("type"), max_length=20, choices=Type, default=Type.TEXT)
    options = models.JSONField(_("options"), default=list, blank=True)
    required = flag(_("required"))
    read_only = flag(_("read-only"))
    order = models.IntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("custom field")
        verbose_name_plural = _("custom fields")
        ordering = ("entity", "order", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["entity", "slug"],
                name="custom_field_slug_is_unique_per_record_kind",
                violation_error_message=_("There is already a field with this slug."),
            ),
        )

    def __str__(self) -> str:
        return self.label

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return of_the_company(user)


@logged("layout")
class Layout(Row):
    """A login's named, ordered set of fields."""

    user = part_of(User, _("login"), "layouts")
    entity = models.CharField(_("record"), max_length=30)
    name = required_text(_("name"))
    fields = models.JSONField(_("fields"), default=list, blank=True)

    class Meta:
        verbose_name = _("layout")
        verbose_name_plural = _("layouts")
        ordering = ("entity", "name", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["user", "entity", "name"],
                name="layout_name_is_unique_per_login_and_record_kind",
                violation_error_message=_("You already have a layout of this name."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return models.Q(user=user)


@logged("tag")
class Tag(Row):
    """A word that groups records of any kind."""

    name = required_text(_("name"))
    name_key = folded("name")
    search = searched("name")

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ("name_key", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["name_key"],
                name="tag_name_is_unique",
                violation_error_message=_("There is already a tag of this name."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return of_the_company(user)


class Tagging(models.Model):
    """A tag on a record, in order; one concrete table per kind of record."""

    tag = reference(Tag, _("tag"), "+", null=False, blank=False, db_index=True)
    position = models.PositiveIntegerField(_("position"), default=0, db_default=0)

    class Meta:
        abstract = True
        ordering = ("position", "id")
        verbose_name = _("tag")
        verbose_name_plural = _("tags")

    def __str__(self) -> str:
        return str(self.tag)
