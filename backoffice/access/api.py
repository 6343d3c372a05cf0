"""Who asks the API: an API key, or someone logged in to the console."""

from collections.abc import Callable
from functools import wraps
from typing import Any, override

from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.security import HttpBearer
from ninja.utils import check_csrf

from backoffice.access import keys
from backoffice.access.models import ApiKey, User
from backoffice.access.permissions import may
from backoffice.access.roles import role_of
from backoffice.problems import Problem, forbidden, not_found, unauthorized

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class ApiAuth(HttpBearer):
    """Sets `request.auth` to the User and `request.api_key` to the ApiKey, or None in a console session."""

    @override
    def __call__(self, request: HttpRequest) -> User:
        found = who_asks(request)
        if found is None:
            raise unauthorized()
        return found

    @override
    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        raise NotImplementedError  # only HttpBearer's own __call__ would ask


def who_asks(request: HttpRequest) -> User | None:
    """The login behind the request, looked up once. A session counts for changes only with its CSRF token."""
    if not hasattr(request, "api_login"):
        request.api_key = None  # type: ignore[attr-defined]
        request.api_login = _login(request)  # type: ignore[attr-defined]
    login: User | None = request.api_login  # type: ignore[attr-defined]
    return login


def api_key_of(request: HttpRequest) -> ApiKey | None:
    key: ApiKey | None = getattr(request, "api_key", None)
    return key


def scope(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An operation that a key with scopes may call only when `name` is among them. Goes below the router's line."""

    def narrowed(operation: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(operation)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            require_scope(request, name)
            return operation(request, *args, **kwargs)

        return checked

    return narrowed


def require_scope(request: HttpRequest, name: str) -> None:
    key = api_key_of(request)
    if key is not None and not key.allows(name):
        raise forbidden(_("This API key has no scope “{scope}”.").format(scope=name))


def require_right(request: HttpRequest, verb: str, model: type[models.Model]) -> User:
    """The login behind the request, which may do `verb` to `model`. Who may not even view it is told 404."""
    user = who_asks(request)
    if user is None:
        raise unauthorized()
    if not may(user, "view", model):
        raise not_found()
    if not may(user, verb, model):
        raise forbidden(_("Your role may not do this."))
    return user


def _login(request: HttpRequest) -> User | None:
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _blank, token = header.partition(" ")
        key = keys.authenticate(token.strip()) if scheme.lower() == "bearer" else None
        request.api_key = key  # type: ignore[attr-defined]
        return key.user if key else None
    user = request.user
    if not isinstance(user, User) or role_of(user) is None:
        return None
    if request.method not in SAFE_METHODS and check_csrf(request) is not None:
        raise Problem(403, _("Not from our page"), _("Send the console's CSRF token in the header X-CSRFToken."))
    return user
