"""Which row a caller means: by id, by a key of its own, or (pick lists) by label. What one may not see is not there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.crm.models import Account, Choice, Contact, Product, Rep
from backoffice.crm.models.base import Fold


class Unknown(Exception):
    """No row, or more than one, is meant. Its text is fit to show."""


@dataclass(frozen=True)
class Key:
    """A key other than the id, and what to say when no row has it."""

    column: Combinable
    nobody: str | Promise
    any_case: bool = False

    def find(self, rows: "models.QuerySet[Any]", value: str) -> "models.QuerySet[Any]":
        found: models.QuerySet[Any] = rows.annotate(sought=self.column)
        return found.filter(sought=value.lower() if self.any_case else value)


KEYS: Mapping[type[models.Model], Mapping[str, Key]] = {
    Rep: {
        "email": Key(
            Lower("email"),
            _("No rep has the email “{value}”. Add the rep, or correct the email."),
            any_case=True,
        )
    },
    Contact: {
        # The column is in lower case already.
        "email": Key(
            F("email"), _("No contact has the email “{value}”. Add the contact, or correct it."), any_case=True
        )
    },
    Account: {
        "external_id": Key(
            F("external_id"), _("No account has the account ID “{value}”. Add the account, or correct the ID.")
        )
    },
    Product: {
        "external_id": Key(
            F("external_id"), _("No product has the product ID “{value}”. Add the product, or correct the ID.")
        )
    },
}


def find(model: type[models.Model], written: Any, by: User) -> int:
    """The id of the row `written` means: an id, or an object with one key. Raises Unknown."""
    if isinstance(written, int):
        name, value = "id", written
    else:
        ((name, value),) = written.sent().items()
    rows: Any = model._default_manager
    visible = rows.visible_to(by).order_by()
    if name == "id":
        if not visible.filter(pk=value).exists():
            raise Unknown(
                gettext("There is no {kind} with the id {value}. Correct it.").format(
                    kind=model._meta.verbose_name, value=value
                )
            )
        return int(value)
    key = KEYS[model][name]
    found = list(key.find(visible, str(value)).values_list("pk", flat=True)[:3])
    if not found:
        raise Unknown(str(key.nobody).format(value=value))
    if len(found) > 1:
        raise Unknown(
            gettext("“{value}” is more than one: {ids}. Say which by its id.").format(
                value=value, ids=", ".join(map(str, found))
            )
        )
    return int(found[0])


def find_choice(list_name: str, written: int | str) -> int:
    """The id of a pick list's entry, by label (case, accents and blanks aside) or id. Raises Unknown."""
    entries = Choice.objects.filter(list=list_name, archived_at=None)
    meant = Q(pk=written) if isinstance(written, int) else Q(label_key=Fold(Value(written)))
    found = entries.filter(meant).values_list("pk", flat=True).first()
    if found is None:
        known = ", ".join(entries.filter(active=True).order_by("order", "id").values_list("label", flat=True)[:20])
        raise Unknown(
            gettext("“{value}” is not in the list. Choose one of: {known}.").format(value=written, known=known or "–")
        )
    return found
