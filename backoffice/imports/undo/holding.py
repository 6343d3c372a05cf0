"""Which undos of an upload hold: they did something, and were not taken back."""

from django.db.models import Exists, OuterRef, QuerySet

from backoffice.imports.models import Mode, Undo, Undone
from backoffice.jobs.models import OPEN

DID_SOMETHING = [Undone.RESTORED.value, Undone.REMOVED.value, Undone.RETURNED.value, Undone.PARTLY.value]


def that_did_something(undos: QuerySet[Undo]) -> QuerySet[Undo]:
    return undos.exclude(job__state__in=OPEN).filter(counts__has_any_keys=DID_SOMETHING)


def that_hold(undos: QuerySet[Undo]) -> QuerySet[Undo]:
    back = that_did_something(Undo.objects.filter(undoes=OuterRef("pk"), mode=Mode.APPLY))
    return that_did_something(undos.filter(mode=Mode.APPLY, undoes=None)).exclude(Exists(back))
