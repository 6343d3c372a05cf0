"""A server of Tactile CRM's lists: rows by area, filtered and paged as documented, in the order of names."""

from datetime import datetime
from functools import partial

from connectors.kit.contract import Site
from connectors.tactile.connector import Tactile
from tests.connectors.transport import FakeTransport, html

TOKEN = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
ANSWERED = {
    "organisations": "organisation",
    "people": "person",
    "opportunities": "opportunity",
    "activities": "activity",
}
STATUSES = {"1": "Won", "2": "New", "3": "Lost"}
NO_SUCH_ID = {"status": "error", "messages": ["Invalid id specified"]}


def opportunity(id, name=None, *, changed="2026-11-02T08:00:00+00:00", **more):
    return {
        "id": id,
        "name": name or f"Opportunity {id:06}",
        "organisation": None,
        "organisation_id": None,
        "cost": 100,
        "archived": False,
        "status": "New",
        "created": changed,
        "lastupdated": changed,
        "enddate": "2026-12-01",
        **more,
    }


class Lists(FakeTransport):
    """`rows[area]` is listed, what only `hidden` has can be viewed, `timelines` are by opportunity. Else HTML."""

    def __init__(self, **rows):
        super().__init__(default=html())
        self.rows = {area: {row["id"]: row for row in rows.get(area, [])} for area in ANSWERED}
        self.hidden = {}
        self.timelines = {}
        self.asked_for = []  # pages, in order
        self.before_page = lambda area, page: None
        for area, one in ANSWERED.items():
            self.answers(area, self.index)
            self.answers(f"{area}/options", partial(self.options, one))
        self.answers("opportunities/timeline", self.timeline)

    def options(self, one, request):
        lists = {"assigned_to": {"paul": "paul"}, **({"status": STATUSES} if one == "opportunity" else {})}
        return {"status": "success", f"{one}_options": lists}

    def without(self, *areas):
        """The token may not read them."""
        for area in areas:
            for path in (area, f"{area}/options"):
                self._queued.pop(path)
        return self

    def index(self, request):
        page = int(request.query.get("page", 1))
        self.asked_for.append((request.path, page))
        self.before_page(request.path, page)
        rows = sorted(self.rows[request.path].values(), key=lambda row: str(row.get("name")))
        return self.page([row for row in rows if self.is_listed(row, request.query)], request, page)

    def is_listed(self, row, query):
        after = query.get("updated_after")
        return not after or datetime.fromisoformat(row["lastupdated"]) > datetime.fromisoformat(after)

    def page(self, rows, request, page):
        limit = int(request.query.get("limit", 30))
        return {
            "status": "success",
            request.path.split("/")[0]: rows[(page - 1) * limit : page * limit],
            "cur_page": page,
            "num_pages": -(-len(rows) // limit),
            "per_page": limit,
            "total": len(rows),
        }

    def also_answers(self, action, rows):
        """A list that only the later server has."""
        self.answers(f"opportunities/{action}", lambda request: self.page(rows, request, int(request.query["page"])))

    def timeline(self, request):
        id = request.query["id"]
        if id not in self.rows["opportunities"] and id not in self.hidden:
            return NO_SUCH_ID
        entries = self.timelines.get(id, [])
        return {"status": "success", "timeline": entries}

    def send(self, request, *, repeatable):
        area, _, rest = request.path.partition("/view/")
        if rest:
            self.sent.append(request)
            row = self.hidden.get(int(rest)) or self.rows[area].get(int(rest))
            answer = {"status": "success", ANSWERED[area]: row} if row else NO_SUCH_ID
            self.answers(request.path, answer)
            self.sent.pop()
        return super().send(request, repeatable=repeatable)


def connected(transport, **settings):
    """The connector over it: one thread, so that requests come in order."""
    return Tactile(Site("https://sample.example", transport, {"threads": 1, **settings}, {"api_token": TOKEN}))


def stream(connector, name):
    return next(each for each in connector.streams() if each.name == name)


def pulled(connector, name, state=None, *, full=False):
    """All items of a stream, and where the next pull begins."""
    items = []
    for page in stream(connector, name).pages(state or {}, full=full):
        items += page.items
        state = page.state
        if page.is_last:
            return items, state
    raise AssertionError("no last page")
