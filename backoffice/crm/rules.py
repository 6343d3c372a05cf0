"""What a single record must obey beyond its columns' types and the database's constraints."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from backoffice.crm.models import Contact


def contact_has_a_name(contact: Contact) -> None:
    """A person is known by a name or, at the least, by an email."""
    if not any((contact.name, contact.given, contact.family, contact.emails)):
        raise ValidationError({"name": _("Give a name, or at least an email.")})
