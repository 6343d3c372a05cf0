"""A sandbox as a process of its own, with Tactile CRM accounts that tests change as the vendor's users would.

account = sandbox.next()                                an account nobody has touched
account.change("opportunity", id, amount="1200")        on its page
account.fails("lost", path="opportunities/save")        the next call for that loses its answer
account.all("opportunity")                              what is there, by id
"""

import contextlib
import json
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from backoffice.crm import records
from backoffice.crm.models import Opportunity
from backoffice.crm.records import Email, Ref
from backoffice.jobs.models import Job
from backoffice.jobs.running import execute
from backoffice.local.embedded import PROJECT
from backoffice.sync.pulls.pulling import start_pull
from connectors.kit.sandbox import Worlds
from tests.connectors.tactile import there
from tests.sync.pushes import someone

DEAL = "Reactor 1"
OPPORTUNITIES = 12  # the documented one, nine open ones, one won, one lost
MADE = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)


def account(name):
    """The vendor's documented account, with eleven opportunities more."""
    world = there.account(None)
    world.name = name
    times = {"created_there": MADE, "changed_there": MADE}
    company = records.Account(name="Globex", emails=[Email("info@globex.example")], **times)
    globex = world.add("account", company)
    person = {"name": "Hank Scorpio", "given": "Hank", "family": "Scorpio", "emails": [Email("hank@globex.example")]}
    hank = world.add("contact", records.Contact(**person, account=Ref(id=globex), **times))
    for number, status in enumerate([*["Discussion"] * 9, "Won", "Lost"], 1):
        moment = MADE + timedelta(days=number)
        id = world.add(
            "opportunity",
            records.Opportunity(
                name=f"Reactor {number}",
                account=Ref(id=globex),
                primary_contact=Ref(id=hank),
                amount=Decimal(1000 * number),
                probability=50,
                stage=Ref(label=status),
                type=Ref(label="New Business"),
                owner=Ref(id="paul"),
                assigned_to=Ref(id="paul"),
                altered_by=Ref(id="paul"),
                close_date=date(2026, 12, number),
                created_there=moment,
                changed_there=moment,
            ),
        )
        if number == 1:
            note = records.Note(kind="note", title="Call", body="They are keen.", private=False, happened_at=moment)
            note.opportunity, note.author = Ref(id=id), Ref(id="paul")
            note.created_there = note.changed_there = moment
            world.add("note", note, id="note:900")
    return world


class Sandbox:
    """The process. Its accounts are handed out one by one: each test has one of its own."""

    def __init__(self, file, count=60):
        self.file = file
        self.url = ""
        self.process = None
        self.left = [f"site-{number}" for number in range(1, count + 1)]
        Worlds([account(name) for name in self.left], file).save()

    def start(self, port=0):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "connectors.kit.sandbox", "--port", str(port), "--file", str(self.file)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        self.url = re.search(r"http://\S+[^/\s]", line)[0]
        return self

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()

    def next(self):
        return Site(self, self.left.pop(0))

    def asked(self, path, body=None, method="GET"):
        request = urllib.request.Request(f"{self.url}/{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read().decode()

    @contextlib.contextmanager
    def out_of_order(self):
        """Down, so that what it kept can be changed under it; yields its worlds."""
        port = self.port
        self.stop()
        worlds = Worlds.load(self.file)
        try:
            yield worlds
        finally:
            for world in worlds:
                world.touch()
            worlds.save()
            self.start(port)


class Site:
    """One account in it, seen as its users see it."""

    def __init__(self, sandbox, name):
        self.sandbox = sandbox
        self.name = name

    @property
    def url(self):
        return f"{self.sandbox.url}/{self.name}"

    def asked(self, path, **query):
        query = urllib.parse.urlencode({"api_token": there.TOKEN, **query})
        return json.loads(self.sandbox.asked(f"{self.name}/{path}?{query}"))

    def view(self, id):
        return self.asked(f"opportunities/view/{id}")["opportunity"]

    def named(self, name):
        """The opportunities of this name, archived and closed ones too."""
        rows = self.asked("opportunities/list_all")["opportunities"]
        return [self.view(row["id"]) for row in rows if row["name"] == name]

    def id_of(self, name):
        (found,) = self.named(name)
        return str(found["id"])

    def change(self, kind, id, **fields):
        """A form of the sandbox's page. The vendor's clock has whole seconds: what is pulled later tells them apart."""
        self._post(f"{kind}/{id}", fields)

    def add(self, kind, **fields):
        self._post(kind, fields)

    def press(self, id, button):
        """archive, unarchive, won or lost"""
        self._post(f"opportunity/{id}", {"do": button})

    def fails(self, how, **more):
        fault = {"fails": how, "world": self.name, **more}
        self.sandbox.asked("_faults", json.dumps(fault).encode(), "POST")

    def _post(self, path, fields):
        self.sandbox.asked(f"_worlds/{self.name}/{path}", urllib.parse.urlencode(fields).encode(), "POST")


# ── this side of it ──────────────────────────────────────────────────────────────────────────────────────────────────


def pulled(connection, *, full=False):
    """The ended job."""
    job = start_pull(connection, None, full=full)
    execute(job.pk, heartbeat=False)
    return Job.objects.get(pk=job.pk)


def ours(name=DEAL):
    return Opportunity.objects.get(name=name)


def edit(row, **fields):
    with someone():
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()


def clean(counts):
    """Without what there was none of."""
    return {word: number for word, number in counts.items() if number}
