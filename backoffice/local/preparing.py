"""What `manage.py up` does before it opens: migrate, make the first login, load the demo once.

    python -m backoffice.local.preparing [--no-demo]

A process of its own, so that `up` itself holds no connection. Prints a line per step; the logins stand in the data
folder's `logins.json`, and those whose first password was changed since are taken off it.
"""

import argparse
import json
import sys
from pathlib import Path

import django


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m backoffice.local.preparing")
    parser.add_argument("--no-demo", action="store_true")
    options = parser.parse_args()
    django.setup()

    from django.conf import settings

    from backoffice.local.logins import FirstPasswords, make_admin

    for folder in (settings.MEDIA_ROOT, settings.STATIC_ROOT):
        Path(folder).mkdir(parents=True, exist_ok=True)
    passwords = FirstPasswords(settings.DATA_DIR)
    migrate()
    if make_admin(passwords):
        say("Made the login “admin”.")
    load_demo(settings.DATA_DIR / "setup.json", wanted=not options.no_demo)
    passwords.drop_changed()
    return 0


def migrate() -> None:
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        say(f"Bringing the database up to date ({len(plan)} migrations) …")
        call_command("migrate", interactive=False, verbosity=0)


def load_demo(record: Path, *, wanted: bool) -> None:
    """Load the demo on the first run, into an empty database, unless it was declined."""
    from django.core.management import call_command, get_commands

    try:
        already_settled = "demo" in json.loads(record.read_text())
    except (OSError, ValueError):
        already_settled = False
    if already_settled or "demo" not in get_commands():
        return
    wanted = wanted and is_empty()
    if wanted:
        say("Loading the demo company …")
        call_command("demo")
    record.write_text(json.dumps({"demo": "loaded" if wanted else "declined"}))


def is_empty() -> bool:
    from backoffice.crm.models import Account, Opportunity, Rep

    return not any(model.objects.exists() for model in (Rep, Account, Opportunity))


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
