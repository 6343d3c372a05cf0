"""The sandbox over real HTTP: vendors' worlds behind their facades, the page that changes them, faults on demand."""

import io
import json
import re
import socket
import subprocess
import sys

import pytest
import requests

from backoffice.crm.records import Opportunity
from connectors.kit.memory import World
from connectors.kit.sandbox import Worlds, application, serve
from connectors.tactile import mapping as maps
from tests.connectors.tactile import there

pytestmark = [pytest.mark.unit]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "worlds.json"


@pytest.fixture
def world():
    return there.account(None)


@pytest.fixture
def worlds(world, file):
    return Worlds([world], file)


@pytest.fixture
def server(worlds):
    server = serve(application(worlds))
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def http():
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def base(server):
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def site(http, base):
    def ask(method, path, **more):
        more.setdefault("params", {}).setdefault("api_token", there.TOKEN)
        return http.request(method, f"{base}/sample/{path}", timeout=10, allow_redirects=False, **more)

    return ask


def fail(http, base, **fault):
    assert http.post(f"{base}/_faults", json=fault, timeout=10).status_code == 200


def save(site, **fields):
    return site("POST", "opportunities/save", json={"Opportunity": {"name": "New", "enddate": "2026-12-01", **fields}})


def test_a_world_is_served_as_its_vendor_would(site):
    response = site("GET", "opportunities/view/1234")
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["opportunity"]["name"] == "Boating eCommerce Website"
    assert site("GET", "opportunities", params={"api_token": "x" * 40}).json()["messages"] == ["Failed to login"]


def test_a_head_has_no_body(site):
    assert site("HEAD", "opportunities").content == b""


def test_there_may_be_several_worlds(http, base, worlds):
    worlds.add(World(maps.MAPPINGS, vendor="tactile", name="other", callers=there.account(None).callers))
    worlds.add(World(vendor="nobody", name="stray"))
    answers = [
        http.get(f"{base}/{name}/opportunities?api_token={there.TOKEN}", timeout=10) for name in ("sample", "other")
    ]
    assert [each.json()["total"] for each in answers] == [1, 0]
    assert [http.get(f"{base}/{name}/opportunities", timeout=10).status_code for name in ("stray", "none")] == [
        404,
        404,
    ]


def test_what_is_written_is_in_the_file_when_it_is_answered(site, file):
    id = save(site).json()["id"]
    again = Worlds.load(file).get("sample")
    assert again.all("opportunity")[str(id)].name == "New"
    assert again.door(there.TOKEN).get("opportunity", "1234").record.account.label == "Acme Boats Ltd."


def test_a_file_is_read_once_and_written_only_when_something_changed(site, file, worlds):
    save(site)
    file.unlink()
    site("GET", "opportunities")
    assert not file.exists()
    save(site)
    assert file.exists()


def test_a_file_of_something_else_is_no_world(file):
    file.write_text("[1]")
    with pytest.raises(ValueError, match="Expected"):
        Worlds.load(file)


@pytest.mark.parametrize("name", ["", "a/b", "_x", "Ñ"])
def test_a_worlds_name_is_part_of_an_address(name):
    with pytest.raises(ValueError, match="no name"):
        Worlds([World(name=name)])


def test_a_large_body_is_taken_and_a_too_large_one_refused(site, monkeypatch):
    from connectors.tactile.facade import facade

    assert save(site, description="x" * 5_000_000).status_code == 200
    monkeypatch.setattr(facade, "most_bytes", 100_000)
    refused = save(site, description="x" * 5_000_000)
    assert (refused.status_code, refused.json()["status"]) == (413, "error")


# Faults.


def test_503_and_429_do_nothing_and_pass(site, http, base, world):
    fail(http, base, fails="unavailable", world="sample", times=2)
    fail(http, base, fails="too_many", retry_after_seconds=7)
    answers = [save(site) for _ in range(4)]
    assert [each.status_code for each in answers] == [503, 503, 429, 200]
    assert answers[2].headers["Retry-After"] == "7"
    assert len(world.all("opportunity")) == 2


def test_an_answer_is_lost_after_the_work_is_done(site, http, base, world):
    fail(http, base, fails="lost", path="opportunities/save")
    with pytest.raises(requests.ConnectionError):
        save(site)
    assert [record.name for record in world.all("opportunity").values()] == ["Boating eCommerce Website", "New"]
    assert save(site).status_code == 200


def test_json_is_cut_and_html_comes_instead(site, http, base, world):
    fail(http, base, fails="cut", method="POST")
    fail(http, base, fails="html", method="GET", after=True)
    cut = save(site)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        cut.json()
    assert len(world.all("opportunity")) == 2
    page = site("GET", "opportunities")
    assert (page.status_code, page.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    assert site("GET", "opportunities").json()["total"] == 2


def test_a_fault_is_for_the_calls_it_names_alone(site, http, base):
    fail(http, base, fails="unavailable", method="POST", path="opportunities/save", skip=1)
    assert site("GET", "opportunities").status_code == 200
    assert [save(site).status_code for _ in range(3)] == [200, 503, 200]


def test_faults_are_listed_forgotten_and_checked(site, http, base):
    fail(http, base, fails="unavailable", world="elsewhere")
    assert len(http.get(f"{base}/_faults", timeout=10).json()["faults"]) == 1
    http.delete(f"{base}/_faults", timeout=10)
    assert http.get(f"{base}/_faults", timeout=10).json() == {"faults": []}
    assert http.post(f"{base}/_faults", data=b'{"fails":"never"}', timeout=10).status_code == 400
    assert site("GET", "opportunities").status_code == 200


def test_a_body_shorter_than_it_says_ends_where_it_ends(server, base):
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as raw:
        raw.sendall(
            f"POST /sample/opportunities/save?api_token={there.TOKEN} HTTP/1.1\r\nHost: x\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
        )
        raw.shutdown(socket.SHUT_WR)
        answer = raw.makefile("rb").read()
    assert b"is a compulsory field" in answer


def test_a_body_without_a_length_is_read_where_the_server_ends_it(worlds):
    body = b'{"Opportunity":{"name":"New","enddate":"2026-12-01"}}'
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/sample/opportunities/save",
        "QUERY_STRING": f"api_token={there.TOKEN}",
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
    }
    assert [*application(worlds)(environ, lambda status, headers: None)] == [b'{"status":"success","id":1235}']


# The page.


def page(http, base, path="", **more):
    return http.get(f"{base}/{path}", timeout=10, **more)


def post(http, base, path, headers=None, **fields):
    return http.post(f"{base}/_worlds/{path}", data=fields, timeout=10, allow_redirects=False, headers=headers)


def test_the_front_names_the_worlds_and_how_to_connect(http, base):
    text = page(http, base).text
    assert f"{base}/sample" in text
    assert there.TOKEN in text
    assert "/_worlds/sample" in text


def test_a_person_changes_a_record_there(http, base, site, world):
    text = page(http, base, "_worlds/sample/opportunity/1234").text
    assert 'value="Boating' in text.replace("'", '"')
    answer = post(
        http, base, "sample/opportunity/1234", name="Boats", amount="12.5", stage="4", close_date="2026-12-24"
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/_worlds/sample/opportunity")
    shown = site("GET", "opportunities/view/1234").json()["opportunity"]
    assert [shown[key] for key in ("name", "cost", "status", "enddate")] == ["Boats", 12.5, "Negotiation", "2026-12-24"]
    assert shown["lastupdated"] > "2026"


def test_a_person_adds_wins_archives_and_brings_back(http, base, site, world):
    post(http, base, "sample/opportunity", name="Fresh", amount="", stage="", close_date="2026-12-24")
    assert [each["name"] for each in site("GET", "opportunities").json()["opportunities"]][1] == "Fresh"
    post(http, base, "sample/opportunity/1235", do="won")
    assert site("GET", "opportunities/view/1235").json()["opportunity"]["status"] == "Won"
    post(http, base, "sample/opportunity/1235", do="archive")
    assert site("GET", "opportunities").json()["total"] == 1
    post(http, base, "sample/opportunity/1235", do="unarchive")
    assert site("GET", "opportunities").json()["total"] == 2


def test_people_and_companies_are_there_too(http, base, site):
    post(http, base, "sample/contact", given="Ana", family="Zuse", emails="ana@example.com")
    post(http, base, "sample/account/9876", name="Acme Yachts", website="")
    (person,) = site("GET", "people", params={"api_token": there.TOKEN, "name": "Ana Zuse"}).json()["people"]
    assert person["email"] == "ana@example.com"
    assert site("GET", "opportunities/view/1234").json()["opportunity"]["organisation"] == "Acme Yachts"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"amount": "1e400"},
        {"amount": "NaN"},
        {"close_date": "soon"},
        {"close_date": ""},
        {"do": "explode"},
    ],
)
def test_what_cannot_be_read_is_said_and_changes_nothing(http, base, world, fields):
    before = world.version
    answer = post(http, base, "sample/opportunity/1234", **fields)
    assert (answer.status_code, "class='wrong'" in answer.text, world.version) == (400, True, before)


def test_whatever_stands_in_a_record_is_shown_as_text(http, base, world):
    world.add("opportunity", Opportunity(name="<script>'\"&"), id="7")
    for path in ("_worlds/sample", "_worlds/sample/opportunity/7", "_worlds/sample?q=%3Cscript%3E'"):
        text = page(http, base, path).text
        assert "<script" not in text
        assert "&lt;script&gt;&#x27;" in text


def test_the_list_is_searched_and_paged(http, base, world):
    for number in range(60):
        world.add("opportunity", Opportunity(name=f"Deal {number:02}"))
    text = page(http, base, "_worlds/sample").text
    assert "61 in all" in text
    assert len(re.findall("<tr>", text)) == 51
    assert "page=2" in text
    assert "1 in all" in page(http, base, "_worlds/sample?q=deal+07").text
    assert page(http, base, "_worlds/sample?page=abc").status_code == 200


@pytest.mark.parametrize("path", ["_worlds/none", "_worlds/sample/note", "_worlds/sample/opportunity/99"])
def test_what_is_not_there_is_not_found(http, base, path):
    assert page(http, base, path).status_code == 404


def test_a_form_of_another_site_is_refused(http, base, world):
    before = world.version
    refused = post(http, base, "sample/opportunity/1234", {"Origin": "https://example.com"}, name="x")
    assert (refused.status_code, world.version) == (403, before)
    assert post(http, base, "sample/opportunity/1234", {"Origin": base}, name="x").status_code == 303


# The process.


@pytest.mark.worker
def test_it_runs_as_a_program_and_ends_when_told(file, http, worlds):
    worlds.save()
    program = [sys.executable, "-m", "connectors.kit.sandbox", "--port", "0", "--file", str(file)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            base = re.search(r"http://\S+?(?=/\s)", process.stdout.readline())[0]
            answer = http.get(f"{base}/sample/opportunities?api_token={there.TOKEN}", timeout=10)
            assert json.loads(answer.text)["total"] == 1
        finally:
            process.terminate()
            assert process.wait(20) == 0


@pytest.mark.worker
def test_a_file_that_is_none_of_its_own_ends_it_with_a_sentence(file):
    file.write_text("nonsense")
    program = [sys.executable, "-m", "connectors.kit.sandbox", "--port", "0", "--file", str(file)]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, "can't be read" in ended.stderr) == (1, True)
