"""Issuing and checking API keys: `bo_<prefix>_<secret>`.

The secret is 256 random bits, so one SHA-256 keeps it as well as a password hash would, in a microsecond. The
prefix is public: it finds the row, and lets people tell keys apart.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from backoffice.access.models import ApiKey, User
from backoffice.access.roles import role_of

NOBODYS_DIGEST = hashlib.sha256(b"nobody's").digest()
USE_IS_NOTED_EVERY = timedelta(minutes=1)

# Whoever finds the row locked leaves it: another request is noting the same.
NOTE_USE = f"""
UPDATE {ApiKey._meta.db_table} SET last_used_at = %s WHERE id IN (
    SELECT id FROM {ApiKey._meta.db_table}
    WHERE id = %s AND (last_used_at IS NULL OR last_used_at <= %s) FOR NO KEY UPDATE SKIP LOCKED
)
"""


def issue(user: User, name: str, scopes: Iterable[str] = (), expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """A new key and its token. The token can't be had again: show it now."""
    prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name, user=user, prefix=prefix, digest=_digest(secret), scopes=sorted(set(scopes)), expires_at=expires_at
    )
    return key, f"bo_{prefix}_{secret}"


def authenticate(token: str) -> ApiKey | None:
    """The live key of `token`, with its login; None alike for unknown, revoked and expired ones, and for
    logins that are inactive or have no role."""
    mark, _first, rest = token.partition("_")
    prefix, _second, secret = rest.partition("_")
    if mark != "bo" or not secret or not prefix.isalnum() or not token.isascii():
        return None
    key = ApiKey.objects.select_related("user").filter(prefix=prefix).first()
    # Compared even when there is no such key, so that the time taken tells nothing.
    fits = secrets.compare_digest(bytes(key.digest) if key else NOBODYS_DIGEST, _digest(secret))
    now = timezone.now()
    if key is None or not fits or key.revoked_at or key.has_expired(now) or role_of(key.user) is None:
        return None
    _note_use(key, now)
    return key


def revoke(key: ApiKey) -> None:
    """From now on the key opens nothing. Revoking it again keeps the first time."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    key.refresh_from_db(fields=["revoked_at"])


def _note_use(key: ApiKey, now: datetime) -> None:
    if key.last_used_at and now - key.last_used_at < USE_IS_NOTED_EVERY:
        return
    with connection.cursor() as cursor:
        cursor.execute(NOTE_USE, [now, key.pk, now - USE_IS_NOTED_EVERY])
    key.last_used_at = now


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
