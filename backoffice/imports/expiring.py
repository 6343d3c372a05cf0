"""What is kept of an upload for a while only: the file itself and its rows. Counts and outcome stay."""

from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from backoffice.imports.models import Upload, UploadRow
from backoffice.jobs.models import OPEN

UPLOADS_PER_SWEEP = 200
ROWS_PER_STATEMENT = 50_000

DELETE_ROWS = f"""
    DELETE FROM {UploadRow._meta.db_table} WHERE upload_id = %s AND number IN (
        SELECT number FROM {UploadRow._meta.db_table} WHERE upload_id = %s ORDER BY number LIMIT %s
    )
"""


def sweep() -> int:
    """Lets go of uploads older than UPLOAD_KEEP_DAYS; answers how many. A job that is still open keeps its file."""
    before = timezone.now() - timedelta(days=settings.UPLOAD_KEEP_DAYS)
    old = Upload.objects.filter(created_at__lt=before).exclude(file="").exclude(job__state__in=OPEN).order_by("id")
    swept = list(old[:UPLOADS_PER_SWEEP])
    for upload in swept:
        _delete_rows(upload)
        upload.file.delete(save=False)
        Upload.objects.filter(pk=upload.pk).update(file="")
    return len(swept)


def _delete_rows(upload: Upload) -> None:
    with connection.cursor() as cursor:
        while True:
            cursor.execute(DELETE_ROWS, [upload.pk, upload.pk, ROWS_PER_STATEMENT])
            if cursor.rowcount < ROWS_PER_STATEMENT:
                return
