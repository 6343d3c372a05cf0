"""What `manage.py up` does before it opens: migrate, make the first login, load the demo once, and connect it.

    python -m backoffice.local.preparing [--no-demo] [--sandbox URL]

A process of its own, so that `up` itself holds no connection. Prints a line per step; the logins stand in the data
folder's `logins.json`, and those whose first password was changed since are taken off it.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from backoffice.local.processes import write

if TYPE_CHECKING:
    from backoffice.local.logins import FirstPasswords


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m backoffice.local.preparing")
    parser.add_argument("--no-demo", action="store_true")
    parser.add_argument("--sandbox", default="", metavar="URL", help="where the demo's vendors will answer")
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
    settle_demo(settings.DATA_DIR / "setup.json", passwords, wanted=not options.no_demo)
    if options.sandbox:
        settle_vendors(settings.DATA_DIR, options.sandbox, wanted=not options.no_demo)
    sample_files(settings.DATA_DIR / "samples")
    passwords.drop_changed()
    return 0


def migrate() -> None:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say(f"Bringing the database up to date ({len(plan)} migrations) …")
        call_command("migrate", interactive=False, verbosity=0)


def settle_demo(record: Path, passwords: "FirstPasswords", *, wanted: bool) -> None:
    """On the first run load the demo, unless it was declined or others' data is here, and make its logins.

    Written down only at the end: a start that was interrupted goes on where it was.
    """
    from backoffice.local.demo.loading import is_loaded

    if record.exists():
        return
    if wanted and is_empty():
        say("Loading the demo company …")
        call_command("demo")
    if wanted and is_loaded():
        make_demo_logins(passwords)
    write(record, json.dumps({"demo": "loaded" if is_loaded() else "declined"}))


def settle_vendors(home: Path, sandbox: str, *, wanted: bool) -> None:
    """Once, beside the demo: an account at a vendor in the sandbox, and a connection to it."""
    from backoffice.local.demo import tactile
    from backoffice.local.demo.loading import is_loaded
    from backoffice.local.sandbox import file_in

    if file_in(home).exists():
        tactile.follow(sandbox)
    elif wanted and is_loaded():
        with transaction.atomic():
            # The file comes last: a start that was interrupted before it begins anew.
            world = tactile.make_account(timezone.localdate())
            tactile.connect(sandbox, world)
            tactile.keep(world, home)
        say(f"Made the connection “{tactile.CONNECTION}” to a Tactile CRM account in the sandbox.")


def make_demo_logins(passwords: "FirstPasswords") -> None:
    from backoffice.local.demo.logins import make_logins
    from backoffice.local.logins import FirstPassword

    with transaction.atomic():
        made = make_logins()
        passwords.keep(*(FirstPassword(each.username, each.role, each.password) for each in made))
    say(f"Made the logins {', '.join(f'“{each.username}”' for each in made)}.")


def sample_files(folder: Path) -> None:
    from backoffice.local.demo.samples import sample_files

    sample_files(folder)


def is_empty() -> bool:
    from backoffice.crm.models import Account, Opportunity, Rep

    return not any(model.objects.exists() for model in (Rep, Account, Opportunity))


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
