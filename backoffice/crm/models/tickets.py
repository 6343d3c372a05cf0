"""Tickets: what a customer needs mended."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.access.models import User
from backoffice.changes.registry import logged
from backoffice.crm.models.accounts import Account
from backoffice.crm.models.activities import NEEDS_A_RECORD
from backoffice.crm.models.base import (
    Row,
    at_least_one,
    choice,
    indexes_for,
    part_of,
    prose,
    reference,
    required_text,
    search_index,
    searched,
)
from backoffice.crm.models.choices import Tagging
from backoffice.crm.models.contacts import Contact
from backoffice.crm.models.opportunities import Opportunity
from backoffice.crm.models.reps import Rep
from backoffice.crm.visibility import about_something_of, reps_under


@logged("ticket")
class Ticket(Row):
    title = required_text(_("title"))
    description = prose(_("description"))
    account = reference(Account, _("account"), "tickets")
    contact = reference(Contact, _("contact"), "tickets")
    opportunity = reference(Opportunity, _("opportunity"), "tickets")
    owner = reference(Rep, _("owner"), "tickets", db_index=True)
    origin = choice("ticket_origin", _("origin"))
    case = choice("case", _("case"))
    priority = choice("priority", _("priority"))
    status = choice("ticket_status", _("status"))
    due = models.DateField(_("due"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    search = searched("title")

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        ordering = ("-id",)
        constraints = (
            at_least_one(
                ("account", "contact", "opportunity"),
                "ticket_is_about_something",
                NEEDS_A_RECORD,
            ),
        )
        indexes = (
            *indexes_for(
                "ticket",
                "account",
                "contact",
                "opportunity",
                "origin",
                "case",
                "priority",
                "status",
                "due",
            ),
            search_index("ticket"),
        )

    def __str__(self) -> str:
        return self.title

    @classmethod
    def visible_by(cls, user: User) -> models.Q:
        reps = reps_under(user)
        return models.Q(owner__in=reps) | about_something_of(reps)


@logged("ticket_tag", parent="ticket", parent_field="ticket_id")
class TicketTag(Tagging):
    ticket = part_of(Ticket, _("ticket"), "tags")

    class Meta(Tagging.Meta):
        constraints = (models.UniqueConstraint(fields=["ticket", "tag"], name="ticket_has_a_tag_once"),)
