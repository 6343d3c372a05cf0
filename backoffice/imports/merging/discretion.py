"""Names of records in a fault: whoever uploads is told those that they may see, the others go by their number."""

from collections.abc import Mapping
from typing import Any

from django.db import models

from backoffice.access.models import User
from backoffice.imports.faults import listed
from backoffice.imports.merging.imagining import is_imagined_id

REMEMBERED = 50_000


class Discretion:
    """`viewer` is whoever uploads; None: nothing is kept from anybody."""

    def __init__(self) -> None:
        self.viewer: User | None = None
        self._seen: dict[tuple[type[models.Model], int], bool] = {}

    def listed(self, model: type[models.Model], names: Mapping[int, str]) -> str:
        """A few of the records by id and name."""
        seen = self._visible(model, names)
        return listed([name if id in seen else f"#{id}" for id, name in names.items()])

    def _visible(self, model: type[models.Model], ids: Mapping[int, str]) -> set[int]:
        if self.viewer is None or self.viewer.sees_everything:
            return set(ids)
        if len(self._seen) > REMEMBERED:
            self._seen.clear()
        asked = [id for id in ids if (model, id) not in self._seen]
        if asked:
            rows: Any = model._default_manager.all()
            visible = set(rows.visible_to(self.viewer).filter(pk__in=asked).values_list("pk", flat=True))
            # What this file is about to create is no secret to whoever sent it.
            self._seen |= {(model, id): id < 0 or is_imagined_id(id) or id in visible for id in asked}
        return {id for id in ids if self._seen[model, id]}
