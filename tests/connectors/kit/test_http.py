"""What the wire may do to a request, and what becomes of it."""

import gzip
import re
import threading
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connectors.kit.errors import Misconfigured, Unavailable, Uncertain, Unreadable
from connectors.kit.http import TRIES, Again, Failed, HttpTransport, Limits, back_off, decided, retry_after
from connectors.kit.redaction import Redactor
from connectors.kit.transport import Request, Response
from tests.connectors.kit.servers import SECONDS, answer

pytestmark = [pytest.mark.unit]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOKEN = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
GET = Request("GET", "opportunities")
CREATE = Request("POST", "opportunities/save", json={"name": "Website Redesign"})
MEBIBYTE = 1024 * 1024


class Slept(list):
    """Sleeps no time, and knows how long it would have been."""

    __call__ = list.append


class CountedPace:
    def __init__(self):
        self.waits = 0
        self.held = []

    def wait(self):
        self.waits += 1

    def hold(self, seconds):
        self.held.append(seconds)


@pytest.fixture
def slept():
    return Slept()


@pytest.fixture
def pace():
    return CountedPace()


@pytest.fixture
def kept():
    return []


@pytest.fixture
def transport(server, slept, pace, kept):
    return HttpTransport(
        server.url,
        allow_local=True,
        pace=pace,
        keep=kept.append,
        redactor=Redactor([TOKEN]),
        limits=Limits(read_seconds=5, most_bytes=MEBIBYTE),
        vendor="Acme",
        sleep=slept,
    )


def hurried(server, slept, **limits):
    return HttpTransport(server.url, allow_local=True, limits=Limits(**limits), vendor="Acme", sleep=slept)


def cut(connection):
    """The answer ends before its body does."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"opportunities": [')


def hang_up(_connection):
    """No answer at all."""


def dripping(head, drop, waiting):
    """Sends `head`, then a drop now and then: each in time, all together never."""

    def drip(connection):
        connection.sendall(head)
        for _ in range(2_000):
            connection.sendall(drop)
            if waiting.wait(0.02):
                return

    return drip


# What goes out and comes in


def test_a_request_arrives_as_it_was_meant(server, transport):
    transport.send(
        Request(
            "POST",
            "/opportunities/save",
            query={"api_token": TOKEN, "updated_after": "2026-11-01T00:00:00+00:00", "tag": ["a b", "c&d"], "no": None},
            headers={"X-Ours": "yes"},
            json={"Opportunity": {"name": "Año"}},
        ),
        repeatable=False,
    )
    head = server.requests[0]
    assert head.startswith(
        f"POST /opportunities/save?api_token={TOKEN}&updated_after=2026-11-01T00%3A00%3A00%2B00%3A00&tag=a+b&tag=c%26d "
    )
    assert "\r\nX-Ours: yes" in head
    assert "\r\nContent-Type: application/json" in head
    assert server.bodies[0] == '{"Opportunity":{"name":"Año"}}'.encode()


def test_a_form_is_sent_as_one(server, transport):
    transport.send(Request("POST", "x", form=[("Opportunity[name]", "a b")]), repeatable=True)
    assert server.bodies[0] == b"Opportunity%5Bname%5D=a+b"
    assert "application/x-www-form-urlencoded" in server.requests[0]


def test_a_path_below_the_sites_address_is_kept(server, slept):
    site = HttpTransport(f"{server.url}/facade/tactile/", allow_local=True, sleep=slept)
    site.send(Request("GET", "opportunities"), repeatable=True)
    assert server.requests[0].startswith("GET /facade/tactile/opportunities HTTP/1.1")


def test_the_answer_comes_back_with_its_header_names_in_lower_case(server, transport):
    server.answers = [answer(b'{"status": "ok"}', "404 Not Found", Content_Type="application/json; charset=UTF-8")]
    response = transport.send(GET, repeatable=True)
    assert (response.status, response.content_type, response.json()) == (404, "application/json", {"status": "ok"})


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "409 C"])
@pytest.mark.parametrize("repeatable", [True, False])
def test_an_error_the_vendor_explains_is_an_answer(server, transport, status, repeatable):
    server.answers = [answer(b"why", status)]
    assert transport.send(CREATE, repeatable=repeatable).body == b"why"
    assert len(server.requests) == 1


def test_one_connection_serves_many_requests_of_a_thread(server, transport):
    for _ in range(5):
        transport.send(GET, repeatable=True)
    assert server.accepted == 1


def test_each_thread_has_a_connection_of_its_own(server, transport):
    together = threading.Barrier(3)

    def work():
        transport.send(GET, repeatable=True)
        together.wait(SECONDS)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.accepted == 3


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_an_answer_and_is_not_followed(server, transport, status):
    server.answers = [answer(b"", status, Location=f"{server.url}/suspension")]
    response = transport.send(GET, repeatable=True)
    assert (response.status, response.headers["location"]) == (int(status[:3]), f"{server.url}/suspension")
    assert len(server.requests) == 1


def test_no_cookie_comes_back_to_the_vendor(server, transport):
    server.answers = [answer(b"{}", Set_Cookie="session=abc; Path=/")]
    transport.send(GET, repeatable=True)
    transport.send(GET, repeatable=True)
    assert "cookie" not in server.requests[1].lower()


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", "x", headers={"Authorization": f"{TOKEN}\r\nX-Evil: 1"}),
        Request("GET", "x", headers={"Authorization": f"{TOKEN} – ☃"}),
        Request("GET", "x", headers={"Bad Name\n": "1"}),
    ],
)
def test_what_no_request_can_hold_is_refused_without_showing_it(server, transport, request_):
    with pytest.raises(Misconfigured) as refused:
        transport.send(request_, repeatable=True)
    assert TOKEN not in str(refused.value)
    assert refused.value.__cause__ is None
    assert server.requests == []


# Large, packed, endless


def test_a_packed_answer_is_unpacked(server, transport):
    for packed, coding in ((gzip.compress(b'{"n":1}'), "gzip"), (zlib.compress(b'{"n":1}'), "deflate")):
        server.answers = [answer(packed, Content_Encoding=coding)]
        assert transport.send(GET, repeatable=True).json() == {"n": 1}


def test_an_answer_may_be_as_large_as_the_limit_and_no_larger(server, transport):
    server.answers = [answer(b"x" * MEBIBYTE)]
    assert len(transport.send(GET, repeatable=True).body) == MEBIBYTE
    server.answers = [answer(b"x" * (MEBIBYTE + 1))]
    with pytest.raises(Unreadable, match="Acme: the answer is larger than 1 MiB"):
        transport.send(GET, repeatable=True)


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_is_given_up_before_it_goes_off(server, transport, chunked, layers):
    bomb = gzip.compress(bytes(64 * MEBIBYTE), 9)
    for _ in range(layers - 1):
        bomb = gzip.compress(bomb, 9)
    codings = ", ".join(["gzip"] * layers)
    if chunked:
        body = b"%x\r\n" % len(bomb) + bomb + b"\r\n0\r\n\r\n"
        server.answers = [
            f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: {codings}\r\n\r\n".encode() + body
        ]
    else:
        server.answers = [answer(bomb, Content_Encoding=codings)]
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable, match="larger than 1 MiB"):
            transport.send(GET, repeatable=True)
        assert tracemalloc.get_traced_memory()[1] < 16 * MEBIBYTE
    finally:
        tracemalloc.stop()
    assert len(server.requests) == 1


@pytest.mark.parametrize("length", ["9" * 30, "9" * 5_000])
def test_a_length_beyond_all_measure_is_believed(server, transport, length):
    server.answers = [f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()]
    with pytest.raises(Unreadable, match="larger than 1 MiB"):
        transport.send(GET, repeatable=True)


@pytest.mark.parametrize(
    "said",
    [
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 two OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b", ".join([b"gzip"] * 50) + b"\r\nContent-Length: 2\r\n\r\n{}",
        b"\x16\x03\x01\x00",
    ],
)
def test_what_is_not_http_is_no_answer(server, transport, said):
    def say(connection):
        connection.sendall(said)

    server.answers = [say] * TRIES
    with pytest.raises((Unavailable, Unreadable)):
        transport.send(GET, repeatable=True)
    server.answers = [say]
    with pytest.raises(Uncertain):
        transport.send(CREATE, repeatable=False)


def test_an_endless_body_is_given_up(server, transport):
    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65536))

    server.answers = [endless]
    with pytest.raises(Unreadable, match="larger than 1 MiB"):
        transport.send(GET, repeatable=True)


@pytest.mark.parametrize("length", ["-1", "-2", "-fffff", "7fffffffffffffff"])
def test_a_chunk_of_a_senseless_length_does_not_fill_the_memory(server, transport, length):
    def endless(connection):
        connection.sendall(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length}\r\n".encode())
        while True:
            connection.sendall(bytes(65536))

    server.answers = [endless] * TRIES
    tracemalloc.start()
    try:
        with pytest.raises((Unreadable, Unavailable)):
            transport.send(GET, repeatable=True)
        assert tracemalloc.get_traced_memory()[1] < 16 * MEBIBYTE
    finally:
        tracemalloc.stop()


def test_endless_trailers_are_given_up(server, transport):
    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        while True:
            connection.sendall(b"X-Trailer: more\r\n" * 1_000)

    server.answers = [endless]
    with pytest.raises(Unreadable, match="larger than 1 MiB"):
        transport.send(GET, repeatable=True)


def test_the_endless_body_of_a_redirect_is_given_up_too(server, transport):
    def endless(connection):
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n")
        while True:
            connection.sendall(bytes(65536))

    server.answers = [endless]
    with pytest.raises(Unreadable, match="larger than 1 MiB"):
        transport.send(GET, repeatable=True)


def test_endless_headers_are_given_up(server, transport, slept):
    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-More: and more\r\n")

    server.answers = [endless] * TRIES
    with pytest.raises(Unavailable):
        transport.send(GET, repeatable=True)


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        (b"", b"H"),
    ],
    ids=["body", "chunk", "trailers", "header", "status line"],
)
def test_an_answer_that_drips_ends_with_the_whole_requests_time(server, slept, head, drop):
    waiting = threading.Event()
    server.answers = [dripping(head, drop, waiting)]
    try:
        with pytest.raises(Unavailable, match="Acme: no whole answer in time"):
            hurried(server, slept, read_seconds=5, total_seconds=0.2).send(GET, repeatable=True)
    finally:
        waiting.set()
    assert len(server.requests) == 1
    assert slept == []


def test_an_answer_that_drips_over_tls_ends_as_well(names, secure_server, slept):
    waiting = threading.Event()
    names.known["vendor.example"] = [["127.0.0.1"]]
    secure_server.answers = [dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x", waiting)]
    transport = HttpTransport(
        f"https://vendor.example:{secure_server.port}",
        allow_local=True,
        limits=Limits(read_seconds=5, total_seconds=0.3),
        sleep=slept,
    )
    try:
        with pytest.raises(Unavailable, match="no whole answer in time"):
            transport.send(GET, repeatable=True)
    finally:
        waiting.set()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_an_answer_that_is_not_packed_as_it_says_is_unreadable(server, transport, coding):
    server.answers = [answer(b"<html>no gzip</html>", Content_Encoding=coding)]
    with pytest.raises(Unreadable, match="can't be unpacked"):
        transport.send(GET, repeatable=True)


# Lost answers


@pytest.mark.parametrize("lost", [cut, hang_up], ids=["cut", "hang up"])
def test_a_lost_answer_to_what_may_be_repeated_is_asked_for_again(server, transport, slept, lost):
    server.answers = [lost, lost, answer(b'{"n":1}')]
    assert transport.send(GET, repeatable=True).json() == {"n": 1}
    assert len(server.requests) == 3
    assert len(slept) == 2


def test_what_may_be_repeated_is_given_up_after_some_tries(server, transport, slept):
    server.answers = [cut] * 9
    with pytest.raises(Unavailable, match="the connection was cut"):
        transport.send(GET, repeatable=True)
    assert len(server.requests) == TRIES
    assert [0.5 <= slept[0] <= 1, 1 <= slept[1] <= 2, 2 <= slept[2] <= 4] == [True] * 3


def not_packed(connection):
    connection.sendall(answer(b"no gzip", Content_Encoding="gzip"))


def too_large(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")


@pytest.mark.parametrize(
    "lost", [cut, hang_up, not_packed, too_large, answer(b"oops", "503 Busy"), answer(b"", "500 E")]
)
def test_a_write_whose_answer_is_lost_is_uncertain_and_not_sent_again(server, transport, slept, lost):
    server.answers = [lost]
    with pytest.raises(Uncertain) as uncertain:
        transport.send(CREATE, repeatable=False)
    assert uncertain.value.vendor == "Acme"
    assert len(server.requests) == 1
    assert slept == []


def test_a_write_that_is_not_answered_in_time_is_uncertain(server, slept):
    done = threading.Event()
    server.answers = [lambda _connection: done.wait(SECONDS)]
    try:
        with pytest.raises(Uncertain, match="no whole answer in time"):
            hurried(server, slept, read_seconds=0.1).send(CREATE, repeatable=False)
    finally:
        done.set()


def test_a_write_that_never_left_is_tried_again_and_then_known_not_to_be_done(names, server, slept):
    names.known["vendor.example"] = [["127.0.0.2"]]
    transport = HttpTransport(f"http://vendor.example:{server.port}", allow_local=True, vendor="Acme", sleep=slept)
    with pytest.raises(Unavailable, match="takes no connection"):
        transport.send(CREATE, repeatable=False)
    assert len(slept) == TRIES - 1
    assert server.requests == []


def test_a_name_nobody_knows_is_said_to_be_none(names, slept):
    names.known["vendor.example"] = [[]]
    transport = HttpTransport("https://vendor.example", allow_local=False, sleep=slept)
    with pytest.raises(Unavailable, match=r"there is no host called vendor\.example"):
        transport.send(CREATE, repeatable=False)


def test_a_write_over_a_connection_that_was_closed_meanwhile_is_sent_over_a_new_one(server, transport):
    closed = threading.Event()

    def answer_and_close(connection):
        connection.sendall(answer(b"{}"))
        connection.close()
        closed.set()

    server.answers = [answer_and_close, answer(b'{"id":7}')]
    transport.send(GET, repeatable=True)
    assert closed.wait(SECONDS)
    assert transport.send(CREATE, repeatable=False).json() == {"id": 7}
    assert server.accepted == 2


# Later, says the vendor


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_429_is_sent_again_after_the_time_the_vendor_names_whatever_it_was(
    server, transport, slept, pace, repeatable
):
    server.answers = [answer(b"", "429 Too Many", Retry_After="7"), answer(b'{"id":7}')]
    assert transport.send(CREATE, repeatable=repeatable).json() == {"id": 7}
    assert (slept, pace.held, pace.waits) == ([7.0], [7.0], 2)


def test_a_429_that_names_no_time_makes_everybody_wait_too(server, transport, pace):
    server.answers = [answer(b"", "429 Too Many"), answer(b"{}")]
    transport.send(GET, repeatable=True)
    assert len(pace.held) == 1


@pytest.mark.parametrize("status", ["429 Too Many", "503 Busy"])
def test_a_vendor_that_wants_a_long_wait_is_left_alone_for_that_time(server, transport, slept, pace, status):
    server.answers = [answer(b"", status, Retry_After="3600")]
    with pytest.raises(Unavailable) as unavailable:
        transport.send(GET, repeatable=True)
    assert unavailable.value.retry_after_seconds == 3600
    assert (slept, pace.held, len(server.requests)) == ([], [3600.0], 1)


def test_a_wait_that_comes_with_an_uncertain_answer_holds_for_everybody_too(server, transport, pace):
    server.answers = [answer(b"", "503 Busy", Retry_After="30")]
    with pytest.raises(Uncertain):
        transport.send(CREATE, repeatable=False)
    assert pace.held == [30.0]


def test_a_503_is_asked_again_when_the_vendor_says(server, transport, slept):
    server.answers = [answer(b"", "503 Busy", Retry_After="2"), answer(b"{}")]
    transport.send(GET, repeatable=True)
    assert slept == [2.0]


def test_errors_of_the_vendors_own_are_tried_again_and_then_told_with_its_words(server, transport):
    server.answers = [answer(f"<h1>Oops</h1> api_token={TOKEN}".encode(), "502 Bad Gateway")] * TRIES
    with pytest.raises(Unavailable, match="Acme answered 502") as unavailable:
        transport.send(GET, repeatable=True)
    error = unavailable.value
    assert (error.status, error.vendor, error.answer) == (502, "Acme", "<h1>Oops</h1> api_token=***")
    assert len(server.requests) == TRIES


# Deciding


def failed(**more):
    return Failed("no answer", **more)


def response(status, **headers):
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


@pytest.mark.parametrize(
    ("outcome", "attempt", "repeatable", "expected"),
    [
        (response(200), 1, False, Response),
        (response(302), 1, False, Response),
        (response(404), 4, True, Response),
        (response(429), 1, False, Again),
        (response(429), 4, False, Unavailable),
        (response(429, retry_after="61"), 1, True, Unavailable),
        (response(500), 1, True, Again),
        (response(500), 4, True, Unavailable),
        (response(500), 1, False, Uncertain),
        (response(503, retry_after="1"), 1, False, Uncertain),
        (failed(may_be_done=False), 1, False, Again),
        (failed(may_be_done=False), 4, False, Unavailable),
        (failed(may_be_done=True), 1, True, Again),
        (failed(may_be_done=True), 1, False, Uncertain),
        (failed(may_be_done=True, is_hopeless=True, error=Unreadable), 1, True, Unreadable),
        (failed(may_be_done=True, is_hopeless=True, error=Unreadable), 1, False, Uncertain),
        (failed(may_be_done=False, is_hopeless=True), 1, False, Unavailable),
    ],
)
def test_what_follows_from_an_outcome(outcome, attempt, repeatable, expected):
    assert type(decided(outcome, attempt=attempt, repeatable=repeatable, vendor="Acme", now=NOW)) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 1.5 ", 1.5),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Sun, 22 Nov 2026 12:00:30 -0000", 30.0),
        ("9" * 400, 86400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("nan", None),
        ("٣", None),
        ("Sun, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_the_time_to_wait_is_read_as_seconds_or_as_a_time(value, expected):
    assert retry_after(value, NOW) == expected


def test_waiting_grows_and_is_never_the_same_for_all():
    assert [back_off(attempt, 1.0) for attempt in (1, 2, 3)] == [1, 2, 4]
    assert back_off(3, 0.0) == 2
    assert back_off(40, 1.0) == 60


# Kept for support


def test_an_exchange_is_kept_without_its_secrets(server, transport, kept):
    server.answers = [answer(f'{{"echo": "{TOKEN}", "note": "fine"}}'.encode(), "400 Bad Request")]
    transport.send(
        Request("POST", "save", query={"api_token": TOKEN}, json={"password": "pw", "name": "Año"}), repeatable=False
    )
    [one] = kept
    assert one.url == f"{server.url}/save?api_token=***"
    assert one.request == '{"password":"***","name":"Año"}'
    assert (one.method, one.status, one.answer, one.error) == ("POST", 400, '{"echo": "***", "note": "fine"}', "")
    assert one.at.tzinfo is not None
    assert one.milliseconds >= 0


def test_each_try_is_kept_and_what_went_wrong_with_it(server, transport, kept):
    server.answers = [hang_up, answer(b"x", "503 Busy"), answer(b"{}")]
    transport.send(GET, repeatable=True)
    assert [(one.status, one.answer) for one in kept] == [(None, ""), (503, "x"), (200, "{}")]
    assert "cut" in kept[0].error


def test_a_refused_address_is_kept_as_well(names, kept, slept):
    names.known["vendor.example"] = [["10.0.0.1"]]
    transport = HttpTransport("https://vendor.example", allow_local=False, keep=kept.append, sleep=slept)
    with pytest.raises(Misconfigured):
        transport.send(GET, repeatable=True)
    assert "not on the public internet" in kept[0].error


@pytest.mark.parametrize("position", [0, 100, 19_990, 20_000, 20_900, 20_990, 60_000])
@pytest.mark.parametrize("letter", ["x", "é"])
def test_long_bodies_are_cut_and_no_piece_of_a_secret_is_left(server, transport, kept, position, letter):
    server.answers = [answer((letter * position + TOKEN + letter * 50_000).encode())]
    transport.send(GET, repeatable=True)
    assert len(kept[0].answer) <= 20_000
    assert not re.search("[0-9]", kept[0].answer)


def test_many_secrets_leave_no_piece_of_one_where_the_body_is_cut(server, transport, kept):
    server.answers = [answer((TOKEN * 1_000).encode())]
    transport.send(GET, repeatable=True)
    assert set(kept[0].answer) == {"*"}


def test_what_is_no_text_is_kept_as_far_as_a_database_takes_it(server, transport, kept):
    server.answers = [answer(b"a\0b\xff\xfe")]
    transport.send(GET, repeatable=True)
    assert "\0" not in kept[0].answer
    assert kept[0].answer.startswith("a")


def test_no_error_shows_the_token_of_the_url(server, transport):
    request = Request("GET", "x", query={"api_token": TOKEN})
    for lost in (cut, hang_up, answer(b"", "500 E"), too_large):
        server.answers = [lost] * TRIES
        with pytest.raises((Unavailable, Unreadable)) as raised:
            transport.send(request, repeatable=True)
        error = raised.value
        assert TOKEN not in f"{error!r} {error} {error.answer}"
        assert error.__cause__ is None
        assert error.__context__ is None
