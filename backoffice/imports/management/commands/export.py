"""`manage.py export`: what the console's button over a list does, for scripts."""

import json
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, cast, override

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from backoffice.imports.exports import exporting, writing
from backoffice.imports.exports.exporting import NotAllowed, Selection
from backoffice.imports.exports.filters import DOOR
from backoffice.imports.faults import Refused
from backoffice.imports.kinds import KINDS
from backoffice.imports.management.logins import login_called
from backoffice.imports.models import Format

EXAMPLES = """examples:
  manage.py export opportunities pipeline.xlsx
  manage.py export opportunities open.csv --user marta --filter status=open --filter sort=-amount --json

filters are those of the API's list of the kind

exit code: 0 when the file is written, 1 otherwise; a file that was there stays as it was until the new one is whole
"""


class Command(BaseCommand):
    help = "Write a list as CSV or XLSX. Example: manage.py export opportunities pipeline.xlsx --filter status=open"

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = EXAMPLES
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("kind", choices=sorted(KINDS), help="what to export")
        parser.add_argument("file", type=Path, help=".csv or .xlsx")
        parser.add_argument("--user", metavar="LOGIN", help="who exports what they see; else the first admin")
        parser.add_argument("--filter", action="append", default=[], metavar="NAME=VALUE", help="may be given again")
        parser.add_argument("--json", action="store_true", help="what was written, alone on the output")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        kind, path = KINDS[options["kind"]], cast(Path, options["file"])
        selection = Selection(DOOR, query(options["filter"]))
        try:
            rows = exporting.selected(kind, login_called(options["user"]), selection)
            written = self.write(kind, rows, path, format_of(path), quiet=options["json"])
        except NotAllowed:
            raise CommandError(_("The login may not export this.")) from None
        except Refused as refused:
            raise CommandError("\n".join(refused.messages)) from refused
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        if options["json"]:
            self.stdout.write(json.dumps({"kind": kind.name, "file": str(path), "rows": written}, ensure_ascii=False))
        else:
            text = ngettext("%(file)s: %(rows)s row.", "%(file)s: %(rows)s rows.", written)
            self.stdout.write(text % {"file": path, "rows": written})

    def write(self, kind: Any, rows: Any, path: Path, format_: Format, *, quiet: bool) -> int:
        total = rows.order_by().count()
        writing.refuse_too_many(total, format_)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with (
            Progress(*columns, console=Console(stderr=True), disable=quiet) as progress,
            NamedTemporaryFile(dir=path.resolve().parent, delete_on_close=False) as file,
        ):
            bar = progress.add_task(path.name, total=total)
            written = exporting.write(
                kind, rows, cast(BinaryIO, file), format_, told=lambda done: progress.update(bar, completed=done)
            )
            file.close()
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        return written


def format_of(path: Path) -> Format:
    try:
        return Format(path.suffix.lower().removeprefix("."))
    except ValueError:
        raise CommandError(_("Name the file .csv or .xlsx: the ending says what is written.")) from None


def query(pairs: list[str]) -> str:
    filters = QueryDict(mutable=True)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise CommandError(_("Write a filter as NAME=VALUE, not “{pair}”.").format(pair=pair))
        filters[name] = value
    return filters.urlencode()
