"""`manage.py sync`: pull from a vendor and push to it, now."""

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any, override

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from backoffice.jobs.models import Job, State
from backoffice.sync import showing
from backoffice.sync.management.asking import connection_called, follow, whoever
from backoffice.sync.models import Connection
from backoffice.sync.pulls import pulling
from backoffice.sync.pushes import pushing

EXAMPLES = """examples:
  manage.py sync uk --wait
  manage.py sync uk --pull --full --wait
  manage.py sync uk --push --wait --json

exit code: 0 when all is done (without --wait: when the jobs are started), 1 when it failed, 2 when it is incomplete:
records were set aside, or pushes were rejected or are uncertain
"""
INCOMPLETE = 2


class Command(BaseCommand):
    help = "Pull from a vendor and push to it, now. Example: manage.py sync uk --wait"

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = EXAMPLES
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("name", help="of the connection")
        parser.add_argument("--pull", action="store_true", help="only this; without either: what the connection does")
        parser.add_argument("--push", action="store_true", help="only this")
        parser.add_argument("--full", action="store_true", help="look at everything, not only at what has changed")
        parser.add_argument("--wait", action="store_true", help="until all has ended; done here without a worker")
        parser.add_argument("--user", metavar="LOGIN", help="who asks; else the first login that is an admin")
        parser.add_argument("--json", action="store_true", help="what it came to, alone on the output")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connection_called(options["name"])
        user = whoever(options["user"])
        both = not (options["pull"] or options["push"])
        if both and not showing.directions(connection):
            raise CommandError(_("“{name}” neither pulls nor pushes.").format(name=connection.name))
        pull = push = None
        try:
            if options["pull"] or (both and connection.pulls):
                pull = self.do(pulling.start_pull(connection, user, full=options["full"]), options)
            if options["push"] or (both and connection.pushes):
                push = self.do(pushing.start_push(connection, user), options)
        except (pulling.CannotPull, pushing.CannotPush) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.tell(connection, pull, push, options)

    def do(self, job: Job, options: dict[str, Any]) -> Job:
        return follow(job, job.label, quiet=options["json"]) if options["wait"] else job

    def tell(self, connection: Connection, pull: Job | None, push: Job | None, options: dict[str, Any]) -> None:
        came_to = showing.outcome(connection, pull, push)
        if options["json"]:
            self.stdout.write(json.dumps(came_to, indent=2))
        elif not options["wait"]:
            jobs = ", ".join(f"{job.label} ({job.pk})" for job in (pull, push) if job)
            self.stdout.write(_("Started: {jobs}.").format(jobs=jobs))
        else:
            self.stdout.write(in_words(came_to, pull, push))
        outcomes = " ".join(job.outcome for job in (pull, push) if job and job.outcome)
        if came_to["state"] == State.FAILED:
            raise CommandError(outcomes)
        if came_to["state"] == State.INCOMPLETE:
            raise CommandError(outcomes or _("Incomplete."), returncode=INCOMPLETE)


def in_words(came_to: dict[str, Any], pull: Job | None, push: Job | None) -> str:
    lines = []
    if pull:
        words = _(
            "Pulled: %(new)s new, %(updated)s updated, %(unchanged)s unchanged, %(archived)s archived, "
            "%(set_aside)s set aside."
        )
        lines.append(words % came_to["pulled"])
    if push:
        words = _("Pushed: %(done)s done, %(rejected)s rejected, %(uncertain)s uncertain, %(waiting)s waiting.")
        lines.append(words % came_to["pushed"])
    lines.append(_("Open conflicts: %(number)s.") % {"number": came_to["conflicts"]})
    return "\n".join(lines)
