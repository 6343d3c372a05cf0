"""Statements over very many rows: the plan made for one row must not be the plan for 50,000."""

import time

import pytest
from django.db import connection

from backoffice.changes.acting import Door, acting
from backoffice.changes.models import Change
from backoffice.crm.models import Account

pytestmark = [pytest.mark.db, pytest.mark.django_db]

ROWS = 50_000
ENOUGH_SECONDS = 60  # a nested loop over the transition tables would take the better part of an hour


def test_an_update_of_50_000_rows_ends_soon_and_is_told_whole():
    with acting(None, Door.COMMAND, label="bulk"), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {ENOUGH_SECONDS * 1000}")
        cursor.execute("INSERT INTO crm_account (name) VALUES ('first')")
        cursor.execute("UPDATE crm_account SET description = 'one'")  # the session's plan is made for one row
        cursor.execute(f"INSERT INTO crm_account (name) SELECT 'Account ' || g FROM generate_series(2, {ROWS}) g")
        began = time.monotonic()
        cursor.execute("UPDATE crm_account SET description = 'many'")
        took = time.monotonic() - began
    told = Change.objects.filter(kind="account", operation="update", after__description="many")
    assert told.count() == Account.objects.count() == ROWS
    assert took < ENOUGH_SECONDS
