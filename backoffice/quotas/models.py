"""Quotas with their revisions, and the exchange rates pinned per month."""

from datetime import date

from django.db import models
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import Role, User
from backoffice.access.visibility import VisibleQuerySet
from backoffice.changes.registry import logged
from backoffice.crm.models import Rep, RepPlace, Team
from backoffice.crm.models.base import (
    Row,
    amount_has_currency,
    currency,
    exactly_one,
    first_of_month,
    money,
    part_of,
    reference,
    text,
)
from backoffice.crm.visibility import of_the_company, reps_under


def month_in_words(month: date) -> str:
    return date_format(month, "YEAR_MONTH_FORMAT")


@logged("quota")
class Quota(Row):
    """What a rep, or a team, is to sell in a month. Every change of it leaves a revision, by a trigger."""

    rep = reference(Rep, _("rep"), "quotas")
    team = reference(Team, _("team"), "quotas")
    month = models.DateField(_("month"))
    amount = money(_("amount"), null=False, blank=False)
    currency = currency()

    class Meta:
        verbose_name = _("quota")
        verbose_name_plural = _("quotas")
        ordering = ("-month", "-id")
        constraints = (
            exactly_one(("rep", "team"), "quota_is_of_a_rep_or_a_team"),
            first_of_month("month", "quota_month_is_its_first_day"),
            amount_has_currency("amount", "quota_amount_has_a_currency"),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0),
                name="quota_amount_is_not_negative",
                violation_error_message=_("A quota is not negative."),
            ),
            models.UniqueConstraint(
                fields=["rep", "month"],
                name="quota_is_one_per_rep_and_month",
                violation_error_message=_("The rep already has a quota for this month."),
            ),
            models.UniqueConstraint(
                fields=["team", "month"],
                name="quota_is_one_per_team_and_month",
                violation_error_message=_("The team already has a quota for this month."),
            ),
        )
        indexes = (models.Index(fields=["month", "id"], name="quota_month"),)

    def __str__(self) -> str:
        return f"{self.rep or self.team} · {month_in_words(self.month)}"

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        """A rep's own quotas; a manager's team's, and those of the teams whose places they manage."""
        reps = reps_under(user)
        own = models.Q(rep__in=reps)
        if user.role != Role.MANAGER:
            return own
        return own | models.Q(team__in=RepPlace.objects.filter(manager__in=reps).values("team"))


class QuotaRevision(models.Model):
    """What a quota was set to, when, by whom and why. Written by a trigger, never changed."""

    quota = part_of(Quota, _("quota"), "revisions")
    amount = money(_("amount"), null=False, blank=False)
    currency = currency()
    at = models.DateTimeField(_("at"))
    actor = models.BigIntegerField(_("login"), null=True)
    actor_label = text(_("by"))
    why = text(_("why"))

    objects = VisibleQuerySet.as_manager()

    class Meta:
        verbose_name = _("revision of a quota")
        verbose_name_plural = _("revisions of quotas")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.quota} · {self.amount} {self.currency}"

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return models.Q(quota__in=Quota.objects.visible_to(user).values("id"))


@logged("exchange_rate")
class ExchangeRate(Row):
    """How much one unit of `currency` is worth in the company's currency, pinned for a month."""

    month = models.DateField(_("month"))
    currency = models.CharField(_("currency"), max_length=3)
    rate = models.DecimalField(_("rate"), max_digits=20, decimal_places=10)

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        ordering = ("-month", "currency")
        constraints = (
            first_of_month("month", "exchange_rate_month_is_its_first_day"),
            models.UniqueConstraint(
                fields=["month", "currency"],
                name="exchange_rate_is_one_per_month_and_currency",
                violation_error_message=_("There is already a rate for this month and currency."),
            ),
            models.CheckConstraint(
                condition=models.Q(rate__gt=0),
                name="exchange_rate_is_positive",
                violation_error_message=_("A rate is above zero."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.currency} · {self.month:%Y-%m}"

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return of_the_company(user)
