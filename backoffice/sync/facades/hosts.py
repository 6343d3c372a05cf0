"""Facades at the root of a host of their own, for scripts that know no more of their vendor than its name."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase

from backoffice.crm.visibility import remember_teams
from backoffice.sync.facades.views import answer
from backoffice.sync.models import Connection

LOCAL_HOSTS = (".localhost", "127.0.0.1", "[::1]")  # Django's, while debugging


class FacadeHosts:
    """Middleware, before all others: a request for a facade's host never reaches the console, nor its rules for hosts.

    Hosts of our own are not looked up. The address of the call is not redirected to https: the vendors' clients don't
    follow, and some know nothing else; what is in front of us decides which of them it lets through.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        raw: str = request._get_raw_host()  # type: ignore[attr-defined] # get_host() refuses all but our own
        host, _port = split_domain_port(raw)
        host = host.lower()
        if not host or _is_ours(host):
            return self.get_response(request)
        connection = Connection.objects.filter(facade_host=host, facade=True).first()
        if connection is None:
            return self.get_response(request)
        path = request.path_info.removeprefix("/")
        return remember_teams(lambda asked: answer(asked, connection, path))(request)


def _is_ours(host: str) -> bool:
    own = [known for known in settings.ALLOWED_HOSTS if known != "*"]
    return validate_host(host, own or (LOCAL_HOSTS if settings.DEBUG else ()))
