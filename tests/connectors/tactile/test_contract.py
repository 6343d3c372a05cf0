"""Tactile CRM keeps what every connector promises."""

from datetime import date
from typing import ClassVar

import pytest

from backoffice.crm.records import Account, Activity, Contact, Note, Opportunity, Ref
from connectors.tactile.connector import Tactile
from connectors.tactile.mapping import MAPPINGS
from tests.connectors.contract import ConnectorContract

pytestmark = [pytest.mark.unit]


class TestTactile(ConnectorContract):
    connector = Tactile
    mappings = MAPPINGS
    samples: ClassVar = {
        "opportunity": Opportunity(name="Website Redesign", close_date=date(2026, 12, 1), stage=Ref(id="1")),
        "account": Account(name="Acme Boats Ltd."),
        "contact": Contact(given="Bill", family="Smith"),
        "activity": Activity(kind="to_do", subject="Call Bill", opportunity=Ref(id="1234")),
        "note": Note(title="Invoices Sent", body="Resent them.", opportunity=Ref(id="1234")),
    }
