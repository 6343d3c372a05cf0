"""Contacts: the people at the accounts."""

from typing import override

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.changes.registry import logged
from backoffice.crm.models.accounts import Account
from backoffice.crm.models.base import (
    FIRST_EMAIL,
    FIRST_PHONE,
    Row,
    choice,
    flag,
    generated,
    indexes_for,
    part_of,
    prose,
    reference,
    rows,
    search_index,
    searched,
    text,
)
from backoffice.crm.models.choices import Tagging
from backoffice.crm.models.reps import FULL_NAME, Rep
from backoffice.crm.visibility import contacts_of, reps_under

SHOWN_NAME = f"CASE WHEN btrim(name) <> '' THEN name ELSE {FULL_NAME} END"


@logged("contact")
class Contact(Row):
    """A person. Two contacts may have the same email: vendors allow it."""

    name = text(_("full name"), help_text=_("As given; empty when only its parts are known."))
    salutation = choice("title", _("salutation"))
    given = text(_("given name"))
    family = text(_("family name"))
    second_family = text(_("second family name"))
    suffix = text(_("suffix"))
    job_title = text(_("job title"))
    department = choice("department", _("department"))
    position = choice("position", _("position"))
    company_name = text(_("company name"), help_text=_("As given."))
    account = reference(Account, _("account"), "contacts", db_index=True)
    emails = rows(_("emails"))
    phones = rows(_("phones"))
    addresses = rows(_("addresses"))
    skype = text(_("Skype"))
    linkedin = text(_("LinkedIn"))
    twitter = text(_("Twitter"))
    assistant = models.JSONField(_("assistant"), null=True, blank=True)
    origin = choice("origin", _("origin"))
    status = choice("contact_status", _("status"))
    description = prose(_("description"))
    language = text(_("language"), help_text=_("A code such as en or es-MX."))
    birthday = models.DateField(_("birthday"), null=True, blank=True)
    reports_to = reference("self", _("reports to"), "reports")
    can_call = flag(_("may be called"), default=True)
    can_email = flag(_("may be emailed"), default=True)
    owner = reference(Rep, _("owner"), "contacts", db_index=True)
    assigned_to = reference(Rep, _("assigned to"), "assigned_contacts")
    email = generated(f"lower({FIRST_EMAIL})", verbose_name=_("email"), null=True)
    phone = generated(FIRST_PHONE, verbose_name=_("phone"), null=True)
    name_key = generated(f"fold({SHOWN_NAME})")
    search = searched(
        "name",
        "given",
        "family",
        "second_family",
        "company_name",
        FIRST_EMAIL,
        FIRST_PHONE,
    )

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ("name_key", "id")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(reports_to__isnull=True) | ~models.Q(reports_to=models.F("id")),
                name="contact_does_not_report_to_themselves",
                violation_error_message=_("A contact can't report to themselves."),
            ),
        )
        indexes = (
            models.Index(fields=["name_key", "id"], name="contact_name"),
            models.Index(fields=["changed_at", "id"], name="contact_changed"),
            *indexes_for(
                "contact",
                "email",
                "phone",
                "assigned_to",
                "reports_to",
                "salutation",
                "department",
            ),
            *indexes_for("contact", "position", "origin", "status"),
            search_index("contact"),
        )

    def __str__(self) -> str:
        parts = (self.given, self.family, self.second_family)
        return self.name or " ".join(filter(None, parts)) or self.email or _("Contact {number}").format(number=self.pk)

    @override
    def clean(self) -> None:
        """A person is known by a name or, at the least, by an email."""
        super().clean()
        if not any((self.name.strip(), self.given.strip(), self.family.strip(), self.emails)):
            raise ValidationError({"name": _("Give a name, or at least an email.")})

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        return contacts_of(reps_under(user))


@logged("contact_tag", parent="contact", parent_field="contact_id")
class ContactTag(Tagging):
    contact = part_of(Contact, _("contact"), "tags")

    class Meta(Tagging.Meta):
        constraints = (models.UniqueConstraint(fields=["contact", "tag"], name="contact_has_a_tag_once"),)
