"""The console's site: who may enter, and one transaction per request that says who acts."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, override

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.views.i18n import set_language
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite

from backoffice.access.permissions import may_enter
from backoffice.changes.acting import Door, acting
from backoffice.console.autocomplete import AutocompleteView

type View = Callable[..., HttpResponseBase]

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class LoginForm(AuthenticationForm):
    """Lets in any active login with a role."""

    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": _("That user name and password don't belong together. Both tell capitals from small letters."),
        "no_role": _("This login has no role yet. Ask an administrator for one."),
    }

    @override
    def confirm_login_allowed(self, user: Any) -> None:
        if not user.is_active:
            raise self.get_invalid_login_error()
        if not may_enter(user):
            raise ValidationError(self.error_messages["no_role"], code="no_role")


class ConsoleSite(UnfoldAdminSite):
    """Unfold's site over our roles; mounted at /admin/ as "admin"."""

    login_form = LoginForm
    enable_nav_sidebar = True

    @override
    def has_permission(self, request: HttpRequest) -> bool:
        return may_enter(request.user)

    @override
    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Whatever a page writes is written in one transaction, in the name of whoever is logged in."""

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method in SAFE or not request.user.is_authenticated:
                return view(request, *args, **kwargs)
            with acting(request.user, Door.CONSOLE):
                return view(request, *args, **kwargs)

        return super().admin_view(update_wrapper(inner, view), cacheable)

    @override
    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Django's list of all there is to open: made when a page shows it, for most show our own sidebar."""
        return SimpleLazyObject(lambda: super(ConsoleSite, self).get_app_list(request, app_label))

    @override
    def autocomplete_view(self, request: HttpRequest) -> HttpResponseBase:
        return AutocompleteView.as_view(admin_site=self)(request)

    @override
    def get_urls(self) -> list[URLResolver | URLPattern]:
        return [path("language/", set_language, name="set_language"), *super().get_urls()]
