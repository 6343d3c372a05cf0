import pytest

from backoffice.changes.acting import Door, acting
from backoffice.crm.models import Account, Opportunity, Product


@pytest.fixture
def someone():
    """An actor for changes whose actor does not matter."""
    with acting(None, Door.COMMAND, label="someone"):
        yield


@pytest.fixture
def account(someone):
    return Account.objects.create(name="Abarrotes El Sol")


@pytest.fixture
def opportunity(account):
    return Opportunity.objects.create(name="Website Redesign", account=account, amount="1200.50", currency="MXN")


@pytest.fixture
def product(someone):
    return Product.objects.create(name="Support")
