"""The sales force: reps, regions, teams, and who stood where under whom since when."""

from typing import ClassVar, override

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.changes.registry import logged
from backoffice.crm.models.base import (
    SQL,
    Row,
    first_of_month,
    flag,
    folded,
    generated,
    part_of,
    reference,
    required_text,
    search_index,
    searched,
    text,
)
from backoffice.crm.visibility import of_the_company, reps_under


@logged("region")
class Region(Row):
    name = required_text(_("name"))
    name_key = folded("name")
    search = searched("name")

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")
        ordering = ("name_key", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["name_key"],
                name="region_name_is_unique",
                violation_error_message=_("There is already a region of this name."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return of_the_company(user)


@logged("team")
class Team(Row):
    name = required_text(_("name"))
    region = reference(Region, _("region"), "teams", db_index=True)
    parent = reference("self", _("part of"), "parts", db_index=True)
    name_key = folded("name")
    search = searched("name")

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ("name_key", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["name_key"],
                name="team_name_is_unique",
                violation_error_message=_("There is already a team of this name."),
            ),
            models.CheckConstraint(
                condition=models.Q(parent__isnull=True) | ~models.Q(parent=models.F("id")),
                name="team_is_not_a_part_of_itself",
                violation_error_message=_("A team can't be a part of itself."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return of_the_company(user)


FULL_NAME = r"btrim(regexp_replace(given || ' ' || family || ' ' || second_family, '\s+', ' ', 'g'))"


@logged("rep")
class Rep(Row):
    """Someone who sells. May have a login, and needs none."""

    is_known_to_all: ClassVar = True  # by name: records say whose they are, whoever looks at them

    given = text(_("given name"))
    family = text(_("family name"))
    second_family = text(_("second family name"))
    email = models.EmailField(_("email"), max_length=254, null=True, blank=True)
    username = text(_("user name"))
    phone = text(_("phone"))
    active = flag(_("active"), default=True)
    is_administrator = flag(_("is administrator"))
    user = models.OneToOneField(
        User,
        models.SET_NULL,
        verbose_name=_("login"),
        related_name="rep",
        null=True,
        blank=True,
        help_text=_("The login that sees this rep's records."),
    )
    name = generated(FULL_NAME, verbose_name=_("name"))
    name_key = generated(f"fold({FULL_NAME})")
    search = searched("given", "family", "second_family", "email", "username")

    class Meta:
        verbose_name = _("rep")
        verbose_name_plural = _("reps")
        ordering = ("name_key", "id")
        constraints = (
            models.UniqueConstraint(
                Lower("email"),
                name="rep_email_is_unique",
                violation_error_message=_("Another rep already has this email."),
            ),
            models.CheckConstraint(
                condition=~models.Q(email=""),
                name="rep_email_is_null_when_unknown",
                violation_error_message=_("Leave the email out rather than empty."),
            ),
        )
        indexes = (
            models.Index(fields=["name_key", "id"], name="rep_name"),
            search_index("rep"),
        )

    def __str__(self) -> str:
        return self.name or self.email or self.username or _("Rep {number}").format(number=self.pk)

    @override
    def clean(self) -> None:
        super().clean()
        if not any((self.given.strip(), self.family.strip(), self.email)):
            raise ValidationError({"given": _("Give a name, or at least an email.")})

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return models.Q(id__in=reps_under(user))


@logged("rep_place", parent="rep", parent_field="rep_id")
class RepPlace(Row):
    """Where a rep stands, under whom, from and until which month (both included). Kept for ever: history counts."""

    rep = part_of(Rep, _("rep"), "places")
    manager = reference(Rep, _("manager"), "managed_places", db_index=True)
    team = reference(Team, _("team"), "places", db_index=True)
    from_month = models.DateField(_("from month"))
    until_month = models.DateField(_("until month"), null=True, blank=True)

    class Meta:
        verbose_name = _("place of a rep")
        verbose_name_plural = _("places of reps")
        ordering = ("rep", "-from_month", "id")
        constraints = (
            first_of_month("from_month", "rep_place_begins_with_a_month"),
            first_of_month("until_month", "rep_place_ends_with_a_month"),
            models.CheckConstraint(
                condition=models.Q(until_month__isnull=True) | models.Q(until_month__gte=models.F("from_month")),
                name="rep_place_does_not_end_before_it_begins",
                violation_error_message=_("The last month lies before the first."),
            ),
            models.CheckConstraint(
                condition=models.Q(manager__isnull=True) | ~models.Q(manager=models.F("rep")),
                name="rep_does_not_manage_themselves",
                violation_error_message=_("A rep can't be their own manager."),
            ),
            ExclusionConstraint(
                name="rep_has_one_place_at_a_time",
                expressions=[
                    ("rep", RangeOperators.EQUAL),
                    (
                        SQL("daterange(from_month, until_month, '[]')"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                violation_error_message=_("The rep already has a place in these months."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.rep} · {self.team or '–'} · {self.from_month:%Y-%m}"

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return models.Q(rep__in=reps_under(user))
