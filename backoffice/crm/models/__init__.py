"""The unified CRM domain: one module per family of tables."""

from backoffice.crm.models.accounts import Account, AccountTag
from backoffice.crm.models.activities import Activity, ActivityTag, Document, Note
from backoffice.crm.models.choices import (
    Choice,
    ChoiceList,
    CustomField,
    Layout,
    Status,
    Tag,
)
from backoffice.crm.models.contacts import Contact, ContactTag
from backoffice.crm.models.groups import Campaign, CampaignMember, Group, GroupMember
from backoffice.crm.models.opportunities import (
    LineItem,
    Opportunity,
    OpportunityContact,
    OpportunityTag,
)
from backoffice.crm.models.products import Product, ProductTax
from backoffice.crm.models.reps import Region, Rep, RepPlace, Team
from backoffice.crm.models.tickets import Ticket, TicketTag

__all__ = [
    "Account",
    "AccountTag",
    "Activity",
    "ActivityTag",
    "Campaign",
    "CampaignMember",
    "Choice",
    "ChoiceList",
    "Contact",
    "ContactTag",
    "CustomField",
    "Document",
    "Group",
    "GroupMember",
    "Layout",
    "LineItem",
    "Note",
    "Opportunity",
    "OpportunityContact",
    "OpportunityTag",
    "Product",
    "ProductTax",
    "Region",
    "Rep",
    "RepPlace",
    "Status",
    "Tag",
    "Team",
    "Ticket",
    "TicketTag",
]
