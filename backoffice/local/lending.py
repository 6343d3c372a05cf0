"""What a command of `manage.py` needs and the environment does not give: servers, and secrets that stay the same.

Nothing is lent to a served back office, and no server where DATABASE_URL and BROKER_URL are set.
"""

import base64
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from backoffice.local.embedded import PROJECT, Servers
from backoffice.local.processes import write

TRUE = {"1", "true", "on", "ok", "y", "yes"}
# They ask neither database nor broker. `up` holds the servers itself.
WITHOUT_SERVERS = {
    "",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "messages",
    "startapp",
    "up",
    "version",
}


@contextmanager
def lend(arguments: Sequence[str]) -> Iterator[None]:
    """The environment for one command: servers attached to, or held up for its own time."""
    servers = None
    if not is_served():
        home = data_folder()
        if needs_servers(arguments):
            servers = Servers(home)
            addresses = servers.attach()
            os.environ.setdefault("DATABASE_URL", addresses.database_url)
            os.environ.setdefault("BROKER_URL", addresses.broker_url)
        # `up` may be told another data folder, whose secrets it takes itself.
        if servers or ((home / "secrets.json").exists() and arguments[:1] != ["up"]):
            lend_secrets(home)
    try:
        yield
    finally:
        if servers:
            servers.release()


def is_served() -> bool:
    """Whether the settings will refuse to do without real secrets."""
    return os.environ.get("DEBUG", "1").lower() not in TRUE and not is_local()


def is_local() -> bool:
    return os.environ.get("BACKOFFICE_LOCAL", "").lower() in TRUE


def needs_servers(arguments: Sequence[str]) -> bool:
    command = arguments[0] if arguments else ""
    if os.environ.get("DATABASE_URL") and os.environ.get("BROKER_URL"):
        return False
    return command not in WITHOUT_SERVERS and not {"-h", "--help", "--version"} & set(arguments)


def data_folder() -> Path:
    return Path(os.environ.get("BACKOFFICE_DATA") or PROJECT / "var").resolve()


def lend_secrets(home: Path) -> None:
    """Secrets of this data folder, made once: random, and the same for every process that works on it."""
    path = home / "secrets.json"
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):
        kept = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "CREDENTIAL_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        home.mkdir(parents=True, exist_ok=True)
        write(path, json.dumps(kept))
    for name, value in kept.items():
        os.environ.setdefault(name, value)
