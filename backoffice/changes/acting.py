"""Who is changing something, and through which door: said once per transaction, read by the triggers."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection as database
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

SETTING = "backoffice.acting"


class Door(models.TextChoices):
    """The way a change came in."""

    CONSOLE = "console", _("console")
    API = "api", _("API key")
    UPLOAD = "upload", _("upload")
    PULL = "pull", _("pull")
    FACADE = "facade", _("facade")
    COMMAND = "command", _("command")
    DATABASE = "database", _("database")


class Acting(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the triggers write beside each change; its JSON is the value of the database setting."""

    door: str
    label: str
    actor: int | None = None
    job: int | None = None
    connection: int | None = None
    api_key: int | None = None


_now: ContextVar[Acting | None] = ContextVar("acting", default=None)


def acting_now() -> Acting | None:
    """Who acts in the innermost `with acting(...)` around the caller."""
    return _now.get()


@contextmanager
def acting(
    actor: AbstractBaseUser | None,
    door: Door,
    *,
    job: int | None = None,
    connection: int | None = None,
    api_key: int | None = None,
    label: str = "",
) -> Iterator[None]:
    """One transaction whose every change is logged as done by `actor` through `door`.

    Without an actor a label says who it was ("scheduler"). Inside another `acting` the inner one counts
    until it is left.
    """
    if actor is None and not label:
        raise ValueError("acting(None, ...) needs a label that says who it is: label='scheduler'.")
    outer = _now.get()
    inner = Acting(
        door=door.value,
        label=label or (actor.get_username() if actor else ""),
        actor=actor.pk if actor else None,
        job=job,
        connection=connection,
        api_key=api_key,
    )
    nested = database.in_atomic_block
    with transaction.atomic():
        _tell(inner)
        token = _now.set(inner)
        try:
            yield
        finally:
            _now.reset(token)
        # After an exception the savepoint takes the setting back; at the end of the transaction it is gone.
        if nested:
            _tell(outer)


def _tell(who: Acting | None) -> None:
    value = msgspec.json.encode(who).decode() if who else ""
    with database.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [SETTING, value])
