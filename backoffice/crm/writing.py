"""Writing one record, with the same rules whoever asks: the API's POST and PATCH, and whatever else edits singly.

Call it inside `acting(...)`. What is wrong comes back as Django's ValidationError, by field.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import DatabaseError, models, transaction
from django.db.models import Value
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.changes.registry import kind_of
from backoffice.crm.models import Choice, CustomField, Rep, Tag
from backoffice.crm.models.base import Fold, Row
from backoffice.crm.references import Unknown, find, find_choice

type Rule = Callable[[Any], None]
"""Looks at a row about to be saved: raises ValidationError, or fills in what follows from the rest."""


class Taken(ValidationError):
    """Another row already has what must be unique."""


class Gone(Exception):
    """There is no such row, or none that the caller may see."""


def write(
    model: type[Row],
    given: Mapping[str, Any],
    *,
    by: User,
    number: int | None = None,
    rules: Iterable[Rule] = (),
) -> int:
    """Create a row, or change the one with this number, and return its id. Fields not given are left alone.

    Raises Gone, PermissionDenied, Taken and other ValidationErrors.
    """
    row = model() if number is None else _found(model, number, by)
    if not may(by, "add" if number is None else "change", model):
        raise PermissionDenied(_("Your role may not do this."))
    columns, parts = _resolved(model, {name: value for name, value in given.items() if name != "custom"}, by)
    before = _values(row)
    for name, value in columns.items():
        setattr(row, name, value)
    if "custom" in given:
        _set_custom(row, given["custom"])
    if number is None:
        _give_an_owner(row, columns, by)
    for rule in rules:
        rule(row)
    changed = [name for name, value in _values(row).items() if before[name] != value]
    _save(row, None if number is None else changed)
    set_anew = [name for name, wanted in parts.items() if _set_parts(row, name, wanted)]
    if set_anew and number is not None:
        model._default_manager.filter(pk=row.pk).update(changed_at=Now())
    _check_still_visible(row, by)
    return int(row.pk)


def _values(row: Row) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.generated}


def _found(model: type[Row], number: int, by: User) -> Row:
    row = model.objects.visible_to(by).select_for_update(of=("self",)).order_by().filter(pk=number).first()
    if row is None:
        raise Gone
    return row


def _resolved(model: type[models.Model], given: Mapping[str, Any], by: User) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values by column, and the rows of parts by name. All that is wrong with references is told at once."""
    columns: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    fields = {name: field for field in model._meta.concrete_fields for name in (field.name, field.attname)}
    for name, value in given.items():
        try:
            field = fields.get(name)
            if field is None:
                parts[name] = _resolved_parts(model, name, value, by)
            elif field.attname in columns:
                raise Unknown(_("Give either {name} or {name}_id.").format(name=field.name))
            else:
                columns[field.attname] = _resolved_value(field, value, by)
        except Unknown as unknown:
            wrong[name] = str(unknown)
        except ValidationError as error:
            wrong.update((f"{name}.{inner}", messages[0]) for inner, messages in error.message_dict.items())
    if wrong:
        raise ValidationError(dict(wrong))
    return columns, parts


def _resolved_value(field: "models.Field[Any, Any]", value: Any, by: User) -> Any:
    target = field.related_model
    if value is None:
        return None
    if target is Choice:
        return find_choice(field.get_limit_choices_to()["list"], value)  # type: ignore[attr-defined]
    if isinstance(target, type):
        return find(target, value, by)
    if isinstance(value, list):
        return [entry.stored() for entry in value]
    if hasattr(value, "stored"):
        return value.stored()
    return value.strip() if isinstance(value, str) else value


def _resolved_parts(model: type[models.Model], name: str, wanted: list[Any], by: User) -> list[dict[str, Any]]:
    if name == "tags":
        return [{"tag_id": number} for number in dict.fromkeys(_tag(label.strip(), by) for label in wanted)]
    part = parts_of(model, name)[0]
    resolved = []
    for place, entry in enumerate(wanted):
        try:
            resolved.append(_resolved(part, entry.sent(), by)[0])
        except ValidationError as error:
            raise ValidationError(
                {f"{place}.{field}": messages for field, messages in error.message_dict.items()}
            ) from error
    return resolved


def _tag(label: str, by: User) -> int:
    found = Tag.objects.filter(name_key=Fold(Value(label))).values_list("pk", flat=True).first()
    if found is not None:
        return found
    if not may(by, "add", Tag):
        raise Unknown(_("There is no tag “{value}”. Ask a manager to add it.").format(value=label))
    return Tag.objects.create(name=label).pk


def parts_of(model: type[models.Model], name: str) -> tuple[type[models.Model], str]:
    """The model of a record's list, and its column that holds the record's id."""
    relation: Any = model._meta.get_field(name)
    return relation.related_model, relation.field.attname


def _set_parts(row: Row, name: str, wanted: list[dict[str, Any]]) -> bool:
    """Replace a list of the record; whether anything was changed."""
    part, parent = parts_of(type(row), name)
    fields = [field for field in part._meta.concrete_fields if field.attname not in {"id", parent, "position"}]
    complete = [
        {field.attname: values.get(field.attname, field.get_default()) for field in fields} for values in wanted
    ]
    rows = part._default_manager.filter(**{parent: row.pk}).order_by("position", "id")
    if list(rows.values(*(field.attname for field in fields))) == complete:
        return False
    rows.delete()
    with _explained(part):
        part._default_manager.bulk_create(
            part(**values, **{parent: row.pk, "position": place}) for place, values in enumerate(complete)
        )
    return True


def _set_custom(row: Row, given: Mapping[str, Any]) -> None:
    """Custom fields by slug, merged into those there are; null takes one out."""
    slugs = set(CustomField.objects.filter(entity=kind_of(row), slug__in=given).values_list("slug", flat=True))
    unknown = [slug for slug in given if slug not in slugs]
    if unknown:
        message = _("There is no such custom field. Add it in the console, or leave it out.")
        raise ValidationError({f"custom.{slug}": message for slug in unknown})
    row.custom = {slug: value for slug, value in {**row.custom, **given}.items() if value is not None}


def _give_an_owner(row: Row, columns: Mapping[str, Any], by: User) -> None:
    """What a rep or manager creates without an owner is their own."""
    owned = any(field.name == "owner" for field in row._meta.fields)
    if owned and not by.sees_everything and columns.get("owner_id") is None:
        own: Any = Rep.objects.filter(user=by).values_list("pk", flat=True).first()
        row.owner_id = own  # type: ignore[attr-defined]


def _check_still_visible(row: Row, by: User) -> None:
    if not by.sees_everything and not type(row).objects.visible_to(by).order_by().filter(pk=row.pk).exists():
        raise ValidationError(
            {"owner": _("You would not see this record any more. Choose an owner whose records you see.")}
        )


def _save(row: Row, changed: list[str] | None) -> None:
    """Insert (changed is None), or update only what changed: nothing at all when nothing did."""
    if changed == []:
        return
    with _explained(type(row)):
        row.save(force_insert=changed is None, update_fields=changed)


@contextmanager
def _explained(model: type[models.Model]) -> Iterator[None]:
    """The database's refusals in our words."""
    try:
        with transaction.atomic():
            yield
    except DatabaseError as error:
        refused = _refusal(model, error.__cause__)
        if refused is None:
            raise
        raise refused from error


def _refusal(model: type[models.Model], cause: BaseException | None) -> ValidationError | None:
    match cause:
        case psycopg.errors.UniqueViolation() | psycopg.errors.ExclusionViolation():
            return Taken(_about(model, cause.diag.constraint_name, _("Another row already has this.")))
        case psycopg.errors.CheckViolation():
            return ValidationError(_about(model, cause.diag.constraint_name, _("This is not allowed.")))
        case psycopg.errors.ForeignKeyViolation():
            return ValidationError(_("What this points at was deleted meanwhile."))
        case psycopg.errors.ProgramLimitExceeded():
            return ValidationError(_("A name or key is too long."))
    return None


def _about(model: type[models.Model], name: str | None, otherwise: str) -> dict[str, str]:
    """A broken constraint's message, under the field it is about."""
    for constraint in model._meta.constraints:
        if constraint.name == name:
            fields = getattr(constraint, "fields", ()) or _fields_in(getattr(constraint, "condition", None))
            about = fields[-1] if len(fields) == 1 or isinstance(constraint, models.CheckConstraint) else fields[0]
            return {about: str(constraint.violation_error_message)}
    return {NON_FIELD_ERRORS: otherwise}


def _fields_in(condition: Any) -> list[str]:
    """The fields a condition looks at, in its order."""
    found: list[str] = []
    for child in getattr(condition, "children", ()):
        found.extend([child[0].partition("__")[0]] if isinstance(child, tuple) else _fields_in(child))
    return found or [NON_FIELD_ERRORS]
