"""Browserless visits to the console, and rows of every kind that belong to Ren."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from backoffice.changes.acting import Door, acting
from tests.console.rows import MAKERS
from tests.sync.conftest import acme, acme_vendor, connection, make_connection, no_broker, pull  # noqa: F401


class Visitor(Client):
    """A login at the console; addresses are made from the model."""

    def __init__(self, user):
        super().__init__()
        self.user = user
        self.force_login(user, "django.contrib.auth.backends.ModelBackend")

    def list(self, model, **query):
        return self.get(address(model, "changelist"), query)

    def record(self, row):
        return self.get(address(row, "change", row.pk))

    def history(self, row):
        return self.get(address(row, "history", row.pk))

    def save(self, row, **fields):
        """Sends the record's form as the page shows it, with `fields` changed."""
        where = address(row, "change", row.pk)
        return self.post(where, filled_in(self.get(where)) | fields)

    def add(self, model, **fields):
        where = address(model, "add")
        return self.post(where, filled_in(self.get(where)) | fields)

    def autocomplete(self, model, field, term=""):
        meta = model._meta
        query = {"app_label": meta.app_label, "model_name": meta.model_name, "field_name": field, "term": term}
        return self.get(reverse("admin:autocomplete"), query)


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def filled_in(response):
    """What a browser would send back of the form on the page."""
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    data = {}
    for form in forms:
        for bound in form:
            data |= _sent(bound.html_name, bound.field, bound.value())
    return data


def _sent(name, field, value):
    from backoffice.console.editors import Panel, Rows

    if isinstance(field, Rows):
        rows = field.prepare_value(value) or []
        return {at: cell for n, row in enumerate(rows) for at, cell in _cells(field, f"{name}-{n}", row).items()}
    if isinstance(field, Panel):
        return _cells(field, name, value or {})
    if hasattr(field.widget, "decompress") and not isinstance(value, list):
        return {f"{name}_{n}": part or "" for n, part in enumerate(field.widget.decompress(value))}
    if value is None or value is False:
        return {}
    if value is True:
        return {name: "on"}
    widget = getattr(field.widget, "widget", field.widget)
    shown = value if hasattr(widget, "choices") else widget.format_value(value)
    return {name: "" if shown is None else shown}


def _cells(field, name, values):
    """A browser sends a list's first entry where none is chosen."""
    sent = {}
    for key, part in field.parts.items():
        cell = part.prepare_value(values.get(key))
        if cell is None and part.widget.__class__.__name__.endswith("SelectWidget"):
            cell = part.choices[0][0]
        if cell is not None and cell is not False:
            sent[f"{name}-{key}"] = cell
    return sent


@pytest.fixture
def visit():
    return Visitor


@pytest.fixture
def make(db):
    """Makes rows of a model that belong to a rep."""

    def make(model, rep, count=1):
        with acting(None, Door.COMMAND, label="test"):
            return [MAKERS[model._meta.label](number, rep) for number in range(1, count + 1)]

    return make


def console_models():
    return sorted(admin.site._registry, key=lambda model: model._meta.label)
