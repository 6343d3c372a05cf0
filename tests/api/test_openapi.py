"""The OpenAPI document says exactly what the API does."""

import json

import pytest
from django.contrib.staticfiles import finders

from backoffice.crm.readings import ACCOUNT, CONTACT, OPPORTUNITY, REP
from backoffice.quotas.api import QUOTA

pytestmark = [pytest.mark.db, pytest.mark.django_db]

READINGS = {"reps": REP, "accounts": ACCOUNT, "contacts": CONTACT, "opportunities": OPPORTUNITY, "quotas": QUOTA}


@pytest.fixture
def document(client):
    return client.get("/api/v1/openapi.json").json()


def test_the_docs_are_served_from_files_of_our_own(client):
    page = client.get("/api/docs")
    html = page.content.decode()
    assert page.status_code == 200
    assert "cdn" not in html
    assert "http://" not in html
    assert "https://" not in html
    for name in ("ninja/swagger-ui-bundle.js", "ninja/swagger-ui-init.js", "ninja/swagger-ui.css"):
        assert name in html
        assert finders.find(name)


def test_the_docs_run_no_script_of_the_page_itself(client):
    page = client.get("/api/docs")
    assert "script-src" in page.headers["Content-Security-Policy"]
    scripts = page.content.decode().split("<script")[1:]
    assert all(' src="/' in script.split(">")[0] or "application/json" in script.split(">")[0] for script in scripts)


def test_every_operation_is_described_tagged_and_tells_its_problems(document):
    tags = {tag["name"] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            assert set(operation["tags"]) <= tags, where
            assert operation["security"] == [{"key": []}, {"session": []}], where
            assert {"401", "403", "404", "422", "500"} <= set(operation["responses"]), where


def test_every_body_shows_an_example_and_refuses_other_fields(document):
    for name, schema in document["components"]["schemas"].items():
        if name.startswith("New") or name.endswith("Changes"):
            assert schema["additionalProperties"] is False
            assert schema["examples"]


@pytest.mark.parametrize("name", READINGS)
def test_what_is_read_has_exactly_the_fields_of_its_schema(operations, world, name):
    reading = READINGS[name]
    for item in operations.get(f"/{name}").json()["items"]:
        assert list(item) == list(reading.schema.model_fields)
        reading.schema.model_validate_json(json.dumps(item))
        record = operations.get(f"/{name}/{item['id']}").json()
        assert list(record) == list(reading.record_schema.model_fields)
        reading.record_schema.model_validate_json(json.dumps(record))


@pytest.mark.parametrize("name", ["accounts", "contacts", "opportunities", "quotas"])
def test_the_examples_of_the_docs_work_word_for_word(operations, rep_user, stages, document, name):
    rep = rep_user.rep
    type(rep).objects.filter(pk=rep.pk).update(email="ana@example.com")
    schemas = document["components"]["schemas"]
    body = {"accounts": "NewAccount", "contacts": "NewContact", "opportunities": "NewOpportunity", "quotas": "NewQuota"}
    if name in {"contacts", "opportunities"}:
        assert operations.post("/accounts", schemas["NewAccount"]["examples"][0]).status_code == 201
    made = operations.post(f"/{name}", schemas[body[name]]["examples"][0])
    assert made.status_code == 201, made.content
    changes = body[name].removeprefix("New") + "Changes"
    assert operations.patch(f"/{name}/{made.json()['id']}", schemas[changes]["examples"][0]).status_code == 200
