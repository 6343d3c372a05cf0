"""Does a connection work? One call to its vendor, and a plain answer."""

from collections.abc import Sequence
from typing import NamedTuple

from backoffice.sync import telling
from backoffice.sync.calls import exchanges
from backoffice.sync.calls.connecting import open_connector
from backoffice.sync.models import Connection
from backoffice.sync.pushes import noting
from connectors.kit import redaction
from connectors.kit.errors import ConnectorError


class Checked(NamedTuple):
    works: bool
    text: str
    hints: Sequence[str] = ()


def check(connection: Connection) -> Checked:
    """What the vendor says to our credentials, or what is in the way. The exchange is kept, if the connection is."""
    try:
        found = open_connector(connection).test()
    except ConnectorError as error:
        return Checked(False, redaction.known.text(telling.trouble(connection.vendor_label, error)))
    finally:
        exchanges.flush()
    if connection.pk:
        noting.note_good(connection)
    return Checked(True, str(found.text), [str(hint) for hint in found.hints])
