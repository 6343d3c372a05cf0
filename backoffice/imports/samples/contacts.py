"""Contacts to try an upload with."""

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.crm.models import Opportunity
from backoffice.imports.samples import Cells, Sample

COMPANIES = {
    "Alder Works": "alderworks",
    "Birch & Sons": "birchandsons",
    "Cedar Clinics": "cedarclinics",
    "Dogwood Dairy": "dogwooddairy",
    "Elm Street Bank": "elmstreetbank",
}
PEOPLE = (
    *("Ada Nguyen", "Bruno Silva", "Carla Ortiz", "Dev Patel", "Elena Rossi", "Femi Adeyemi", "Grace Kim"),
    *("Hugo Martín", "Iris Novak", "Jonas Berg", "Karim Haddad", "Lucía Vega", "Mei Tanaka", "Noah Cohen"),
    *("Olga Petrova", "Pablo Cruz", "Queenie Zhou", "Rosa Méndez", "Sam O'Neill", "Tara Singh"),
)
TITLES = ("Head of Purchasing", "IT Manager", "Operations Director", "Assistant", "")


def new(user: User, today: date) -> Iterator[dict[str, str]]:
    """New rows; those of the opportunities' sample take part in it where it was uploaded."""
    sample = Opportunity.objects.visible_to(user).filter(external_id__startswith="SAMPLE-").order_by("external_id")
    opportunities = list(sample.values_list("external_id", flat=True)[: len(PEOPLE)])
    companies = list(COMPANIES.items())
    for number, name in enumerate(PEOPLE, start=1):
        company, domain = companies[number % len(companies)]
        given, family = name.split()
        yield {
            "opportunity_id": str(opportunities[number - 1]) if number <= len(opportunities) else "",
            "email": f"sample.contact{number:02}@{domain}.example.com",
            "full_name": name,
            "given": given,
            "family": family,
            "title": TITLES[number % len(TITLES)],
            "company_name": company,
            "phone": f"+1-555-555-01{number:02}",
            "mobile": f"(555) 555-01{number + 50:02}" if number % 2 else "",
        }


def changed(user: User, today: date) -> Iterator[Cells]:
    """The same rows: eight with another title and mobile phone, the others as they were."""
    for number, row in enumerate(new(user, today), start=1):
        if number <= 8:
            row |= {"title": "Head of Sales", "mobile": f"(555) 555-01{number + 80:02}"}
        yield row


def failing(user: User, today: date) -> Iterator[Cells]:
    """The same rows, four of them wrong, each in a way of its own."""
    wrong = {
        2: {"email": ""},
        6: {"email": "not an email"},
        11: {"opportunity_id": "NO-SUCH-OPPORTUNITY"},
        17: {"title": "Director " * 100},
    }
    for number, row in enumerate(new(user, today), start=1):
        yield row | wrong.get(number, {})


SAMPLES = (
    Sample("new", _("New rows"), _("20 new contacts"), new),
    Sample("changes", _("Changes"), _("the same 20, eight of them changed"), changed),
    Sample("failing", _("Some fail"), _("16 good rows and four wrong ones"), failing),
)
