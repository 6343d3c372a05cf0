"""Files in the media storage that no row knows: left by a replacement, a deletion, or a process that died."""

from collections.abc import Iterable
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db.models import FileField
from django.utils import timezone

# A file is stored a moment before its row is committed; a form or a large export may take long.
GRACE = timedelta(days=1)
FILES_AT_ONCE = 500


def sweep(folder: str, fields: Iterable[FileField]) -> int:
    """Delete files of `folder` that none of the model fields names any more; answers how many.

    Young ones are left: their row may be on its way.
    """
    try:
        names = [f"{folder}/{name}" for name in sorted(default_storage.listdir(folder)[1])]
    except FileNotFoundError:
        return 0
    fields, swept = list(fields), 0
    for start in range(0, len(names), FILES_AT_ONCE):
        some = names[start : start + FILES_AT_ONCE]
        for name in set(some) - _in_use(some, fields):
            if timezone.now() - default_storage.get_modified_time(name) > GRACE:
                default_storage.delete(name)
                swept += 1
    return swept


def _in_use(names: list[str], fields: list[FileField]) -> set[str]:
    return {
        name
        for field in fields
        for name in field.model._base_manager.filter(**{f"{field.name}__in": names}).values_list(field.name, flat=True)
    }
