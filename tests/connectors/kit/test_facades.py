"""Routes, doors and bodies of any vendor's facade, and how a connector's request reaches it in the same process."""

import io

import pytest

from connectors.kit.errors import Missing, Unavailable, Uncertain
from connectors.kit.facades import Call, Facade, Reply, TooLarge
from connectors.kit.memory import MemoryStore, World
from connectors.kit.store import Caller
from connectors.kit.testing import FacadeTransport
from connectors.kit.transport import Request

pytestmark = [pytest.mark.unit]


def explain(call, error):
    match error:
        case Missing():
            return Reply(b"missing", 404)
        case TooLarge():
            return Reply(b"too large", 413)
        case Unavailable():
            return Reply(b"later", 503)
    return None


@pytest.fixture
def facade():
    facade = Facade(
        "acme",
        credential=lambda call: call.headers.get("authorization", ""),
        refuse=lambda call: Reply(b"refused", 401),
        nowhere=lambda call: Reply(b"nowhere", 404),
        explain=explain,
        most_bytes=10,
    )

    @facade.route(r"things/(?P<id>\d+)(?:/(?P<part>\w+))?", "GET")
    def thing(call, store, groups):
        return Reply(f"{store.caller.id} {sorted(groups.items())} {call.param('a')}".encode())

    @facade.route(r"things/\d+", "POST")
    def change(call, store, groups):
        return Reply(call.body + call.content_type.encode())

    @facade.route(r"fails/(?P<how>\w+)")
    def fails(call, store, groups):
        raise {"missing": Missing([]), "later": Unavailable("down"), "bug": ZeroDivisionError()}[groups["how"]]

    return facade


@pytest.fixture
def door():
    return World(callers={"secret": Caller("paul")}).door


@pytest.fixture
def ask(facade, door):
    def ask(method, path, body=b"", secret="secret", query=()):
        call = Call(method, path, query, {"authorization": secret}, io.BytesIO(body), facade.most_bytes)
        reply = facade.answer(call, door)
        return reply.status, reply.body.decode()

    return ask


def test_a_route_is_found_by_path_and_method(ask):
    assert ask("GET", "things/7", query=[("a", "1"), ("a", "2")]) == (200, "paul [('id', '7')] 2")
    assert ask("GET", "things/7/x") == (200, "paul [('id', '7'), ('part', 'x')] ")
    assert ask("POST", "things/7", b"new") == (200, "new")
    assert ask("DELETE", "things/7") == (404, "nowhere")
    assert ask("GET", "things/7/x/y") == (404, "nowhere")


def test_only_a_known_secret_opens_the_door(ask):
    assert ask("GET", "things/7", secret="other") == (401, "refused")
    assert ask("GET", "things/7", secret="") == (401, "refused")


def test_what_a_handler_raises_is_explained_and_a_mistake_of_ours_is_not_hidden(ask):
    assert ask("GET", "fails/missing") == (404, "missing")
    with pytest.raises(ZeroDivisionError):
        ask("GET", "fails/bug")


def test_a_body_is_read_no_further_than_it_may_go(facade, door):
    stream = io.BytesIO(b"x" * 1_000_000)
    reply = facade.answer(Call("POST", "things/7", (), {"authorization": "secret"}, stream, 10), door)
    assert (reply.status, stream.tell()) == (413, 64 * 1024)


def test_a_body_may_be_asked_for_twice():
    call = Call("POST", "", (), {}, io.BytesIO(b'{"a": 1}'))
    assert [call.body, call.body] == [b'{"a": 1}'] * 2
    assert call.json == {"a": 1}


def test_a_connectors_request_comes_in_as_over_http(facade, door):
    transport = FacadeTransport(facade, door)
    request = Request("post", "/things/7", {"a": ["x y", "ñ"]}, {"Authorization": "secret"}, json=[1])
    response = transport.send(request, repeatable=False)
    assert (response.status, response.text, response.content_type) == (200, "[1]application/json", "application/json")
    assert transport.sent == [request]


@pytest.mark.parametrize(("repeatable", "error"), [(True, Unavailable), (False, Uncertain)])
def test_a_vendor_that_answers_5xx_leaves_us_uncertain_of_what_must_not_be_repeated(facade, door, repeatable, error):
    with pytest.raises(error):
        FacadeTransport(facade, door).send(
            Request("GET", "fails/later", headers={"Authorization": "secret"}), repeatable=repeatable
        )


def test_a_lost_answer_can_be_played(facade):
    done = []

    class Losing(FacadeTransport):
        def after(self, request):
            raise Uncertain("lost")

    class Store(MemoryStore):
        @property
        def caller(self):
            done.append(1)
            return super().caller

    with pytest.raises(Uncertain, match="lost"):
        Losing(facade, lambda secret: Store()).send(Request("GET", "things/7"), repeatable=False)
    assert done == [1]
