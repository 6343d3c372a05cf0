"""How fast a file of opportunities is loaded: ours with everything on, and three other ways, in one run.

    python benchmarks/uploads.py [--rows 20000] [--stock-rows 20000] [--rounds 1]

ours   receive() and its job: examined, stored, validated, outcomes and change log kept
stock  django-import-export row by row, unchanged rows skipped; without the change log
bulk   its bulk mode, tuned: its own caches of instances and references, large batches; without the change log
copy   a bare COPY of ready values into a table with the same indexes; no checks, no log (the limit)

Each way gets a fresh copy of one database, in which accounts, reps, stages and types are already there, and a process
of its own, whose peak memory is shown. Goals: the first load at least 25 × stock, 8 × bulk and 0.4 of copy; the same
file again at least 80 × stock with not one row written; at most 150 MiB.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks._measuring import address, drop, peak, statement, timed  # noqa: E402

HEADER = (
    *("Opportunity ID", "Opportunity Name", "Amount", "Close Date", "Stage", "Opportunity Owner"),
    *("Opportunity Owner Email", "Account ID", "Account Name", "Account URL/Website", "Opportunity Type", "Next Step"),
)
STAGES = {"Won": "won", "Lost": "lost", "Engaging": "open", "Prospecting": "open"}
TYPES = ("New Business", "Existing Business")
ACCOUNTS, REPS = 500, 60
BASE = "uploads_benchmark"
GOALS = {"first": {"stock": 25.0, "bulk": 8.0, "copy": 0.4}, "again": {"stock": 80.0}}
PEAK_MIB = 150


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="rows of ours and copy")
    parser.add_argument("--stock-rows", type=int, default=20_000, help="rows of stock and bulk")
    parser.add_argument("--rounds", type=int, default=1, help="the best of so many counts")
    parser.add_argument("--ways", default="copy,ours,bulk,stock")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(WAYS[options.way](Path(options.file))))
        return 0
    return compare(options)


def compare(options: argparse.Namespace) -> int:
    if not os.environ.get("DATABASE_URL"):
        from tests import servers

        servers.start()
    prepare_base()
    ways = options.ways.split(",")
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            for way in ways:
                rows = options.stock_rows if way in {"stock", "bulk"} else options.rows
                file = Path(folder) / f"{rows}.csv"
                if not file.exists():
                    write_file(file, rows)
                found = in_its_own_process(way, file, folder) | {"rows": rows}
                if way not in results or found["first"] < results[way]["first"]:
                    results[way] = found
                print(f"  {way}: {found}", file=sys.stderr)
    drop(BASE)
    return report(results)


def in_its_own_process(way: str, file: Path, folder: str) -> dict[str, float]:
    name = f"{BASE}_{way}"
    statement(f"DROP DATABASE IF EXISTS {name}")
    statement(f"CREATE DATABASE {name} TEMPLATE {BASE} STRATEGY FILE_COPY")
    environment = os.environ | {
        "DATABASE_URL": address(name),
        "BROKER_URL": "memory://",
        "BACKOFFICE_DATA": folder,
        "DEBUG": "1",
        "UPLOAD_LIMIT_BYTES": str(1 << 30),  # a million rows are a little more than people may send at once
    }
    command = [sys.executable, __file__, "--way", way, "--file", str(file)]
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        drop(name)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(results: dict[str, dict[str, float]]) -> int:
    rates = {
        way: {part: found["rows"] / found[part] for part in ("first", "again") if part in found}
        for way, found in results.items()
    }
    print(f"{'':8}{'rows':>12}{'first load':>14}{'same again':>14}{'peak':>12}")
    for way, found in results.items():
        again = f"{rates[way]['again']:>10,.0f} r/s" if "again" in rates[way] else f"{'–':>14}"
        print(f"{way:8}{found['rows']:>12,}{rates[way]['first']:>10,.0f} r/s{again}{found['peak']:>8,.0f} MiB")
    missed = 0
    for part, goals in GOALS.items():
        for way, goal in goals.items():
            if way in rates and "ours" in rates:
                ratio = rates["ours"][part] / rates[way][part]
                missed += ratio < goal
                print(f"{part:6} ours is {ratio:8.2f} × {way:6} (goal ≥ {goal:g}){'  MISSED' if ratio < goal else ''}")
    if "ours" in results:
        missed += results["ours"]["peak"] > PEAK_MIB or results["ours"]["written"] > 0
        print(f"the same file again wrote {results['ours']['written']:,.0f} rows of the domain (goal: none)")
    return 1 if missed else 0


# The data


def prepare_base() -> None:
    drop(BASE)
    statement(f"CREATE DATABASE {BASE}")
    script = "from benchmarks.uploads import fill; fill()"
    environment = os.environ | {
        "DATABASE_URL": address(BASE),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)


def fill() -> None:
    setup()
    from django.core.management import call_command

    from backoffice.access.models import User
    from backoffice.changes.acting import Door, acting
    from backoffice.crm.models import Account, Choice, Rep

    call_command("migrate", verbosity=0)
    User.objects.create_user("benchmark", role="operations")
    with acting(None, Door.COMMAND, label="benchmark"):
        Account.objects.bulk_create(
            Account(name=account(n), external_id=f"ACC-{n:05}", website=website(n)) for n in range(ACCOUNTS)
        )
        Rep.objects.bulk_create(Rep(given="Rep", family=str(n), email=email(n)) for n in range(REPS))
        Choice.objects.bulk_create(Choice(list="stage", label=name, status=status) for name, status in STAGES.items())
        Choice.objects.bulk_create(Choice(list="type", label=name) for name in TYPES)


def write_file(path: Path, rows: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(lines(rows))


def lines(rows: int) -> Iterator[list[str]]:
    chance = random.Random(rows)
    words = ("Alfa", "Bravo", "Delta", "Omega", "Nova", "Prima", "Global", "Norte", "Sistemas", "Motores", "Energía")
    for number in range(rows):
        of, by = chance.randrange(ACCOUNTS), chance.randrange(REPS)
        yield [
            f"{chance.getrandbits(40):010X}{number:X}",
            f"{account(of)} - {chance.choice(words)} {chance.choice(words)} {number}",
            str(chance.randrange(50, 90_000)),
            f"20{chance.randrange(24, 28)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
            chance.choice(list(STAGES)),
            f"Rep {by}",
            email(by),
            f"ACC-{of:05}",
            account(of),
            website(of),
            chance.choice(TYPES),
            chance.choice(("", "Send the proposal, agree on a date", "Qualify the need")),
        ]


def account(number: int) -> str:
    return f"Compañía {number * 7919 % ACCOUNTS} del Norte"


def website(number: int) -> str:
    return f"https://www.company-{number}.example/"


def email(number: int) -> str:
    return f"rep.{number}@reps.example.com"


# The ways


def ours(path: Path) -> dict[str, float]:
    setup()
    from django.core.files import File

    from backoffice.access.models import User
    from backoffice.changes.models import Change
    from backoffice.imports.starting import receive
    from backoffice.jobs.running import execute

    user = User.objects.get(username="benchmark")

    def upload() -> None:
        with path.open("rb") as file:
            received = receive(File(file), "opportunities", user, name=path.name)
        state = execute(received.job_id)
        received.refresh_from_db()
        assert state == "succeeded", received.job.error
        assert sum(received.counts.values()) == received.rows

    receive_nothing(user)
    first = timed(upload)
    written = Change.objects.count()
    again = timed(upload)
    return {"first": first, "again": again, "written": Change.objects.count() - written, "peak": peak()}


def receive_nothing(user: Any) -> None:
    """A file without rows: from then on this process has loaded what a server and a worker have loaded for long."""
    from django.core.files.base import ContentFile

    from backoffice.imports.starting import receive
    from backoffice.jobs.running import execute

    file = ContentFile(",".join(HEADER).encode() + b"\r\n", name="nothing.csv")
    execute(receive(file, "opportunities", user).job_id)


def stock(path: Path) -> dict[str, float]:
    return import_export(path, bulk=False)


def bulk(path: Path) -> dict[str, float]:
    return import_export(path, bulk=True)


def import_export(path: Path, *, bulk: bool) -> dict[str, float]:
    setup()
    import tablib

    from backoffice.crm.models import Opportunity

    without_change_log()
    resource = resource_of_opportunities(bulk=bulk)

    def load() -> None:
        data = tablib.Dataset().load(path.read_text(encoding="utf-8"), format="csv")
        data.append_col(["USD"] * len(data), header="Currency")
        result = resource().import_data(data, raise_errors=True)
        assert not result.has_errors()

    first = timed(load)
    assert Opportunity.objects.exists()
    return {"first": first, "again": timed(load), "peak": peak()}


def resource_of_opportunities(*, bulk: bool) -> Any:
    from import_export import fields, instance_loaders, resources, widgets

    from backoffice.crm.models import Account, Opportunity, Rep

    reference = widgets.CachedForeignKeyWidget if bulk else widgets.ForeignKeyWidget
    label = by_label(reference)

    class Opportunities(resources.ModelResource):
        external_id = fields.Field("external_id", "Opportunity ID")
        name = fields.Field("name", "Opportunity Name")
        amount = fields.Field("amount", "Amount", widgets.DecimalWidget())
        close_date = fields.Field("close_date", "Close Date", widgets.DateWidget("%Y-%m-%d"))
        stage = fields.Field("stage", "Stage", label("stage"))
        owner = fields.Field("owner", "Opportunity Owner Email", reference(Rep, "email"))
        account = fields.Field("account", "Account ID", reference(Account, "external_id"))
        type = fields.Field("type", "Opportunity Type", label("type"))
        next_step = fields.Field("next_step", "Next Step")
        currency = fields.Field("currency", "Currency", default="USD")
        stage_system = fields.Field("stage_system", "Stage")

        class Meta:
            model = Opportunity
            import_id_fields = ("external_id",)
            fields = (
                *("external_id", "name", "amount", "close_date", "stage", "owner", "account", "type"),
                *("next_step", "currency", "stage_system"),
            )
            use_bulk = bulk
            batch_size = 2_000
            skip_unchanged = True
            skip_diff = False  # skipping the diff would switch off skipping what is unchanged
            report_skipped = False
            use_transactions = True
            if bulk:
                instance_loader_class = instance_loaders.CachedInstanceLoader

        def get_queryset(self):
            found = super().get_queryset()
            return found.select_related("stage", "owner", "account", "type") if bulk else found

    return Opportunities


def by_label(reference: Any) -> Any:
    """A widget for pick lists: an entry by its label."""
    from backoffice.crm.models import Choice

    class Label(reference):
        def __init__(self, list_name):
            super().__init__(Choice, "label")
            self.list_name = list_name

        def get_queryset(self, value, row, *args, **kwargs):
            return Choice.objects.filter(list=self.list_name)

    return Label


def copy(path: Path) -> dict[str, float]:
    setup()
    from django.db import connection, transaction  # noqa: TID251

    from backoffice.crm.models import Account, Choice, Rep

    accounts = dict(Account.objects.values_list("external_id", "id"))
    reps = dict(Rep.objects.values_list("email", "id"))
    choices = dict(Choice.objects.values_list("label", "id"))
    ready = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            values = (
                *(row["Opportunity ID"], row["Opportunity Name"], row["Amount"], "USD", row["Close Date"]),
                *(choices[row["Stage"]], row["Stage"], choices[row["Opportunity Type"]]),
                *(reps[row["Opportunity Owner Email"]], accounts[row["Account ID"]], row["Next Step"]),
            )
            ready.write("\t".join(map(str, values)) + "\n")
    columns = "external_id,name,amount,currency,close_date,stage_id,stage_system,type_id,owner_id,account_id,next_step"

    def load() -> None:
        ready.seek(0)
        with (
            transaction.atomic(),
            connection.cursor() as cursor,
            cursor.copy(f"COPY copied ({columns}) FROM STDIN") as stream,
        ):
            while block := ready.read(1 << 16):
                stream.write(block)

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE copied (LIKE crm_opportunity INCLUDING ALL)")
    return {"first": timed(load), "peak": peak()}


WAYS: dict[str, Callable[[Path], dict[str, float]]] = {"ours": ours, "stock": stock, "bulk": bulk, "copy": copy}


# The means


def setup() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    import django

    django.setup()


def without_change_log() -> None:
    from django.db import connection  # noqa: TID251

    with connection.cursor() as cursor:
        for operation in ("insert", "update", "delete"):
            cursor.execute(f"ALTER TABLE crm_opportunity DISABLE TRIGGER change_log_{operation}")


if __name__ == "__main__":
    sys.exit(main())
