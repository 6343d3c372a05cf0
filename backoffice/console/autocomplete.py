"""What reference fields offer while one types: only what the login may see, found by the lists' own search."""

from typing import Any, cast, override

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.db.models import QuerySet


class AutocompleteView(AutocompleteJsonView):
    """Django's, over the list's search; archived rows are not offered."""

    @override
    def get_queryset(self) -> QuerySet[Any]:
        offered = self.model_admin.get_queryset(self.request)
        limits = self.source_field.get_limit_choices_to()
        if limits:
            offered = offered.complex_filter(limits)
        if hasattr(self.model_admin.model, "archived_at"):
            offered = offered.filter(archived_at=None)
        found, _duplicates = self.model_admin.get_search_results(self.request, offered, self.term)
        return cast(Any, self.model_admin).narrowed(found)
