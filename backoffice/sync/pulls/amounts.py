"""Amounts that a vendor gives without a currency: they are in the connection's, whatever ours are in.

A push into another currency leaves both amounts on the link (`Link.converted`). While the vendor still has what was
sent and we still have what it stood for, nothing has changed on either side.
"""

from collections.abc import Mapping as Table
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from backoffice.crm.records import Record
from backoffice.sync.models import Connection
from connectors.kit.mapping import Mapping

FIELDS = ("amount", "price")
CURRENCY = "currency"

type Converted = Table[str, Table[str, str]]


def put_as_there(
    connection: Connection, mapping: Mapping[Any], here: dict[str, Any], ours: Any, converted: Converted
) -> None:
    """Put our amount as the vendor would have it, so that it can be compared with the vendor's.

    One in another currency that was never sent is none the vendor could have: it is shown with its currency.
    """
    name = _amount_field(ours)
    if not name or name not in mapping.holds or CURRENCY in mapping.holds:
        return
    amount, currency = getattr(ours, name), ours.currency
    if amount is None or not currency or currency == connection.currency:
        return
    sent = converted.get(name, {})
    if sent.get("here_currency") == currency and _is_same(sent.get("here"), amount):
        here[name] = _plain(mapping, name, sent["there"])
    else:
        here[name] = f"{amount.normalize():f} {currency}"


def still_converted(mapping: Mapping[Any], converted: Converted | None, base: Table[str, Any]) -> Converted | None:
    """The amounts in two currencies that still are what both sides agreed on."""
    kept = {
        name: sent for name, sent in (converted or {}).items() if base.get(name) == _plain(mapping, name, sent["there"])
    }
    return kept or None


def put_currency(mapping: Mapping[Any], values: dict[str, Any], arrived: Any) -> None:
    """An amount that is taken from the vendor is in the currency it came in."""
    name = _amount_field(arrived)
    if name and values.get(name) is not None and CURRENCY not in mapping.holds:
        values[CURRENCY] = arrived.currency


def _plain(mapping: Mapping[Any], name: str, value: Any) -> Any:
    normal: Record = mapping.normal(mapping.record(**{name: Decimal(str(value))}))
    return msgspec.to_builtins(normal).get(name)


def _is_same(one: Any, other: Any) -> bool:
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return False


def _amount_field(record: Any) -> str:
    return next((name for name in FIELDS if hasattr(record, name)), "")
