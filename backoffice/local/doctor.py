"""Whether the back office can work, point by point, and what to do about each that is wrong.

Reads only. Each check is a function that answers a `Finding`; what needs the database is skipped without one.
"""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from redis import Redis, RedisError

from backoffice.changes.triggers import missing_triggers
from backoffice.health import BROKER_SECONDS, unapplied_migrations
from backoffice.jobs.probes import MINUTES_BETWEEN_PROBES, last_worker_activity
from backoffice.jobs.scheduler import last_tick
from backoffice.local import sandbox
from backoffice.sync.rotating import locked_connections

OLDEST_POSTGRESQL = 18
EXTENSIONS = ("pg_trgm", "unaccent", "btree_gist")
WORKER_MINUTES = 3 * MINUTES_BETWEEN_PROBES
MISSED_TICKS = 4
FREE_BYTES = 1024**3


class Health(TextChoices):
    GOOD = "good", gettext_lazy("good")
    BAD = "bad", gettext_lazy("bad")
    SKIPPED = "skipped", gettext_lazy("skipped")


class Finding(msgspec.Struct, frozen=True):
    """What one check found. `advice` says what to do when it is bad."""

    name: str
    health: Health
    detail: str
    advice: str = ""


def good(name: str, detail: str) -> Finding:
    return Finding(name, Health.GOOD, detail)


def bad(name: str, detail: str, advice: str) -> Finding:
    return Finding(name, Health.BAD, detail, advice)


def examine() -> list[Finding]:
    """Every check, in the order in which to read them."""
    findings = [database()]
    has_database = findings[0].health == Health.GOOD
    is_migrated = False
    for check in (ctype, extensions, migrations):
        findings.append(check() if has_database else skipped(check))
        is_migrated = check is migrations and findings[-1].health == Health.GOOD
    findings.append(change_log() if is_migrated else skipped(change_log))
    findings.append(broker())
    findings.extend(check() if is_migrated else skipped(check) for check in (workers, scheduler, credentials))
    if not settings.SERVED and sandbox.port_in(settings.DATA_DIR):
        findings.append(vendors())
    return [*findings, keys(), served(), disk()]


def skipped(check: Callable[[], Finding]) -> Finding:
    return Finding(check.__name__, Health.SKIPPED, _("needs the database, up to date"))


def database() -> Finding:
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000"
            )
            shown, major = cursor.fetchone()
    except DatabaseError as error:
        return bad(
            "database",
            str(error).strip().splitlines()[0],
            _("Start PostgreSQL, or correct DATABASE_URL."),
        )
    if major < OLDEST_POSTGRESQL:
        return bad(
            "database",
            _("PostgreSQL {version}").format(version=shown),
            _("Move to PostgreSQL {oldest} or later.").format(oldest=OLDEST_POSTGRESQL),
        )
    return good("database", _("PostgreSQL {version}").format(version=shown))


def ctype() -> Finding:
    """Under another one than UTF-8, upper('ñ') stays 'ñ', and searches miss accented names."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_encoding_to_char(encoding), datctype, upper('ñ') = 'Ñ' AND 'Á' ILIKE 'á'"
            " FROM pg_database WHERE datname = current_database()"
        )
        encoding, name, knows_letters = cursor.fetchone()
    detail = f"{encoding}, {name}"
    if encoding == "UTF8" and knows_letters:
        return good("ctype", detail)
    return bad(
        "ctype",
        detail,
        _("Make the database anew with ENCODING 'UTF8' and LC_CTYPE 'C.UTF-8', and load a dump of this one."),
    )


def extensions() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extname FROM pg_extension")
        missing = sorted(set(EXTENSIONS) - {name for (name,) in cursor.fetchall()})
    if missing:
        return bad(
            "extensions",
            _("missing: {names}").format(names=", ".join(missing)),
            _("Run “manage.py migrate”, as a database user who may create extensions."),
        )
    return good("extensions", ", ".join(EXTENSIONS))


def migrations() -> Finding:
    waiting = unapplied_migrations()
    if waiting:
        return bad(
            "migrations", _("not applied: {names}").format(names=shortened(waiting)), _("Run “manage.py migrate”.")
        )
    return good("migrations", _("all applied"))


def change_log() -> Finding:
    missing = missing_triggers()
    if missing:
        return bad(
            "change_log",
            _("triggers missing or stale: {names}").format(names=shortened(missing)),
            _("Run “manage.py migrate”: it puts them back. Changes made since are not in the log."),
        )
    return good("change_log", _("its triggers stand on every table"))


def broker() -> Finding:
    try:
        with Redis.from_url(
            settings.BROKER_URL, socket_connect_timeout=BROKER_SECONDS, socket_timeout=BROKER_SECONDS
        ) as client:
            server = client.info("server")
            policy = client.info("memory").get("maxmemory_policy", "noeviction")
    except (RedisError, ValueError, OSError) as error:
        return bad("broker", str(error), _("Start Valkey, or correct BROKER_URL. Jobs wait, and none is lost."))
    if policy != "noeviction":
        return bad(
            "broker",
            _("it may throw messages away ({policy})").format(policy=policy),
            _("Set maxmemory-policy to noeviction."),
        )
    name = "Valkey" if "valkey_version" in server else "Redis"
    return good("broker", f"{name} {server.get('valkey_version') or server.get('redis_version')}")


def workers() -> Finding:
    """Not whether a process exists: whether each queue really ran something lately."""
    now = timezone.now()
    silent = [
        f"{queue} ({ago(at, now)})"
        for queue, at in last_worker_activity().items()
        if at is None or now - at > timedelta(minutes=WORKER_MINUTES)
    ]
    if silent:
        return bad(
            "workers",
            _("no work done lately on: {queues}").format(queues=", ".join(silent)),
            _("Start workers for these queues: “manage.py up” here, or “celery -A backoffice.celery worker -Q …”."),
        )
    return good("workers", _("every queue did work in the last {minutes} minutes").format(minutes=WORKER_MINUTES))


def scheduler() -> Finding:
    now, at = timezone.now(), last_tick()
    if at is None or now - at > timedelta(seconds=MISSED_TICKS * settings.SCHEDULER_TICK_SECONDS):
        return bad(
            "scheduler",
            _("last tick: {when}").format(when=ago(at, now)),
            _("Start “manage.py scheduler” (“manage.py up” does). Without it lost jobs are not sent again."),
        )
    return good("scheduler", _("last tick: {when}").format(when=ago(at, now)))


def credentials() -> Finding:
    """Whether the present keys open what connections have stored."""
    try:
        locked = locked_connections()
    except ImproperlyConfigured as error:
        return bad("credentials", str(error), _("Set CREDENTIAL_KEYS to the keys they were written under."))
    if locked:
        return bad(
            "credentials",
            _("no key opens those of: {names}").format(names=shortened(locked)),
            _("Put the missing key back into CREDENTIAL_KEYS, or enter these connections' credentials anew."),
        )
    return good("credentials", _("those of every connection open"))


def vendors() -> Finding:
    """The sandbox of `manage.py up`, where it ever ran here."""
    port = sandbox.port_in(settings.DATA_DIR) or 0
    if sandbox.is_answering(port):
        return good("sandbox", sandbox.address(port))
    return bad(
        "sandbox",
        _("no answer at {address}").format(address=sandbox.address(port)),
        _("Start “manage.py up”. Until then connections to it wait, and nothing is lost."),
    )


def keys() -> Finding:
    wrong = [number for number, key in enumerate(settings.CREDENTIAL_KEYS, 1) if not is_fernet_key(key)]
    if wrong:
        return bad(
            "keys",
            _("CREDENTIAL_KEYS: not a Fernet key: number {numbers}").format(numbers=", ".join(map(str, wrong))),
            _("Make one with cryptography's Fernet.generate_key() and put it first; keep the old ones behind it."),
        )
    if settings.SECRET_KEY == settings.LOCAL_SECRET_KEY or not settings.CREDENTIAL_KEYS:
        return good("keys", _("none of their own: for use on this machine only"))
    return good("keys", _("SECRET_KEY and {count} CREDENTIAL_KEYS are set").format(count=len(settings.CREDENTIAL_KEYS)))


def served() -> Finding:
    """Django's own deployment checks, when others than this machine are served."""
    if not settings.SERVED:
        return good("settings", _("for use on this machine only"))
    warnings = checks.run_checks(include_deployment_checks=True)
    if warnings:
        return bad(
            "settings",
            shortened([f"{each.id}: {each.msg}" for each in warnings]),
            _("See “manage.py check --deploy”."),
        )
    return good("settings", _("“check --deploy” has nothing to say"))


def disk() -> Finding:
    folders = {existing(Path(settings.DATA_DIR)), existing(Path(settings.MEDIA_ROOT))}
    free = min(shutil.disk_usage(folder).free for folder in folders)
    detail = _("{free:.1f} GiB free").format(free=free / 1024**3)
    if free < FREE_BYTES:
        return bad("disk", detail, _("Make room on the disk of {folder}.").format(folder=settings.DATA_DIR))
    return good("disk", detail)


def existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def ago(at: datetime | None, now: datetime) -> str:
    if at is None:
        return _("never")
    seconds = (now - at).total_seconds()
    if seconds < 60:
        return _("{seconds} s ago").format(seconds=max(round(seconds), 0))
    return _("{time} ago").format(time=timesince(at, now, depth=1))


def shortened(names: list[str], *, most: int = 5) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (_(" and {count} more").format(count=more) if more > 0 else "")
