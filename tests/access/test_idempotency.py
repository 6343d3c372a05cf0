"""`Idempotency-Key`: sent again, answered again, done once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from django.utils import timezone

from backoffice.access import idempotency, keys
from backoffice.access.models import SavedAnswer
from backoffice.crm.models import Region

pytestmark = [pytest.mark.db, pytest.mark.django_db, pytest.mark.urls("tests.access.urls")]

REPEATS = 100
AT_ONCE = 20


@pytest.fixture
def token(operations_user):
    return keys.issue(operations_user, "nightly")[1]


def post(token, body, key="k-1", path="/api/regions"):
    headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key is not None else {})
    return Client().post(path, body, content_type="application/json", headers=headers)


def test_the_same_request_again_is_answered_the_same_and_done_once(token):
    first, again = post(token, {"name": "North"}), post(token, {"name": "North"})
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first["Content-Type"] == again["Content-Type"]
    assert again["Idempotency-Replayed"] == "true"
    assert Region.objects.count() == 1


def test_without_a_key_each_request_is_done(token):
    assert post(token, {"name": "North"}, key=None).status_code == 201
    assert post(token, {"name": "South"}, key=None).status_code == 201


def test_the_same_key_with_another_body_is_refused(token):
    post(token, {"name": "North"})
    refused = post(token, {"name": "South"})
    assert refused.status_code == 422
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["errors"][0]["field"] == "Idempotency-Key"
    assert Region.objects.count() == 1


def test_another_logins_same_key_is_another_key(token, admin_user):
    _key, other = keys.issue(admin_user, "other")
    post(token, {"name": "North"})
    assert post(other, {"name": "South"}).status_code == 201


def test_a_refused_request_is_not_kept_and_may_be_sent_again(token):
    assert post(token, {"name": "North", "number": -1}).status_code == 422
    assert SavedAnswer.objects.count() == 0
    assert post(token, {"name": "North"}).status_code == 201


def test_whoever_is_not_let_in_is_told_so_and_nothing_is_kept(db):
    assert post("bo_00000000_wrong", {"name": "North"}).status_code == 401
    assert SavedAnswer.objects.count() == 0


@pytest.mark.parametrize("key", [" ", "x" * 201])
def test_an_empty_or_endless_key_is_refused(token, key):
    assert post(token, {"name": "North"}, key=key).status_code == 422


def test_an_answer_is_forgotten_after_a_day(token):
    post(token, {"name": "North"})
    SavedAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert post(token, {"name": "South"}).status_code == 201
    SavedAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    idempotency.sweep()
    assert SavedAnswer.objects.count() == 0


def test_a_file_sent_again_is_known_by_its_content(token):
    def send(content):
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "f"}
        return Client().post("/api/files", {"file": SimpleUploadedFile("a.csv", content)}, headers=headers)

    first, again, other = send(b"one"), send(b"one"), send(b"two")
    assert first.json() == again.json() == {"read": "one"}
    assert again["Idempotency-Replayed"] == "true"
    assert other.status_code == 422


@pytest.mark.django_db(transaction=True)
def test_a_hundred_equal_requests_at_once_make_one_object(token):
    def send(_number):
        try:
            answer = post(token, {"name": "North"})
            return answer.status_code, answer.content
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = set(threads.map(send, range(REPEATS)))
    assert len(answers) == 1
    assert answers.pop()[0] == 201
    assert Region.objects.count() == 1
