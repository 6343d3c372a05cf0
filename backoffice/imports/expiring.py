"""What is kept of an upload for a while only: the file itself and its rows. Counts and outcome stay."""

from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from backoffice.imports.models import FileRow, PreviewRow, Undo, UndoneRecord, Upload, UploadRow
from backoffice.jobs.models import OPEN

UPLOADS_PER_SWEEP = 200
ROWS_PER_STATEMENT = 50_000

DELETE_ROWS = """
    DELETE FROM {rows} WHERE {of} = %s AND number IN (
        SELECT number FROM {rows} WHERE {of} = %s ORDER BY number LIMIT %s
    )
"""


def sweep() -> int:
    """Lets go of uploads older than UPLOAD_KEEP_DAYS; answers how many. A job that is still open keeps its file."""
    before = timezone.now() - timedelta(days=settings.UPLOAD_KEEP_DAYS)
    old = Upload.objects.filter(created_at__lt=before).exclude(file="").order_by("id")
    ended = old.exclude(job__state__in=OPEN).exclude(preview_job__state__in=OPEN)
    swept = list(ended.exclude(undos__job__state__in=OPEN)[:UPLOADS_PER_SWEEP])
    for upload in swept:
        for rows in (UploadRow, PreviewRow):
            while deleted_some(rows, upload):
                pass
        for undo in upload.undos.all():
            while deleted_some(UndoneRecord, undo):
                pass
        upload.file.delete(save=False)
        Upload.objects.filter(pk=upload.pk).update(file="", noticed={})
    return len(swept)


def deleted_some(rows: type[FileRow | UndoneRecord], whole: Upload | Undo) -> bool:
    """A piece of the upload's rows, or of the undo's records, goes. Whether there may be more."""
    of = "undo_id" if isinstance(whole, Undo) else "upload_id"
    with connection.cursor() as cursor:
        statement = DELETE_ROWS.format(rows=rows._meta.db_table, of=of)
        cursor.execute(statement, [whole.pk, whole.pk, ROWS_PER_STATEMENT])
        return bool(cursor.rowcount == ROWS_PER_STATEMENT)
