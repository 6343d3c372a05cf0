"""The vendor of the sync's benchmark: a stub that answers pages of opportunities after 5 ms, and its connector.

python benchmarks/_vendor.py --rows 100000        prints its port, serves until its input ends
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from backoffice.crm.records import Account, Opportunity
from connectors.kit.ahead import ahead
from connectors.kit.codecs import Amount, Day, Integer, Moment
from connectors.kit.contract import (
    Capability,
    Connector,
    Health,
    Item,
    Meaning,
    Page,
    Stream,
    VendorEntry,
    VendorList,
)
from connectors.kit.mapping import Access, Entry, Field, Mapping, Reference
from connectors.kit.settings import Kind, Setting
from connectors.kit.transport import Request

PAGE, ACCOUNTS, REPS = 100, 500, 60
LATENCY_SECONDS = 0.005
STAGES = {"1": ("Prospecting", "open"), "2": ("Engaging", "open"), "3": ("Won", "won"), "4": ("Lost", "lost")}

ACCOUNT = Mapping("account", Account, Field("name", "name", required=True), Field("website", "website"))
OPPORTUNITY = Mapping(
    "opportunity",
    Opportunity,
    Field("name", "name", required=True),
    Reference("account_id", "account", "account", label="account", id=Integer()),
    Field("amount", "amount", Amount()),
    Field("probability", "probability", Integer()),
    Field("close_date", "close_date", Day()),
    Entry("stage", "stage", "stages", written="stage_id"),
    Entry("owner", "owner", "users"),
    Field("next_step", "next_step"),
    Field("description", "description"),
    Field("created", "created_there", Moment(), access=Access.READ_ONLY),
    Field("changed", "changed_there", Moment(), access=Access.READ_ONLY),
)
MAPPINGS = {"accounts": ACCOUNT, "opportunities": OPPORTUNITY}


def accounts() -> list[dict[str, Any]]:
    return [{"id": n, "name": account(n), "website": f"https://company-{n}.example"} for n in range(1, ACCOUNTS + 1)]


def account(number: int) -> str:
    return f"Compañía {number * 7919 % ACCOUNTS} del Norte"


def opportunities(rows: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(rows)
    words = ("Alfa", "Bravo", "Delta", "Omega", "Nova", "Prima", "Global", "Norte", "Sistemas", "Motores", "Energía")
    stages = [label for label, _status in STAGES.values()]
    for number in range(1, rows + 1):
        of = chance.randrange(1, ACCOUNTS + 1)
        yield {
            "id": number,
            "name": f"{account(of)} - {chance.choice(words)} {chance.choice(words)} {number}",
            "account_id": of,
            "account": account(of),
            "amount": chance.randrange(5_000, 9_000_000) / 100,
            "probability": chance.randrange(0, 101, 5),
            "close_date": f"20{chance.randrange(24, 28)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
            "stage": chance.choice(stages),
            "owner": f"rep{chance.randrange(REPS)}",
            "next_step": chance.choice(("", "Send the proposal, agree on a date", "Qualify the need")),
            "description": "Asked for by the branch in the north; see the minutes of the last visit.",
            "created": f"2026-{chance.randrange(1, 10):02}-{chance.randrange(1, 29):02}T09:30:00+00:00",
            "changed": f"2026-10-{chance.randrange(1, 29):02}T{chance.randrange(24):02}:15:00+00:00",
        }


class Rows(Stream):
    """All of a list, every time: nothing tells what has changed."""

    def __init__(self, bench: "Bench", name: str) -> None:
        self.bench, self.mapping = bench, MAPPINGS[name]
        self.name = name  # type: ignore[misc]
        self.kinds = (self.mapping.kind,)  # type: ignore[misc]

    def pages(self, state: dict[str, Any], *, full: bool) -> Iterator[Page]:
        number = state.get("page", 1)
        first = self.bench.get(self.name, page=number)
        last = first["pages"]
        yield self._page(number, first)
        numbers = range(number + 1, last + 1)
        threads = self.bench.site.settings["threads"]
        rest = ahead(lambda page: self.bench.get(self.name, page=page), numbers, threads=threads)
        for number, answer in zip(numbers, rest, strict=True):
            yield self._page(number, answer)

    def _page(self, number: int, answer: dict[str, Any]) -> Page:
        items = [Item(self.mapping.kind, str(wire["id"]), wire, self.mapping) for wire in answer["items"]]
        is_last = number >= answer["pages"]
        return Page(items, {} if is_last else {"page": number + 1}, total=answer["total"], is_last=is_last)


class Bench(Connector):
    vendor = "bench"
    label = "Benchmark"
    settings = (Setting("threads", "Threads", Kind.NUMBER, default=6),)
    lists = (VendorList("stages", Meaning.CHOICE, "stage"), VendorList("users", Meaning.REP))
    capabilities = {mapping.kind: Capability(mapping, update=True) for mapping in MAPPINGS.values()}

    def test(self) -> Health:
        return Health("")

    def entries(self) -> list[VendorEntry]:
        stages = [VendorEntry("stages", id, label, {"status": status}) for id, (label, status) in STAGES.items()]
        users = [VendorEntry("users", f"rep{n}", f"Rep {n}", {"email": email(n)}) for n in range(REPS)]
        return [*stages, *users]

    def streams(self) -> list[Stream]:
        return [Rows(self, name) for name in MAPPINGS]

    def get(self, path: str, **query: Any) -> Any:
        return self.site.transport.send(Request("GET", path, query=query), repeatable=True).json()


def email(number: int) -> str:
    return f"rep.{number}@reps.example.com"


# The stub


def answers(rows: int) -> dict[bytes, bytes]:
    """Every page's whole response, by the request's target."""
    found: dict[bytes, bytes] = {}
    for name, items in (("accounts", accounts()), ("opportunities", list(opportunities(rows)))):
        pages = max(-(-len(items) // PAGE), 1)
        for page in range(1, pages + 1):
            part = items[(page - 1) * PAGE : page * PAGE]
            body = orjson.dumps({"items": part, "page": page, "pages": pages, "total": len(items)})
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            found[f"/{name}?page={page}".encode()] = head.encode() + body
    return found


async def serve(rows: int) -> None:
    pages = answers(rows)
    nothing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(LATENCY_SECONDS)
                writer.write(pages.get(head.split(b" ", 2)[1], nothing))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    asyncio.run(serve(parser.parse_args().rows))
