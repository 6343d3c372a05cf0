"""Vendor credentials brought under the newest key of CREDENTIAL_KEYS, all of them or none."""

import msgspec

from backoffice.changes.acting import Door, acting
from backoffice.sync.credentials import Locked, is_newest, opened, rotated
from backoffice.sync.models import Connection


class Rotation(msgspec.Struct):
    """Names of connections: brought under the newest key now, there before, and those none of our keys opens."""

    rotated: list[str] = []
    already: list[str] = []
    locked: list[str] = []


def rotate(*, dry_run: bool = False) -> Rotation:
    """In one transaction. Nothing is written if one of them is locked. Raises ImproperlyConfigured without keys."""
    rotation = Rotation()
    with acting(None, Door.COMMAND, label="rotate_keys"):
        rows = Connection.objects.exclude(credentials=b"").order_by("pk").select_for_update(no_key=True)
        anew: dict[int, bytes] = {}
        for pk, name, token in rows.values_list("pk", "name", "credentials"):
            try:
                opened(bytes(token))
            except Locked:
                rotation.locked.append(name)
                continue
            if is_newest(bytes(token)):
                rotation.already.append(name)
            else:
                rotation.rotated.append(name)
                anew[pk] = rotated(bytes(token))
        if not dry_run and not rotation.locked:
            for pk, token in anew.items():
                Connection.objects.filter(pk=pk).update(credentials=token)
    return rotation


def locked_connections() -> list[str]:
    """Names of those whose credentials none of our keys opens. Raises ImproperlyConfigured without keys."""
    stored = Connection.objects.exclude(credentials=b"").order_by("pk").values_list("name", "credentials")
    return [name for name, token in stored if not _opens(bytes(token))]


def _opens(token: bytes) -> bool:
    try:
        opened(token)
    except Locked:
        return False
    return True
