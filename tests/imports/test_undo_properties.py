"""Whatever the domain, the file and the edits: an undo leaves nothing of the upload but what was edited since."""

import contextlib
from decimal import Decimal

import pytest
from django.db import models, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Choice, Contact, Opportunity, OpportunityContact, Rep
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS
from backoffice.imports.models import Mode, Undo, Upload
from backoffice.imports.starting import receive
from backoffice.imports.undo import taking_back, undoing
from backoffice.imports.undo.reversing import TOGETHER
from backoffice.jobs.models import Job, State
from backoffice.jobs.running import execute
from backoffice.quotas.models import Quota
from tests.imports.conftest import content, table

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.usefixtures("no_broker")]

MODELS = (Opportunity, Account, Contact, Rep, Choice, OpportunityContact, Quota)
EMAILS = ("ana@example.com", "bea@example.com", "cruz@example.com")
NAMES = ("Ana López", "Bea Ruiz", "Cruz Díaz")
COMPANIES = ("Acme", "Birch", "Cedar & Co")
SITES = ("acme.example", "birch.example", "")
CELLS = {
    "opportunity_id": ("A-1", "A-2", "A-3"),
    "name": ("Chairs", "Desks", "Lamps"),
    "amount": ("10", "0.125", "1999.99", ""),
    "currency": ("USD", "MXN", ""),
    "close_date": ("2026-11-30", "2027-01-15", ""),
    "month": ("2026-01-01", "2026-02-01", "2026-03-15"),
    "stage": ("Won", "Talks", "Lost", ""),
    "type": ("New", "Renewal", ""),
    "industry": ("Steel", ""),
    "next_step": ("Call", "Write", ""),
    "title": ("Buyer", "Chief", ""),
    "account_id": ("ACC-1", "ACC-2", "", ""),
    "account_name": COMPANIES,
    "company_name": (*COMPANIES, ""),
    "website": SITES,
    "phone": ("+1 555 0100", "+1 555 0101", ""),
    "mobile": ("+1 555 0200", ""),
    "city": ("Puebla", "Austin", ""),
    "tax_id": ("X1", ""),
    "full_name": (*NAMES, ""),
    "email": EMAILS,
}
EDITS = {
    Opportunity: {"next_step": ("Visit", "Call"), "name": ("Chairs", "Tables"), "amount": (Decimal(10), Decimal(77))},
    Account: {"website": ("edited.example", "acme.example"), "tax_id": ("X2", "X1")},
    Contact: {"job_title": ("Boss", "Buyer")},
    Rep: {"phone": ("+1 555 0300",)},
    Quota: {"amount": (Decimal(10), Decimal(88))},
}


@st.composite
def files(draw):
    kind = draw(st.sampled_from(sorted(KINDS)))
    columns = {name: column for name, column in KINDS[kind].resource.columns().items() if name in CELLS}
    optional = [name for name, column in columns.items() if not column.required]
    names = [name for name in columns if name not in optional or draw(st.booleans())]
    if kind == "opportunities":  # an owner is told by name and email, as a pair
        columns |= {name: KINDS[kind].resource.columns()[name] for name in ("owner_name", "owner_email")}
    cells = st.tuples(*(st.sampled_from(CELLS[name]) for name in names), st.integers(0, 2))
    rows = []
    for *row, owner in draw(st.lists(cells, min_size=2, max_size=8)):
        rows.append([*row, NAMES[owner], EMAILS[owner]] if kind == "opportunities" else row)
    if kind == "opportunities":
        names += ["owner_name", "owner_email"]
    given = {"blank": draw(st.sampled_from(["keep", "clear"]))} | {
        flag: draw(st.sampled_from(["yes", "no"])) for flag in KINDS[kind].options
    }
    return kind, [str(columns[name].header) for name in names], rows, given


@st.composite
def edits(draw):
    model = draw(st.sampled_from(list(EDITS)))
    column = draw(st.sampled_from(sorted(EDITS[model])))
    return model, draw(st.integers(0, 3)), column, draw(st.sampled_from(EDITS[model][column]))


DOMAINS = st.lists(files(), min_size=1, max_size=4)
QUICKLY = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@contextlib.contextmanager
def forgotten():
    """A domain of its own for each example."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def uploaded(file, user):
    """None where the file is refused as a whole."""
    kind, header, rows, given = file
    notation = {"date_order": "DMY", "decimal_mark": "."}
    try:
        upload = receive(content(table(rows, header)), kind, user, given=given | notation)
    except Refused:
        return None
    execute(upload.job_id, heartbeat=False)
    assert Job.objects.get(pk=upload.job_id).state in {State.SUCCEEDED, State.INCOMPLETE}
    return Upload.objects.get(pk=upload.pk)


def undone(upload, user, mode=Mode.APPLY):
    if undoing.why_not(upload, user):
        return None
    return _done(undoing.undo(upload, user, mode=mode))


def taken_back(undo, user):
    return None if undoing.why_not_again(undo, user) else _done(undoing.undo_again(undo, user))


def _done(asked):
    execute(asked.job_id, heartbeat=False)
    job = Job.objects.get(pk=asked.job_id)
    assert (job.state, job.error) == (State.SUCCEEDED, "")
    return Undo.objects.get(pk=asked.pk)


def domain():
    """All columns of all rows, but for when they were changed."""
    rows = {(model, row["id"]): row for model in MODELS for row in model.objects.values()}
    return {key: {name: value for name, value in row.items() if name != "changed_at"} for key, row in rows.items()}


def edited(wanted):
    """Makes the edits; answers the rows with what was really changed in them, by column."""
    changed = {}
    for model, place, column, value in wanted:
        ids = list(model.objects.order_by("id").values_list("id", flat=True))
        if not ids:
            continue
        id = ids[place % len(ids)]
        if getattr(model.objects.get(pk=id), column) == value:
            continue
        more = {"currency": "USD"} if column == "amount" and not model.objects.get(pk=id).currency else {}
        with acting(None, Door.CONSOLE, label="marta"):
            model.objects.filter(pk=id).update(**{column: value}, **more)
        changed.setdefault((model, id), {}).update({column: value, **more})
    return changed


@QUICKLY
@given(earlier=DOMAINS, file=files())
def test_undoing_what_was_applied_changes_nothing(operations_user, earlier, file):
    with forgotten():
        for one in earlier:
            uploaded(one, operations_user)
        before = domain()
        upload = uploaded(file, operations_user)
        if upload is None:
            return
        after = domain()
        preview = undone(upload, operations_user, Mode.PREVIEW)
        assert domain() == after
        undo = undone(upload, operations_user)
        assert domain() == before
        if undo is None:
            assert after == before
            return
        assert preview.counts == undo.counts
        taken_back(undo, operations_user)
        assert domain() == after
        assert undone(upload, operations_user).counts == undo.counts
        assert domain() == before


@QUICKLY
@given(earlier=DOMAINS, file=files(), between=st.lists(edits(), min_size=3, max_size=8))
def test_what_was_edited_in_between_survives_and_the_rest_goes_back(operations_user, earlier, file, between):
    with forgotten():
        for one in earlier:
            uploaded(one, operations_user)
        before = domain()
        upload = uploaded(file, operations_user)
        if upload is None:
            return
        applied = domain()
        changed = edited(between)
        standing = domain()
        undo = undone(upload, operations_user)
        after = domain()
        for key, row in before.items():
            assert key in after
            for column, value in row.items():
                if not was_edited(key, column, changed, applied):
                    assert after[key][column] == value, (key, column)
        for key, values in changed.items():
            for column in values:
                if was_edited(key, column, changed, applied):
                    assert after[key][column] == standing[key][column], (key, column)
        if undo is not None:
            taken_back(undo, operations_user)
            assert domain() == standing


def was_edited(key, column, changed, applied):
    """An amount and its currency are one; what PostgreSQL makes of the columns follows them."""
    values = {name for name, value in changed.get(key, {}).items() if applied[key][name] != value}
    if isinstance(key[0]._meta.get_field(column), models.GeneratedField):
        return bool(values)
    return column in values or (column in TOGETHER and bool(values & TOGETHER))


@QUICKLY
@given(earlier=DOMAINS, file=files(), size=st.integers(1, 3))
def test_small_chunks_come_to_the_same(operations_user, earlier, file, size):
    usual = taking_back.FIRST_RECORDS, taking_back.CHUNK_RECORDS
    with forgotten():
        for one in earlier:
            uploaded(one, operations_user)
        before = domain()
        upload = uploaded(file, operations_user)
        taking_back.FIRST_RECORDS = taking_back.CHUNK_RECORDS = size
        try:
            if upload is not None:
                undone(upload, operations_user)
        finally:
            taking_back.FIRST_RECORDS, taking_back.CHUNK_RECORDS = usual
        assert domain() == before
