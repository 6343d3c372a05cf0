"""How fast a vendor's opportunities are pulled: ours with everything on, and two other ways, in one run.

    python benchmarks/sync.py [--rows 100000] [--loop-rows 3000] [--dlt FOLDER]

ours   the job sync.pull: read ahead, compared, matched, merged, links, cursor and change log kept
loop   page by page, `update_or_create` for every record, references from a dict; without the change log
dlt    dlt's REST source with write disposition "merge" into tables of its own: no references, no log

The vendor is a stub in a process of its own that answers pages of 100 after 5 ms. Each way gets a fresh copy of one
database and a process of its own, whose peak memory is shown. Goals: the first pull at least 25 × loop and 2.5 × dlt;
the same again at least 80 × loop and 8 × dlt, with not one row written but the run's own; at most 150 MiB.

dlt is not among our requirements: its side is left out unless it is found in a folder made by
`pip install --target FOLDER "dlt[postgres]"`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks._measuring import address, drop, peak, statement, timed  # noqa: E402

BASE = "sync_benchmark"
GOALS = {"first": {"loop": 25.0, "dlt": 2.5}, "again": {"loop": 80.0, "dlt": 8.0}}
PEAK_MIB = 150
# What a run may write though nothing has changed: its own progress.
OF_THE_RUN = ("jobs_job", "jobs_joblog", "jobs_slot", "sync_cursor", "sync_seen", "sync_health", "sync_exchange")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="records of ours and dlt")
    parser.add_argument("--loop-rows", type=int, default=3_000, help="records of the loop")
    parser.add_argument("--dlt", metavar="FOLDER", default="", help="where dlt is installed")
    parser.add_argument("--ways", default="ours,loop,dlt")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(WAYS[options.way](options.url)))
        return 0
    return compare(options)


def compare(options: argparse.Namespace) -> int:
    if not os.environ.get("DATABASE_URL"):
        from tests import servers

        servers.start()
    prepare_base()
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for way in options.ways.split(","):
            if way == "dlt" and not options.dlt:
                print("dlt is left out; see --help", file=sys.stderr)
                continue
            rows = options.loop_rows if way == "loop" else options.rows
            with stub(rows) as url:
                results[way] = in_its_own_process(way, url, folder, options.dlt) | {"rows": rows}
            print(f"  {way}: {results[way]}", file=sys.stderr)
    drop(BASE)
    return report(results)


def report(results: dict[str, dict[str, float]]) -> int:
    rates = {way: {part: found["rows"] / found[part] for part in GOALS} for way, found in results.items()}
    print(f"{'':8}{'records':>12}{'first pull':>16}{'same again':>16}{'peak':>12}")
    for way, found in results.items():
        first, again = (f"{rates[way][part]:>12,.0f} r/s" for part in ("first", "again"))
        print(f"{way:8}{found['rows']:>12,}{first}{again}{found['peak']:>8,.0f} MiB")
    missed = 0
    for part, goals in GOALS.items():
        for way, goal in goals.items():
            if way in rates and "ours" in rates:
                ratio = rates["ours"][part] / rates[way][part]
                missed += ratio < goal
                print(f"{part:6} ours is {ratio:8.2f} × {way:6} (goal ≥ {goal:g}){'  MISSED' if ratio < goal else ''}")
    if "ours" in results:
        missed += results["ours"]["peak"] > PEAK_MIB or results["ours"]["written"] > 0
        print(f"the same again wrote {results['ours']['written']:,.0f} rows that are not the run's own (goal: none)")
    return 1 if missed else 0


@contextmanager
def stub(rows: int) -> Iterator[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "_vendor.py"), "--rows", str(rows)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.communicate()


def in_its_own_process(way: str, url: str, folder: str, dlt: str) -> dict[str, float]:
    name = f"{BASE}_{way}"
    drop(name)
    statement(f"CREATE DATABASE {name} TEMPLATE {BASE} STRATEGY FILE_COPY")
    environment = os.environ | {
        "DATABASE_URL": address(name),
        "BROKER_URL": "memory://",
        "BACKOFFICE_DATA": folder,
        "DEBUG": "1",
        "CREDENTIAL_KEYS": "",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }
    if way == "dlt":
        environment |= {"PYTHONPATH": dlt, "DLT_DATA_DIR": folder, "DLT_PROJECT_DIR": folder}
    command = [sys.executable, __file__, "--way", way, "--url", url]
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        drop(name)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def prepare_base() -> None:
    """Reps and stages are here; accounts and opportunities come."""
    drop(BASE)
    statement(f"CREATE DATABASE {BASE}")
    environment = os.environ | {
        "DATABASE_URL": address(BASE),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    subprocess.run([sys.executable, "-c", "from benchmarks.sync import fill; fill()"], env=environment, check=True)


def fill() -> None:
    setup()
    from django.core.management import call_command

    from backoffice.changes.acting import Door, acting
    from backoffice.crm.models import Choice, Rep
    from benchmarks import _vendor as vendor

    call_command("migrate", verbosity=0)
    with acting(None, Door.COMMAND, label="benchmark"):
        Rep.objects.bulk_create(Rep(given="Rep", family=str(n), email=vendor.email(n)) for n in range(vendor.REPS))
        Choice.objects.bulk_create(
            Choice(list="stage", label=label, status=status) for label, status in vendor.STAGES.values()
        )


# The ways


def ours(url: str) -> dict[str, float]:
    setup()
    from backoffice.changes.acting import Door, acting
    from backoffice.crm.models import Opportunity
    from backoffice.jobs.running import execute
    from backoffice.sync.models import Connection
    from backoffice.sync.pulls.pulling import start_pull
    from benchmarks import _vendor as vendor
    from connectors.kit import registry

    registry.register(vendor.Bench)
    with acting(None, Door.COMMAND, label="benchmark"):
        connection = Connection.objects.create(name="bench", vendor="bench", base_url=url, currency="USD")

    def pull() -> None:
        job = start_pull(connection, None, full=True)
        state = execute(job.pk)
        job.refresh_from_db()
        assert state == "succeeded", job.error
        print(job.counts, file=sys.stderr)

    first = timed(pull)
    assert Opportunity.objects.filter(account=None).count() == 0
    assert Opportunity.objects.filter(owner=None).count() == 0
    timed(pull)  # the first one that keeps in mind what it has seen
    written = written_rows()
    again = timed(pull)
    return {"first": first, "again": again, "written": written_rows() - written, "peak": peak()}


def written_rows() -> int:
    """By all who ever wrote, without the tables that hold a run's own progress."""
    from django.db import connection  # noqa: TID251

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE NOT relname = ANY(%s)",
            [list(OF_THE_RUN)],
        )
        return int(cursor.fetchone()[0])


def loop(url: str) -> dict[str, float]:
    setup()
    import requests
    from django.db import connection as database  # noqa: TID251
    from django.db import transaction  # noqa: TID251

    from backoffice.changes.acting import Door, acting
    from backoffice.crm.models import Account, Choice, Opportunity, Rep
    from benchmarks import _vendor as vendor

    with database.cursor() as cursor:
        for operation in ("insert", "update", "delete"):
            cursor.execute(f"ALTER TABLE crm_opportunity DISABLE TRIGGER change_log_{operation}")
    with acting(None, Door.COMMAND, label="benchmark"):
        Account.objects.bulk_create(
            Account(name=each["name"], external_id=str(each["id"])) for each in vendor.accounts()
        )
    accounts = dict(Account.objects.values_list("external_id", "id"))
    owners = {f"rep{number}": Rep.objects.get(email=vendor.email(number)).pk for number in range(vendor.REPS)}
    stages = dict(Choice.objects.filter(list="stage").values_list("label", "id"))
    session = requests.Session()

    def pull() -> None:
        page, pages = 1, 1
        while page <= pages:
            answer = session.get(f"{url}/opportunities", params={"page": page}, timeout=30).json()
            page, pages = page + 1, answer["pages"]
            with transaction.atomic():
                for wire in answer["items"]:
                    Opportunity.objects.update_or_create(
                        external_id=str(wire["id"]),
                        defaults={
                            "name": wire["name"],
                            "account_id": accounts[str(wire["account_id"])],
                            "amount": str(wire["amount"]),
                            "currency": "USD",
                            "probability": wire["probability"],
                            "close_date": wire["close_date"],
                            "stage_id": stages[wire["stage"]],
                            "owner_id": owners[wire["owner"]],
                            "next_step": wire["next_step"],
                            "description": wire["description"],
                            "created_there": wire["created"],
                            "changed_there": wire["changed"],
                        },
                    )

    return {"first": timed(pull), "again": timed(pull), "peak": peak()}


def with_dlt(url: str) -> dict[str, float]:
    import dlt
    from dlt.destinations import postgres
    from dlt.sources.rest_api import rest_api_source

    at = urlsplit(os.environ["DATABASE_URL"])
    credentials = {
        "database": at.path.lstrip("/"),
        "username": at.username or "postgres",
        "password": at.password or "",
        "host": at.hostname or quote(parse_qs(at.query)["host"][0], safe=""),  # a socket's folder
        "port": at.port or int(parse_qs(at.query).get("port", ["5432"])[0]),
    }
    opportunities = {
        "name": "opportunities",
        "primary_key": "id",
        "write_disposition": "merge",
        "endpoint": {
            "path": "opportunities",
            "data_selector": "items",
            "paginator": {"type": "page_number", "base_page": 1, "total_path": "pages"},
        },
    }
    pipeline = dlt.pipeline("sync_benchmark", destination=postgres(credentials=credentials), dataset_name="dlt")

    def pull() -> None:
        pipeline.run(
            rest_api_source({"client": {"base_url": url}, "resources": [opportunities]})
        ).raise_on_failed_jobs()

    found = {"first": timed(pull), "again": timed(pull), "peak": peak()}
    with pipeline.sql_client() as client:
        print(client.execute_sql("SELECT count(*) FROM opportunities"), file=sys.stderr)
    return found


WAYS: dict[str, Callable[[str], dict[str, float]]] = {"ours": ours, "loop": loop, "dlt": with_dlt}


# The means


def setup() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    import django

    django.setup()


if __name__ == "__main__":
    sys.exit(main())
