"""Two questions a machine asks: is this process alive, and can it work."""

from collections.abc import Callable

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import Redis, RedisError

BROKER_SECONDS = 1.0


@never_cache
@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nothing else: a database that is down is no reason to restart the web."""
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Whether requests can be served: the database answers, is migrated, and the broker answers. 503 when not.

    The answer names what is missing and nothing more: anybody may ask.
    """
    checks: dict[str, Callable[[], bool]] = {"database": database_is_migrated, "broker": broker_answers}
    states = {name: check() for name, check in checks.items()}
    fit = all(states.values())
    return JsonResponse({"status": "ready" if fit else "not ready"} | states, status=200 if fit else 503)


def database_is_migrated() -> bool:
    """Asked of the migrations' table until the answer is yes, afterwards only whether the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not cache.get("migrated"):
            if unapplied_migrations():
                return False
            cache.set("migrated", True, 60)
    except DatabaseError:
        connection.close()
        return False
    return True


def unapplied_migrations() -> list[str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def broker_answers() -> bool:
    try:
        with Redis.from_url(
            settings.BROKER_URL, socket_connect_timeout=BROKER_SECONDS, socket_timeout=BROKER_SECONDS
        ) as client:
            return bool(client.ping())
    except (RedisError, ValueError, OSError):
        return False
