"""On the overview: connections in trouble, and those that wait for a person to decide something."""

from typing import Any, NamedTuple

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.console.connection_counts import counted
from backoffice.console.connection_pages import Tile, address, tiles
from backoffice.console.connection_words import Condition, condition
from backoffice.sync.models import Connection, ConnectionState

SHOWN = 8
ASKS = {"conflicts", "rejected", "uncertain"}
TROUBLED = {"danger", "warning"}


class Shown(NamedTuple):
    connection: Connection
    link: str
    condition: Condition
    waiting: list[tuple[str, int, str]]


def connections(user: User) -> list[Shown]:
    """The first few; nothing where all is well, and for those who may not see connections. One query."""
    if not may(user, "view", Connection):
        return []
    rows: Any = Connection.objects.visible_to(user).exclude(state=ConnectionState.RETIRED)
    shown = [_shown(each) for each in counted(rows, user).select_related("health").order_by("name")]
    return [each for each in shown if each.waiting or each.condition.tone in TROUBLED][:SHOWN]


def _shown(connection: Connection) -> Shown:
    asking: list[Tile] = [tile for tile in tiles(connection) if tile.word in ASKS and tile.number]
    return Shown(connection, address(connection), condition(connection), [(t.label, t.number, t.link) for t in asking])
