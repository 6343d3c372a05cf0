"""The kinds of file that can be uploaded. A new one is a resource, a loader, and its line here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.crm.models import Account, Choice, Contact, Opportunity, OpportunityContact, Rep
from backoffice.imports.faults import Refused, shown
from backoffice.imports.kinds.accounts import AccountLoader
from backoffice.imports.kinds.contacts import ContactLoader
from backoffice.imports.kinds.opportunities import OpportunityLoader
from backoffice.imports.kinds.quotas import QuotaLoader
from backoffice.imports.merging.discretion import Discretion
from backoffice.imports.merging.merger import Part, Records
from backoffice.imports.options import Options
from backoffice.imports.reading.parsing import Parsed
from backoffice.imports.resources.accounts import AccountResource
from backoffice.imports.resources.columns import Amount, Day, UploadResource
from backoffice.imports.resources.contacts import ContactResource
from backoffice.imports.resources.opportunities import OpportunityResource
from backoffice.imports.resources.quotas import QuotaResource
from backoffice.imports.samples import Sample
from backoffice.imports.samples.accounts import SAMPLES as ACCOUNT_SAMPLES
from backoffice.imports.samples.contacts import SAMPLES as CONTACT_SAMPLES
from backoffice.imports.samples.opportunities import SAMPLES as OPPORTUNITY_SAMPLES
from backoffice.imports.samples.quotas import SAMPLES as QUOTA_SAMPLES
from backoffice.quotas.models import Quota


class Loader(Protocol):
    """Writes chunks of one file. `load` runs in the chunk's transaction and gives every row its outcome.

    It answers how many records of each kind it made or changed, also on the side. What it remembers from chunk to
    chunk it drops on `forget`, which is called when a chunk was rolled back.
    """

    def load(self, rows: Sequence[Parsed]) -> Records: ...

    def forget(self) -> None: ...

    parts: Mapping[str, Part]  # what rows refer to, by the word `Upload.records` counts it as
    discretion: Discretion  # tell it who uploads: faults name only what they may see
    keeps_differences: bool  # set it for a preview: `Parsed.differences` then says what each row does


@dataclass(frozen=True)
class Kind:
    """`writes` are the models whose rows an upload may write, `options` those that only some kinds know."""

    name: str
    label: str | Promise
    word: str  # what `Upload.records` counts the records as that the file is about
    resource: type[UploadResource]
    loader: Callable[[Mapping[str, int], Options], Loader]
    writes: tuple[type[models.Model], ...]
    samples: tuple[Sample, ...]
    options: frozenset[str] = frozenset()

    def sample_file(self, name: str, user: User) -> str | None:
        """The sample as CSV; None when there is none of that name."""
        found = next((sample for sample in self.samples if sample.name == name), None)
        return found.as_csv(self.resource, user) if found else None

    @property
    def notation(self) -> frozenset[str]:
        """The options about how a file is written that say something about one of its columns."""
        widgets = [column.widget for column in self.resource.columns().values()]
        dates = {"date_order"} if any(isinstance(widget, Day) for widget in widgets) else set()
        amounts = {"decimal_mark", "currency"} if any(isinstance(widget, Amount) for widget in widgets) else set()
        return frozenset({"blank", *dates, *amounts})

    @property
    def template(self) -> str:
        """An empty file with the documented headers."""
        return ",".join(self.resource.headers()) + "\r\n"


OPPORTUNITIES = Kind(
    "opportunities",
    _("Opportunities"),
    "opportunity",
    OpportunityResource,
    OpportunityLoader,
    writes=(Opportunity, Account, Rep, Choice),
    samples=OPPORTUNITY_SAMPLES,
    options=frozenset({"update_accounts"}),
)
CONTACTS = Kind(
    "contacts",
    _("Contacts"),
    "contact",
    ContactResource,
    ContactLoader,
    writes=(Contact, OpportunityContact, Account, Rep),
    samples=CONTACT_SAMPLES,
    options=frozenset({"update_accounts"}),
)
ACCOUNTS = Kind(
    "accounts",
    _("Accounts"),
    "account",
    AccountResource,
    AccountLoader,
    writes=(Account, Rep, Choice),
    samples=ACCOUNT_SAMPLES,
)
QUOTAS = Kind(
    "quotas",
    _("Quotas"),
    "quota",
    QuotaResource,
    QuotaLoader,
    writes=(Quota, Rep),
    samples=QUOTA_SAMPLES,
    options=frozenset({"create_reps"}),
)
KINDS = {kind.name: kind for kind in (OPPORTUNITIES, CONTACTS, QUOTAS, ACCOUNTS)}


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
