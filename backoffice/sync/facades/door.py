"""Who comes to a facade with a credential, and which part of the world they are shown."""

from typing import override

from django.http import HttpRequest

from backoffice.sync.facades import keys, throttling
from backoffice.sync.facades.store import DomainStore
from backoffice.sync.models import Connection
from connectors.kit.facades import Door
from connectors.kit.store import Store


class FacadeDoor(Door):
    """The door of one connection's facade, for one request."""

    def __init__(self, connection: Connection, request: HttpRequest) -> None:
        self.connection = connection
        self.request = request

    @override
    def __call__(self, secret: str) -> Store | None:
        """None alike for unknown, revoked and locked-out ones."""
        if not secret:
            return None
        key = keys.authenticate(self.connection, secret)
        if throttling.is_locked_out(self.connection, self.request):
            return None
        if key is None:
            if not keys.is_known(self.connection, secret):
                throttling.note_failure(self.connection, self.request, secret)
            return None
        return DomainStore(self.connection, key)
