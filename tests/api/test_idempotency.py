from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from backoffice.crm.models import Account

from .conftest import Caller

pytestmark = [pytest.mark.db, pytest.mark.django_db(transaction=True)]


def test_a_hundred_parallel_repeats_make_one_object(operations_user):
    callers = [Caller(operations_user) for _ in range(1)]
    token = callers[0].token

    def post(number):
        caller = Caller(None)
        caller.token = token
        try:
            return caller.post("/accounts", {"name": "Once"}, **{"Idempotency-Key": "order-1"})
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(post, range(100)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert Account.objects.filter(name="Once").count() == 1


def test_two_at_once_with_one_account_id_make_one_account_and_one_conflict(operations_user):
    token = Caller(operations_user).token

    def post(number):
        caller = Caller(None)
        caller.token = token
        try:
            return caller.post("/accounts", {"name": f"Racer {number}", "external_id": "A-1"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(post, range(8))) == [201] + [409] * 7


def test_a_key_used_for_another_body_is_refused(operations):
    headers = {"Idempotency-Key": "order-2"}
    assert operations.post("/accounts", {"name": "a"}, **headers).status_code == 201
    assert operations.post("/accounts", {"name": "b"}, **headers).status_code == 422


def test_a_refused_request_may_be_corrected_under_its_key(operations):
    headers = {"Idempotency-Key": "order-3"}
    assert operations.post("/accounts", {"name": " "}, **headers).status_code == 422
    assert operations.post("/accounts", {"name": "a"}, **headers).status_code == 201
