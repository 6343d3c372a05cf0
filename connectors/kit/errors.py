"""What may go wrong between us and a vendor, cut by what the caller does next.

ConnectorError
├── Unavailable       nobody answered, or "later": try again, after `retry_after_seconds` if the vendor said so
├── Uncertain         a write was sent and its answer never came: look before sending it again
├── Misconfigured     nothing works until a person mends the connection
│   ├── LoginFailed       … its credentials
│   └── AddressRefused    … its address, which is not one we call
├── Refused           the vendor understood and said no
│   ├── Invalid           … to this record: its words are for a person
│   ├── Missing           … there is no such record (any more)
│   └── Forbidden         … not with these credentials
└── Unreadable        the answer, or a record in it, is not what the protocol says
"""

from collections.abc import Sequence

from connectors.kit.redaction import known


class ConnectorError(Exception):
    """`vendor` and `status` are empty where they are not known; `answer` is the beginning of what the vendor said.

    Its texts go to people, the log and the database: a secret that a vendor repeats to us is blanked out of them.
    """

    def __init__(self, text: str, *, vendor: str = "", status: int | None = None, answer: str = "") -> None:
        super().__init__(known.text(text))
        self.vendor = vendor
        self.status = status
        self.answer = known.text(answer)


class Unavailable(ConnectorError):
    """Nothing was done. The same call may be made again later."""

    def __init__(self, text: str, *, retry_after_seconds: float | None = None, **about: object) -> None:
        super().__init__(text, **about)  # type: ignore[arg-type]
        self.retry_after_seconds = retry_after_seconds


class Uncertain(ConnectorError):
    """It may have been done."""


class Misconfigured(ConnectorError):
    """A person has to change the connection first."""


class LoginFailed(Misconfigured):
    """The vendor doesn't know these credentials, or there is no such site."""


class AddressRefused(Misconfigured):
    """We don't call this address; see `addresses`."""


class Refused(ConnectorError):
    """`messages` are the vendor's own words, fit to show to a person."""

    def __init__(self, messages: Sequence[str], **about: object) -> None:
        self.messages = [known.text(message) for message in messages] or ["The vendor gave no reason."]
        super().__init__(" · ".join(self.messages), **about)  # type: ignore[arg-type]


class Invalid(Refused):
    """Something in the record; sent again as it is, it is refused again."""


class Missing(Refused):
    """Deleted, merged, or never there."""


class Forbidden(Refused):
    """There, but not for these credentials."""


class Unreadable(ConnectorError):
    """A page of HTML, cut JSON, a value of another type: never taken for data."""
