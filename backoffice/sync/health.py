"""How a connection does, as whoever called its vendor last found it."""

from datetime import datetime, timedelta

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from backoffice.sync.models import Connection, Cursor, Health

LONGEST_PAUSE = timedelta(minutes=60)


def note_good(connection_id: int) -> None:
    """The vendor answered as it should. What there is to ask a person (see `note_question`) stays."""
    _of(connection_id).update(last_good_at=timezone.now(), failures=0)


def note_looked_at_everything(connection_id: int) -> None:
    """Since when nothing was left out: as of the stream that was last seen in full the longest ago."""
    passes = list(Cursor.objects.filter(connection=connection_id).values_list("full_pass_at", flat=True))
    if passes and None not in passes:
        _of(connection_id).update(last_full_at=min(filter(None, passes)))


def note_trouble(connection_id: int, text: str) -> None:
    """It did not work, in words for people; one more failure in a row."""
    _of(connection_id).update(
        trouble=text, trouble_since=Coalesce("trouble_since", Value(timezone.now())), failures=F("failures") + 1
    )


def note_question(connection_id: int, text: str) -> None:
    """What a person has to look at, though the vendor answers; "" for nothing."""
    since = Coalesce("trouble_since", Value(timezone.now())) if text else None
    _of(connection_id).update(trouble=text, trouble_since=since)


def schedule(connection: Connection, *, began_at: datetime, has_failed: bool) -> None:
    """When it is pulled next: by its rhythm, or after a failure in 1, 2, 4 … 60 minutes; never, if only by hand."""
    if connection.every_minutes is None:
        at = None
    elif has_failed:
        failures = _of(connection.pk).values_list("failures", flat=True).get()
        at = timezone.now() + pause_after(failures)
    else:
        at = began_at + timedelta(minutes=connection.every_minutes)
    _of(connection.pk).update(next_pull_at=at)


def pause_after(failures: int) -> timedelta:
    return min(timedelta(minutes=2 ** min(max(failures, 1) - 1, 10)), LONGEST_PAUSE)


def _of(connection_id: int) -> QuerySet[Health]:
    Health.objects.bulk_create([Health(connection_id=connection_id)], ignore_conflicts=True)
    return Health.objects.filter(connection_id=connection_id)
