"""What every row of the domain has, and the database's own means it stands on: folded text, generated keys."""

from collections.abc import Collection
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import UUID7, Now
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.access.visibility import VisibleQuerySet

EMPTY_WHEN_UNKNOWN: dict[str, Any] = {"blank": True, "default": "", "db_default": ""}


class Fold(models.Func):
    """Text as people compare it: lower case, no accents, single blanks. The SQL function of the first migration."""

    function = "fold"
    output_field = models.TextField()


def text(label: Any, **options: Any) -> "models.CharField[str, str]":
    """One line of text; empty when unknown."""
    return models.CharField(label, **(EMPTY_WHEN_UNKNOWN | options))


def prose(label: Any, **options: Any) -> "models.TextField[str, str]":
    """Text of several lines; empty when unknown."""
    return models.TextField(label, **(EMPTY_WHEN_UNKNOWN | options))


def required_text(label: Any, **options: Any) -> "models.CharField[str, str]":
    return models.CharField(label, **options)


def flag(label: Any, *, default: bool = False) -> "models.BooleanField[bool, bool]":
    return models.BooleanField(label, default=default, db_default=default)


def rows(label: Any) -> "models.JSONField[Any, Any]":
    """A JSONB list of values (emails, phones, addresses); their shapes are the structs of `backoffice.crm.records`."""
    return models.JSONField(label, default=list, db_default=models.Value([], models.JSONField()), blank=True)


def money(label: Any, **options: Any) -> "models.DecimalField[Any, Any]":
    """An amount; the currency stands in the row's `currency`. Four decimals hold every currency and unit price."""
    return models.DecimalField(
        label,
        **{"max_digits": 19, "decimal_places": 4, "null": True, "blank": True} | options,
    )


def currency() -> "models.CharField[str, str]":
    """ISO 4217 code; empty only where there is no amount."""
    return models.CharField(_("currency"), max_length=3, blank=True, default="", db_default="")


def external_id(label: Any) -> "models.CharField[str | None, str | None]":
    """The key uploads and vendors know the row by; None (never empty) where there is none."""
    return models.CharField(label, null=True, blank=True)


class SQL(models.Func):
    """An immutable SQL expression over columns of one table, as written."""

    output_field = models.TextField()

    def __init__(self, sql: str) -> None:
        super().__init__()
        self.sql = sql

    def as_sql(self, *_args: Any, **_options: Any) -> tuple[str, tuple[()]]:
        return self.sql.replace("%", "%%"), ()


def generated(sql: str, **options: Any) -> models.GeneratedField:
    """A stored column that PostgreSQL computes from the row's own columns."""
    return models.GeneratedField(expression=SQL(sql), output_field=models.TextField(), db_persist=True, **options)


def folded(column: str) -> models.GeneratedField:
    """`column` as people compare and sort it; see `fold` in the first migration."""
    return generated(f"fold({column})")


def searched(*expressions: str) -> models.GeneratedField:
    """The folded text a list's search looks through.

    It begins with a blank and every word follows one, so that `LIKE '% ab%'` finds the beginnings of words
    and still uses the trigram index when the word is too short for a trigram of its own.
    """
    joined = " || ' ' || ".join(f"COALESCE({expression}, '')" for expression in expressions)
    return generated(f"' ' || fold({joined})")


FIRST_EMAIL = "(emails #>> '{0,address}')"
FIRST_PHONE = "(phones #>> '{0,number}')"


class Row(models.Model):
    """What every row of the domain has.

    `created_there` and `changed_there` are the vendor's own times; `created_at` and `changed_at` are ours, the
    latter kept by a trigger. `custom` holds values of custom fields by slug.
    """

    uid = models.UUIDField(_("uid"), unique=True, editable=False, db_default=UUID7())
    created_at = models.DateTimeField(_("created"), editable=False, db_default=Now())
    changed_at = models.DateTimeField(_("changed"), editable=False, db_default=Now())
    created_there = models.DateTimeField(_("created at the vendor"), null=True, blank=True, editable=False)
    changed_there = models.DateTimeField(_("changed at the vendor"), null=True, blank=True, editable=False)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)
    custom = models.JSONField(
        _("custom fields"),
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        editable=False,
    )

    objects = VisibleQuerySet.as_manager()

    class Meta:
        abstract = True

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        """The rows of this model a rep or manager may see; operations and admin see all without asking."""
        raise NotImplementedError(cls)

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None


def reference(to: Any, label: Any, related_name: str = "+", **options: Any) -> Any:
    """A link to another row of the domain, protected: what others point at is archived, not deleted."""
    return models.ForeignKey(
        to,
        models.PROTECT,
        verbose_name=label,
        related_name=related_name,
        **{"null": True, "blank": True, "db_index": False} | options,
    )


def part_of(to: Any, label: Any, related_name: str) -> Any:
    """The row this one is a part of and goes with."""
    return models.ForeignKey(to, models.CASCADE, verbose_name=label, related_name=related_name)


def choice(list_name: str, label: Any, **options: Any) -> Any:
    """A link to an entry of one of our own pick lists."""
    return reference("crm.Choice", label, limit_choices_to={"list": list_name}, **options)


def indexes_for(table: str, *columns: str) -> list[models.Index]:
    """Indexes for references that most rows leave empty: only the filled ones are in them."""
    return [
        models.Index(
            fields=[column],
            name=f"{table}_{column}",
            condition=models.Q(**{f"{column}__isnull": False}),
        )
        for column in columns
    ]


def search_index(table: str) -> GinIndex:
    return GinIndex(fields=["search"], name=f"{table}_search", opclasses=["gin_trgm_ops"])


def first_of_month(column: str, name: str) -> models.CheckConstraint:
    """`column` holds the first day of its month (or nothing)."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{column}__isnull": True}) | models.Q(**{f"{column}__day": 1}),
        name=name,
        violation_error_message=_("A month is written as its first day."),
    )


def exactly_one(fields: Collection[str], name: str) -> models.CheckConstraint:
    condition = models.Q()
    for chosen in fields:
        shape = {f"{field}__isnull": field != chosen for field in fields}
        condition |= models.Q(**shape)
    return models.CheckConstraint(
        condition=condition,
        name=name,
        violation_error_message=_("Choose exactly one of these."),
    )


def at_least_one(fields: Collection[str], name: str, message: Any) -> models.CheckConstraint:
    condition = models.Q()
    for field in fields:
        condition |= models.Q(**{f"{field}__isnull": False})
    return models.CheckConstraint(condition=condition, name=name, violation_error_message=message)


def amount_has_currency(column: str, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=models.Q(**{f"{column}__isnull": True}) | ~models.Q(currency=""),
        name=name,
        violation_error_message=_("An amount needs its currency."),
    )
