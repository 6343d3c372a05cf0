"""The kinds of job of the uploads, and their schedules."""

from backoffice import storing
from backoffice.imports import applying, expiring, export_filters, exporting, previewing, taking_back
from backoffice.imports.models import Export, Upload
from backoffice.jobs.schedules import every

__all__ = ["applying", "export_filters", "previewing", "taking_back"]


@every(minutes=60)
def sweep_old_uploads() -> None:
    expiring.sweep()


@every(minutes=60)
def sweep_old_exports() -> None:
    exporting.sweep()


@every(minutes=24 * 60)
def sweep_files_nobody_keeps() -> None:
    storing.sweep("uploads", [model._meta.get_field("file") for model in (Upload, Export)])
