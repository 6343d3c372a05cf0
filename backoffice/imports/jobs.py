"""The kinds of job of the uploads, and their schedules."""

from backoffice import storing
from backoffice.imports import applying, expiring
from backoffice.imports.exports import exporting, filters
from backoffice.imports.models import Export, Upload
from backoffice.imports.previews import previewing
from backoffice.imports.undo import taking_back
from backoffice.jobs.schedules import every

__all__ = ["applying", "filters", "previewing", "taking_back"]


@every(minutes=60)
def sweep_old_uploads() -> None:
    expiring.sweep()


@every(minutes=60)
def sweep_old_exports() -> None:
    exporting.sweep()


@every(minutes=24 * 60)
def sweep_files_nobody_keeps() -> None:
    storing.sweep("uploads", [model._meta.get_field("file") for model in (Upload, Export)])
