"""Files for the console's upload pages, and going through its steps without a browser."""

import csv
import io

from django.core.files.base import ContentFile
from django.urls import reverse

from backoffice.changes.acting import Door, acting
from backoffice.imports.models import Mode, Undo, Upload
from backoffice.imports.starting import receive
from backoffice.jobs.running import execute

HEADER = ("Opportunity ID", "Opportunity Name", "Amount", "Close Date", "Stage", "Account Name")


def as_csv(*rows, header=HEADER):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


def page(name, *arguments):
    return reverse(f"admin:imports_upload_{name}", args=arguments)


def drafted(user, *rows, header=HEADER, kind="opportunities", name="pipeline.csv", **given):
    with acting(user, Door.CONSOLE):
        file = ContentFile(as_csv(*rows, header=header), name)
        return receive(file, kind, user, mode=Mode.DRAFT, given=given)


def worked(upload):
    """The upload, once its job has run."""
    upload.refresh_from_db()
    execute(upload.job_id or upload.preview_job_id, heartbeat=False)
    return Upload.objects.select_related("job", "preview_job").get(pk=upload.pk)


def choices(upload):
    """What the columns page sends when nothing is touched."""
    named = {place: name for name, place in upload.columns.items()}
    return {f"column-{place}": named.get(place, "") for place in range(len(upload.header))}


def previewed(client, user, *rows, **more):
    upload = drafted(user, *rows, **more)
    answer = client.post(page("columns", upload.pk), choices(upload))
    assert answer.status_code == 302, answer.context_data["form"].errors
    return worked(upload)


def applied(client, user, *rows, **more):
    upload = previewed(client, user, *rows, **more)
    client.post(page("apply", upload.pk))
    return worked(upload)


def undone(client, upload):
    """The undo, previewed and done."""
    client.post(page("undo_begin", upload.pk))
    looked = run(Undo.objects.latest("id"))
    client.post(page("undo_go", upload.pk, looked.pk))
    return run(Undo.objects.latest("id"))


def run(undo):
    execute(undo.job_id, heartbeat=False)
    return Undo.objects.get(pk=undo.pk)
