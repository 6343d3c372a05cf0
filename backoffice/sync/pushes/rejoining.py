"""Pushes in flight that are to wait again: nothing was done by them, or what was may be done twice.

Of a record one push waits at a time. What was changed here meanwhile waits in a push of its own; so that one joins.
"""

from typing import Any

from django.db import IntegrityError, transaction
from django.db import connection as database
from django.db.models import QuerySet

from backoffice.sync.models import Push, PushState

TRIES = 5
# As a change joins what waits (see `outbox.WRITE`), with the later push as the change.
JOIN = f"""
WITH later AS (
    DELETE FROM {Push._meta.db_table} AS later USING {Push._meta.db_table} AS push
    WHERE push.id = ANY(%(ids)s) AND later.state IN ('waiting', 'retry')
        AND later.connection_id = push.connection_id AND later.kind = push.kind AND later.object_id = push.object_id
    RETURNING push.id, later.operation, later.fields
)
UPDATE {Push._meta.db_table} AS push SET
    operation = CASE WHEN push.operation = 'create' AND later.operation = 'update' THEN 'create'
                     ELSE later.operation END,
    fields = CASE WHEN push.operation = 'update' AND later.operation = 'update'
                  THEN ARRAY(SELECT DISTINCT name FROM unnest(push.fields || later.fields) AS name ORDER BY name)
                  WHEN push.operation = 'create' AND later.operation = 'update' THEN push.fields
                  ELSE later.fields END
FROM later WHERE push.id = later.id
"""


def wait_again(in_flight: "QuerySet[Push]", **values: Any) -> int:
    """Put them back among those that are to be sent, with these values. Answers how many there were."""
    for again in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                return _wait_again(in_flight, values)
        except IntegrityError:  # another has begun to wait meanwhile
            if again == TRIES:
                raise
    raise AssertionError("unreachable")


def _wait_again(in_flight: "QuerySet[Push]", values: dict[str, Any]) -> int:
    ids = list(in_flight.order_by("pk").select_for_update().values_list("pk", flat=True))
    if not ids:
        return 0
    with database.cursor() as cursor:
        cursor.execute(JOIN, {"ids": ids})
    return Push.objects.filter(pk__in=ids).update(state=PushState.RETRY, **values)
