"""Who guesses credentials at a facade's door is locked out for a while: the rule of the console's login.

A wrong credential names no user. So what counts is the address it comes from and how many *different* ones it has
tried: a script that goes on with one that is no good locks nobody out, its neighbours behind the same router neither.
"""

from axes.helpers import get_client_ip_address, get_client_user_agent, get_cool_off
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from backoffice.sync.facades.keys import digest_of
from backoffice.sync.models import Connection

MARK_LETTERS = 16  # of the digest: enough to tell guesses apart, and too few to find one by


def is_locked_out(connection: Connection, request: HttpRequest) -> bool:
    """Whether the caller's address has tried too many."""
    cool_off = get_cool_off(request)
    attempts = AccessAttempt.objects.filter(
        ip_address=get_client_ip_address(request), username__startswith=f"{_user(connection)} "
    )
    if cool_off is not None:
        attempts = attempts.filter(attempt_time__gt=timezone.now() - cool_off)
    tried: int = attempts.values("username").distinct().count()
    return tried >= int(settings.AXES_FAILURE_LIMIT)


def note_failure(connection: Connection, request: HttpRequest, secret: str) -> None:
    """Count a credential nobody has, shown among the console's failed logins. Of the call nothing else is kept."""
    attempt, is_new = AccessAttempt.objects.get_or_create(
        username=f"{_user(connection)} {digest_of(secret).hex()[:MARK_LETTERS]}",
        ip_address=get_client_ip_address(request),
        user_agent=get_client_user_agent(request),
        defaults={"failures_since_start": 1, "path_info": "", "http_accept": "", "get_data": "", "post_data": ""},
    )
    if not is_new:
        AccessAttempt.objects.filter(pk=attempt.pk).update(failures_since_start=F("failures_since_start") + 1)


def _user(connection: Connection) -> str:
    return f"facade {connection.name}"
