"""Vendor credentials at rest: JSON under the key ring of CREDENTIAL_KEYS, newest key first."""

from typing import Any, override

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


class Locked(Exception):
    """None of our keys opens these credentials: the one they were written under is missing from CREDENTIAL_KEYS."""


def ring() -> MultiFernet:
    """Raises ImproperlyConfigured when there is no key, or one that is none."""
    if not settings.CREDENTIAL_KEYS:
        raise ImproperlyConfigured("Credentials need CREDENTIAL_KEYS: one or more Fernet keys, newest first.")
    try:
        return MultiFernet([Fernet(key) for key in settings.CREDENTIAL_KEYS])
    except ValueError as error:
        raise ImproperlyConfigured("CREDENTIAL_KEYS holds what is no Fernet key (32 bytes in base64).") from error


def sealed(secrets: dict[str, str]) -> bytes:
    return ring().encrypt(orjson.dumps(secrets))


def opened(token: bytes) -> dict[str, str]:
    """Raises Locked."""
    try:
        opened: dict[str, str] = orjson.loads(ring().decrypt(bytes(token)))
    except InvalidToken as error:
        raise Locked("The key these credentials were written under is not among CREDENTIAL_KEYS.") from error
    return opened


def rotated(token: bytes) -> bytes:
    """The same under the newest key. Raises Locked."""
    try:
        return ring().rotate(bytes(token))
    except InvalidToken as error:
        raise Locked("The key these credentials were written under is not among CREDENTIAL_KEYS.") from error


def is_newest(token: bytes) -> bool:
    """Whether it is sealed under the newest key, so that the older ones could go."""
    ring()  # raises for keys that are none
    try:
        Fernet(settings.CREDENTIAL_KEYS[0]).decrypt(bytes(token))
    except InvalidToken:
        return False
    return True


class SecretsField(models.BinaryField):  # type: ignore[type-arg]
    """A dict of secrets, sealed in the database and in dumps alike; read with `opened`. Never in a form."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("editable", False)
        options.setdefault("default", b"")
        super().__init__(*args, **options)

    @override
    def value_to_string(self, obj: models.Model) -> str:
        return ""
