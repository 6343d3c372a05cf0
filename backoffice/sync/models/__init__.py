"""The tables of the sync, one module per family."""

from backoffice.sync.models.conflicts import Conflict, Side
from backoffice.sync.models.connections import (
    Connection,
    ConnectionState,
    Exchange,
    Health,
    OfConnection,
    OfRecord,
    Policy,
    SendsNew,
)
from backoffice.sync.models.facades import FacadeKey
from backoffice.sync.models.links import HighestId, Link, Option, Pending, Suggestion
from backoffice.sync.models.pulls import Cursor, Phase, Seen, SetAside
from backoffice.sync.models.pushes import OPEN_PUSHES, UNSENT, Operation, Push, PushState, Reader

__all__ = [
    "OPEN_PUSHES",
    "UNSENT",
    "Conflict",
    "Connection",
    "ConnectionState",
    "Cursor",
    "Exchange",
    "FacadeKey",
    "Health",
    "HighestId",
    "Link",
    "OfConnection",
    "OfRecord",
    "Operation",
    "Option",
    "Pending",
    "Phase",
    "Policy",
    "Push",
    "PushState",
    "Reader",
    "Seen",
    "SendsNew",
    "SetAside",
    "Side",
    "Suggestion",
]
