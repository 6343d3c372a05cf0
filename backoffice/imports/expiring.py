"""What is kept of an upload for a while only: the file, its rows, the records of its undos. Counts and outcome stay."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from backoffice.imports.models import FileRow, PreviewRow, Undo, UndoneRecord, Upload, UploadRow
from backoffice.jobs.models import OPEN

AT_ONCE = 200
ROWS_PER_STATEMENT = 50_000

DELETE_ROWS = """
    DELETE FROM {rows} WHERE {of} = %s AND number IN (
        SELECT number FROM {rows} WHERE {of} = %s ORDER BY number LIMIT %s
    )
"""


def sweep() -> int:
    """Lets go of uploads older than UPLOAD_KEEP_DAYS, and of what undos as old told; answers how many uploads.

    A job that is still open keeps its file, and what somebody has in hand waits for the next sweep.
    """
    before = timezone.now() - timedelta(days=settings.UPLOAD_KEEP_DAYS)
    swept = sum(_let_go_of_file(upload, before) for upload in list(_old_uploads(before)[:AT_ONCE]))
    for undo in list(_old_undos(before)[:AT_ONCE]):
        _let_go_of_records(undo, before)
    return swept


def _old_uploads(before: datetime) -> QuerySet[Upload]:
    old = Upload.objects.filter(created_at__lt=before).exclude(file="").order_by("id")
    ended = old.exclude(job__state__in=OPEN).exclude(preview_job__state__in=OPEN)
    return ended.exclude(undos__job__state__in=OPEN)


def _old_undos(before: datetime) -> QuerySet[Undo]:
    """Those that still have records; an undo may be asked for long after the file of its upload has gone."""
    told = UndoneRecord.objects.filter(undo=OuterRef("pk"))
    old = Undo.objects.filter(Exists(told), created_at__lt=before).order_by("id")
    return old.exclude(job__state__in=OPEN)


def _let_go_of_file(upload: Upload, before: datetime) -> bool:
    with transaction.atomic():
        if not (_is_locked(upload.pk) and _old_uploads(before).filter(pk=upload.pk).exists()):
            return False
        for rows in (UploadRow, PreviewRow):
            while deleted_some(rows, upload):
                pass
        Upload.objects.filter(pk=upload.pk).update(file="", noticed={})
    upload.file.delete(save=False)
    return True


def _let_go_of_records(undo: Undo, before: datetime) -> None:
    with transaction.atomic():
        if _is_locked(undo.upload_id) and _old_undos(before).filter(pk=undo.pk).exists():
            while deleted_some(UndoneRecord, undo):
                pass


def _is_locked(upload_id: int) -> bool:
    """Whoever starts a job of the upload takes the same lock, so none begins from here on."""
    locked = Upload.objects.select_for_update(skip_locked=True).filter(pk=upload_id)
    return locked.values_list("pk", flat=True).first() is not None


def deleted_some(rows: type[FileRow | UndoneRecord], whole: Upload | Undo) -> bool:
    """A piece of the upload's rows, or of the undo's records, goes. Whether there may be more."""
    of = "undo_id" if isinstance(whole, Undo) else "upload_id"
    with connection.cursor() as cursor:
        statement = DELETE_ROWS.format(rows=rows._meta.db_table, of=of)
        cursor.execute(statement, [whole.pk, whole.pk, ROWS_PER_STATEMENT])
        return bool(cursor.rowcount == ROWS_PER_STATEMENT)
