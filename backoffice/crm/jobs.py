"""What the domain has done by the clock."""

from backoffice import storing
from backoffice.crm.models import Document
from backoffice.jobs.schedules import every


@every(minutes=24 * 60)
def sweep_documents_nobody_keeps() -> None:
    storing.sweep("documents", [Document._meta.get_field("content")])
