"""A record's history as the change log tells it: who, when, through which door, what before and after."""

from typing import Any

from django.contrib.admin.options import BaseModelAdmin


class HistoryMixin(BaseModelAdmin):  # type: ignore[type-arg]
    """Puts the change log in the place of Django's own history."""
