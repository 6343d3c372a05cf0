"""`manage.py import`: what the console's upload page does, for scripts."""
# ruff: noqa: N999 - the command's name

import json
import time
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any, override

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from backoffice.imports.api import told, with_reasons
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS
from backoffice.imports.management.logins import login_called
from backoffice.imports.models import Mode, Upload
from backoffice.imports.options import Options, with_ways_out
from backoffice.imports.showing import Reason, expected_in_words, reasons, records_in_words
from backoffice.imports.starting import NotAllowed, receive
from backoffice.jobs.models import State
from backoffice.jobs.running import execute

EXAMPLES = """examples:
  manage.py import opportunities opportunities.csv --wait
  manage.py import quotas targets.csv --preview --option create_reps=yes
  manage.py import opportunities ventas.csv --user olga --option date_order=DMY --option decimal_mark=, --wait --json

exit code: 0 when every row is in (without --wait: when the job is started), 2 when rows failed, 1 otherwise;
with --preview the same for what would become of the rows
"""
SECONDS_FOR_A_WORKER = 3
SECONDS_BETWEEN_LOOKS = 0.2
ROWS_FAILED = 2


class Command(BaseCommand):
    help = "Upload a file: CSV or XLSX. Example: manage.py import opportunities pipeline.csv --user operations --wait"

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = EXAMPLES
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("kind", choices=sorted(KINDS), help="what is in the file")
        parser.add_argument("file", type=Path)
        parser.add_argument("--user", metavar="LOGIN", help="who uploads; else the first login that is an admin")
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help=f"may be given again: {', '.join(Options.__struct_fields__)}",
        )
        parser.add_argument(
            "--preview", action="store_true", help="wait for what would become of the rows, and change nothing"
        )
        parser.add_argument("--wait", action="store_true", help="until the job has ended; done here without a worker")
        parser.add_argument("--json", action="store_true", help="the upload as the API shows it, alone on the output")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            mode = Mode.PREVIEW if options["preview"] else Mode.APPLY
            upload = self.start(options["kind"], options["file"], mode, options["user"], options["option"])
        except Refused as refused:
            if options["json"]:
                said = [{"option": option, "message": message} for option, message in refused.by_option]
                self.stdout.write(json.dumps({"errors": said}, ensure_ascii=False))
            raise CommandError("\n".join(said for _option, said in with_ways_out(refused, "--option "))) from refused
        except NotAllowed:
            raise CommandError(_("The login may not upload.")) from None
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        if options["wait"] or options["preview"]:
            self.wait(upload, quiet=options["json"])
        self.tell(upload, as_json=options["json"])

    def start(self, kind: str, path: Path, mode: Mode, username: str | None, pairs: list[str]) -> Upload:
        user = login_called(username)
        given = dict(option(pair) for pair in pairs)
        with path.open("rb") as file:
            return receive(File(file), kind, user, mode=mode, given=given, name=path.name)

    def wait(self, upload: Upload, *, quiet: bool) -> None:
        """Follow the job. Nobody works on it: work on it here."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        began = time.monotonic()
        with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
            bar = progress.add_task(upload.name, total=upload.rows)
            while (job := self.look(upload)).is_open:
                progress.update(bar, completed=job.done)
                if job.state == State.QUEUED and time.monotonic() - began > SECONDS_FOR_A_WORKER:
                    execute(job.pk)
                else:
                    time.sleep(SECONDS_BETWEEN_LOOKS)
            progress.update(bar, completed=job.done)

    def look(self, upload: Upload) -> Any:
        upload.refresh_from_db()
        return upload.job or upload.preview_job

    def tell(self, upload: Upload, *, as_json: bool) -> None:
        if as_json:
            as_shown = with_reasons(told(Upload.objects.all()).get(pk=upload.pk))
            self.stdout.write(json.dumps(as_shown, default=str, ensure_ascii=False, indent=2))
        else:
            self.stdout.write(in_words(upload))
        if upload.state in {State.FAILED, State.CANCELLED}:
            raise CommandError(self.look(upload).outcome)
        if upload.failed:
            words = ngettext("%(rows)s row failed.", "%(rows)s rows failed.", upload.failed)
            if not upload.job:
                words = ngettext("%(rows)s row would fail.", "%(rows)s rows would fail.", upload.failed)
            raise CommandError(words % {"rows": upload.failed}, returncode=ROWS_FAILED)


def in_words(upload: Upload) -> str:
    if upload.state.is_open:
        return _("Upload %(id)s: job %(job)s applies %(rows)s rows.") % {
            "id": upload.pk,
            "job": upload.job_id,
            "rows": upload.rows,
        }
    return applied_in_words(upload) if upload.job else previewed_in_words(upload)


def applied_in_words(upload: Upload) -> str:
    words = _(
        "Upload %(id)s: %(rows)s rows: %(new)s new, %(updated)s updated, %(unchanged)s unchanged, %(failed)s failed."
    )
    return "\n".join([words % {"id": upload.pk, **upload.outcomes}, *map(reason_in_words, reasons(upload))])


def previewed_in_words(upload: Upload) -> str:
    words = _("Upload %(id)s, previewed.") % {"id": upload.pk}
    made = records_in_words(upload.previewed.get("records", {}))
    return "\n".join([f"{words} {expected_in_words(upload.expected)}", *made, *map(reason_in_words, reasons(upload))])


def reason_in_words(reason: Reason) -> str:
    return f"{reason.rows} × {reason.in_words}"


def option(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals:
        raise CommandError(_("Write an option as NAME=VALUE, not “{pair}”.").format(pair=pair))
    return name, value
