"""Credentials for facades, in the vendor's own shape: issued, checked, revoked. Only their digests are kept.

They are as random as an API key, so that one SHA-256 keeps them as well; and they open nothing but the facade.
"""

import hashlib
from datetime import datetime, timedelta

from django.db import connection as database
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.access.roles import role_of
from backoffice.crm.models import Rep
from backoffice.sync.models import Connection, FacadeKey, Option
from connectors.kit import registry
from connectors.kit.contract import Meaning

USE_IS_NOTED_EVERY = timedelta(minutes=1)

# Whoever finds the row locked leaves it: another request is noting the same.
NOTE_USE = f"""
UPDATE {FacadeKey._meta.db_table} SET last_used_at = %s WHERE id IN (
    SELECT id FROM {FacadeKey._meta.db_table}
    WHERE id = %s AND (last_used_at IS NULL OR last_used_at <= %s) FOR NO KEY UPDATE SKIP LOCKED
)
"""


class NoFacade(Exception):
    """This vendor has none; its text says so."""


def issue(connection: Connection, rep: Rep | None = None) -> tuple[FacadeKey, str]:
    """A new credential and its secret, which can't be had again: show it now. Raises NoFacade.

    Without a rep it sees everything, as an administrator there.
    """
    facade = registry.facade(connection.vendor)
    if facade is None:
        raise NoFacade(_("{vendor} has no facade.").format(vendor=connection.vendor_label))
    secret = facade.new_secret()
    key = FacadeKey.objects.create(
        connection=connection,
        rep=rep,
        vendor_user=user_there(connection, rep) if rep else "",
        ending=secret[-4:],
        digest=digest_of(secret),
    )
    return key, secret


def user_there(connection: Connection, rep: Rep) -> str:
    """What the vendor calls this rep; where nobody has said so, what the rep is called here."""
    lists = [each.name for each in connection.connector.lists if each.meaning is Meaning.REP]
    options = Option.objects.filter(connection=connection, list__in=lists, rep=rep)
    there = options.order_by("gone_at", "id").values_list("remote_id", flat=True).first()
    return there or rep.username or rep.email or f"rep-{rep.pk}"


def authenticate(connection: Connection, secret: str) -> FacadeKey | None:
    """The live key with its rep; None alike for unknown and revoked ones, and for those of reps who may not come in."""
    key = FacadeKey.objects.select_related("rep__user").filter(connection=connection, digest=digest_of(secret)).first()
    if key is None or key.revoked_at or not may_come_in(key.rep):
        return None
    _note_use(key, timezone.now())
    return key


def is_known(connection: Connection, secret: str) -> bool:
    """It was issued once. Whoever still uses a revoked one does not guess."""
    return FacadeKey.objects.filter(connection=connection, digest=digest_of(secret)).exists()


def may_come_in(rep: Rep | None) -> bool:
    """Not one who has left, or whose login was closed. A rep needs no login for a facade."""
    return rep is None or (rep.active and (rep.user is None or role_of(rep.user) is not None))


def sees_everything(rep: Rep | None) -> bool:
    """Without a rep, as an administrator there; else as the rep's login does, if there is one."""
    return rep is None or (rep.user is not None and rep.user.sees_everything)


def revoke(key: FacadeKey) -> None:
    """From now on it opens nothing. Revoking it again keeps the first time."""
    FacadeKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    key.refresh_from_db(fields=["revoked_at"])


def digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _note_use(key: FacadeKey, now: datetime) -> None:
    if key.last_used_at and now - key.last_used_at < USE_IS_NOTED_EVERY:
        return
    with database.cursor() as cursor:
        cursor.execute(NOTE_USE, [now, key.pk, now - USE_IS_NOTED_EVERY])
    key.last_used_at = now
