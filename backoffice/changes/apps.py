from typing import Any, override

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ChangesConfig(AppConfig):
    name = "backoffice.changes"
    verbose_name = _("Change log")

    @override
    def ready(self) -> None:
        post_migrate.connect(install_triggers, sender=self)


def install_triggers(using: str, **_: Any) -> None:
    """Sent once per `migrate`, when every app's tables are there."""
    from backoffice.changes import triggers  # models are not loaded yet when this module is

    triggers.install(using)
