from importlib import import_module
from typing import override

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "backoffice.console"
    verbose_name = _("Console")
    default = True

    @override
    def ready(self) -> None:
        import_module("backoffice.console.admin")


class AdminConfig(SimpleAdminConfig):
    """Django's admin on our own site. Nothing is registered but what `backoffice.console.admin` registers."""

    default = False
    default_site = "backoffice.console.site.ConsoleSite"
