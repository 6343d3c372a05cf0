from django.apps import AppConfig

from connectors.kit import registry
from connectors.tactile.connector import Tactile
from connectors.tactile.facade import facade


class TactileConfig(AppConfig):
    name = "connectors.tactile"
    verbose_name = Tactile.label

    def ready(self) -> None:
        registry.register(Tactile, facade)
