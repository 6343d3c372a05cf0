"""Why a quota is set: said once, written into each revision the quotas' trigger makes in this transaction."""

from django.db import connection


def because(why: str) -> None:
    """The reason of every quota set from here to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('backoffice.why', %s, true)", [why])
