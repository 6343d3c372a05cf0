"""How fast a vendor is called: one rhythm for all workers, kept in the connection's row of `Health`."""

import time
from collections.abc import Callable

import psycopg
import structlog
from django.utils.translation import gettext as _

from backoffice.sync.calls.beside import beside
from connectors.kit.errors import Unavailable

logger = structlog.get_logger(__name__)

LONGEST_WAIT_SECONDS = 60.0
LONGEST_HOLD_SECONDS = 24 * 3600.0

# Takes the next turn, unless it is too far away. Nulls don't count in greatest().
TAKE_TURN = """
UPDATE sync_health
SET next_call_at = greatest(clock_timestamp(), next_call_at, held_until) + make_interval(secs => %(gap)s)
WHERE connection_id = %(id)s
  AND greatest(next_call_at, held_until, clock_timestamp()) <= clock_timestamp() + make_interval(secs => %(most)s)
RETURNING extract(epoch FROM next_call_at - clock_timestamp())::float8 - %(gap)s
"""
SECONDS_AWAY = """
SELECT extract(epoch FROM greatest(next_call_at, held_until) - clock_timestamp())::float8,
       extract(epoch FROM held_until - clock_timestamp())::float8
FROM sync_health WHERE connection_id = %(id)s
"""
HOLD = """
UPDATE sync_health SET held_until = greatest(held_until, clock_timestamp() + make_interval(secs => %(seconds)s))
WHERE connection_id = %(id)s
"""


def hold(connection_id: int, seconds: float) -> None:
    """Nobody calls the vendor for so long; a longer hold stays."""
    try:
        beside.run(HOLD, {"id": connection_id, "seconds": min(max(seconds, 0.0), LONGEST_HOLD_SECONDS)})
    except psycopg.Error as error:
        logger.warning("vendor_not_held", connection=connection_id, seconds=seconds, error=str(error))


class Pace:
    """Turns to call the vendor, `calls_per_minute` at most (0: as many as one likes) and none while it is held."""

    def __init__(
        self, connection_id: int, calls_per_minute: int = 0, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._id = connection_id
        self._gap = 60.0 / calls_per_minute if calls_per_minute else 0.0
        self._sleep = sleep

    def wait(self) -> None:
        """Until our turn. Raises Unavailable, with the seconds, when it is more than a minute away.

        Should the database not answer beside our transaction, the vendor is called in a rhythm of our own.
        """
        try:
            if self._gap:
                self._wait_for(self._turn())
            while (seconds := self._held_for()) > 0:  # meanwhile another worker may have been told to wait
                self._wait_for(seconds)
        except psycopg.Error as error:
            logger.warning("pace_unknown", connection=self._id, error=str(error))
            self._wait_for(self._gap)

    def hold(self, seconds: float) -> None:
        hold(self._id, seconds)

    def _turn(self) -> float:
        values = {"id": self._id, "gap": self._gap, "most": LONGEST_WAIT_SECONDS}
        for (seconds,) in beside.run(TAKE_TURN, values):
            return float(seconds)
        for seconds, _held in beside.run(SECONDS_AWAY, {"id": self._id}):
            return float(seconds or 0)
        return 0.0

    def _held_for(self) -> float:
        for _turn, seconds in beside.run(SECONDS_AWAY, {"id": self._id}):
            return float(seconds or 0)
        return 0.0

    def _wait_for(self, seconds: float) -> None:
        if seconds > LONGEST_WAIT_SECONDS:
            raise Unavailable(
                _("The vendor is not to be called for another {seconds} seconds.").format(seconds=round(seconds)),
                retry_after_seconds=seconds,
            )
        if seconds > 0:
            self._sleep(seconds)
