"""The kinds of file that can be uploaded. A new one is a resource, a loader, and its line here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.imports.faults import Refused, shown
from backoffice.imports.kinds.opportunities import OpportunityLoader
from backoffice.imports.options import Options
from backoffice.imports.parsing import Parsed
from backoffice.imports.resources import OpportunityResource, UploadResource

type Records = dict[str, dict[str, int]]


class Loader(Protocol):
    """Writes chunks of one file. `load` runs in the chunk's transaction and gives every row its outcome.

    It answers how many records of each kind it made or changed, also on the side. What it remembers from chunk to
    chunk it drops on `forget`, which is called when a chunk was rolled back.
    """

    def load(self, rows: Sequence[Parsed]) -> Records: ...

    def forget(self) -> None: ...


@dataclass(frozen=True)
class Kind:
    name: str
    label: str | Promise
    resource: type[UploadResource]
    loader: Callable[[Mapping[str, int], Options], Loader]

    @property
    def template(self) -> str:
        """An empty file with the documented headers."""
        return ",".join(self.resource.headers()) + "\r\n"


KINDS = {
    kind.name: kind for kind in (Kind("opportunities", _("Opportunities"), OpportunityResource, OpportunityLoader),)
}


def kind_called(name: str) -> Kind:
    """Raises Refused, naming the kinds there are."""
    try:
        return KINDS[name]
    except KeyError:
        raise Refused(
            gettext("There is no upload of the kind “%(name)s”; there are: %(kinds)s.")
            % {"name": shown(name), "kinds": ", ".join(KINDS)},
            option="kind",
        ) from None
