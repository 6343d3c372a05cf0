"""`Idempotency-Key` on POST: a request sent again is answered again, and done once.

The work and its saved answer are one transaction, under a lock on (login, key, path): of a hundred equal
requests one works, the others wait and are given its answer. Answers are kept for a day.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.decorators import decorate_view

from backoffice.access.api import who_asks
from backoffice.access.models import SavedAnswer, User
from backoffice.problems import Problem, invalid, problem_response

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
KEPT_HEADERS = ("Content-Type", "Location")
SWEPT_AT_ONCE = 100
LONGEST_KEY = 200

type View = Callable[..., HttpResponse]

SWEEP = f"""
DELETE FROM {SavedAnswer._meta.db_table} WHERE id IN (
    SELECT id FROM {SavedAnswer._meta.db_table} WHERE created_at < %s
    ORDER BY created_at LIMIT {SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED
)
"""


def _once(view: View) -> View:
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.headers.get(HEADER)
        if key is None:
            return view(request, *args, **kwargs)
        try:
            user = who_asks(request)
            if user is None:
                return view(request, *args, **kwargs)  # which says so
            return _answered_once(user, key, request, lambda: view(request, *args, **kwargs))
        except Problem as problem:
            return problem_response(problem)

    return answer


answers_once = decorate_view(_once)
"""Goes between the router's line and the operation: `@router.post(...)`, `@answers_once`, `def create(...)`."""


def _answered_once(user: User, key: str, request: HttpRequest, work: Callable[[], HttpResponse]) -> HttpResponse:
    if not key.strip() or len(key) > LONGEST_KEY:
        raise invalid([(HEADER, _("1 to {number} characters.").format(number=LONGEST_KEY))])
    asked = fingerprint(request)
    path = request.get_full_path()
    with transaction.atomic():
        _lock(f"{user.pk} {path} {key}")
        saved = SavedAnswer.objects.filter(user=user, key=key, path=path).first()
        if saved is not None and saved.created_at > timezone.now() - KEPT_FOR:
            return _repeated(saved, asked)
        response = work()
        if response.status_code >= 400:  # nothing was done: the same request may be tried again
            transaction.set_rollback(True)
            return response
        _save(user, key, path, asked, response)
    return response


def fingerprint(request: HttpRequest) -> bytes:
    """What was asked. A multipart body is taken apart: its boundary differs each time it is sent."""
    digest = hashlib.sha256()
    if request.content_type != "multipart/form-data":
        digest.update(request.body)
        return digest.digest()
    for name in sorted(request.POST):
        digest.update(repr((name, request.POST.getlist(name))).encode())
    for name in sorted(request.FILES):
        for file in request.FILES.getlist(name):
            digest.update(repr((name, file.name, file.size)).encode())
            for chunk in file.chunks():
                digest.update(chunk)
            file.seek(0)
    return digest.digest()


def sweep() -> None:
    """Forget some answers older than a day; called with each answer saved."""
    with connection.cursor() as cursor:
        cursor.execute(SWEEP, [timezone.now() - KEPT_FOR])


def _repeated(saved: SavedAnswer, asked: bytes) -> HttpResponse:
    if bytes(saved.fingerprint) != asked:
        raise invalid(
            [(HEADER, _("Already used for another request."))],
            _("Send a new key with a new request, or the first request again unchanged."),
        )
    return HttpResponse(
        bytes(saved.body), status=saved.status, headers={**saved.headers, "Idempotency-Replayed": "true"}
    )


def _save(user: User, key: str, path: str, asked: bytes, response: HttpResponse) -> None:
    SavedAnswer.objects.update_or_create(
        user=user,
        key=key,
        path=path,
        defaults={
            "fingerprint": asked,
            "status": response.status_code,
            "headers": {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
            "body": response.content,
            "created_at": timezone.now(),
        },
    )
    sweep()


def _lock(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
