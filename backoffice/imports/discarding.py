"""Forgetting a file that was not applied: a draft or a preview that nobody wants any more."""

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.access.models import User
from backoffice.access.permissions import may
from backoffice.imports.expiring import deleted_some
from backoffice.imports.models import PreviewRow, Upload
from backoffice.imports.starting import NotAllowed, WrongState


def discard(upload: Upload, user: User) -> None:
    """Deletes the upload with its file and what was found out about its rows; asked for twice, once is enough.

    Raises NotAllowed, and WrongState when it is being checked, or is or was applied.
    """
    if not may(user, "add", Upload):
        raise NotAllowed
    with transaction.atomic():
        # Without its jobs: who waited for the lock would get the row as it is now joined to jobs as they were before.
        locked = Upload.objects.select_for_update().filter(pk=upload.pk).first()
        if locked is None:
            return
        _refuse_unless_idle(locked)
        while deleted_some(PreviewRow, locked):
            pass
        file = locked.file
        Upload.objects.filter(pk=locked.pk).delete()
        transaction.on_commit(lambda: file.delete(save=False) if file else None)


def _refuse_unless_idle(upload: Upload) -> None:
    if upload.job:
        raise WrongState(_("This upload has been applied. Undo it instead."))
    if upload.preview_job and upload.preview_job.is_open:
        raise WrongState(_("The rows of this file are being checked. Cancel that first."))
