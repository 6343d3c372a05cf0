"""The CRM's lists and forms."""

from typing import Any, ClassVar, override

from django.contrib import admin
from django.db import models
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from backoffice.console import formatting
from backoffice.console.admin.base import ModelAdmin, TabularInline, login, visible
from backoffice.console.admin.documents import ContentWidget, DocumentForm, download, download_link
from backoffice.console.columns import STATUS_TONES, Changed, Closing, Named, Valued, pill
from backoffice.console.filters import ChoiceFilter, ChoicesDropdownFilter, RangeDateFilter, ReferenceFilter
from backoffice.crm.models import (
    Account,
    AccountTag,
    Activity,
    ActivityTag,
    Campaign,
    CampaignMember,
    Choice,
    ChoiceList,
    Contact,
    ContactTag,
    CustomField,
    Document,
    Group,
    GroupMember,
    Layout,
    LineItem,
    Note,
    Opportunity,
    OpportunityContact,
    OpportunityTag,
    Product,
    ProductTax,
    Region,
    Rep,
    RepPlace,
    Status,
    Tag,
    Team,
    Ticket,
    TicketTag,
)

ABOUT = ("account", "contact", "group", "opportunity")


class AccountTags(TabularInline):
    model = AccountTag


class ContactTags(TabularInline):
    model = ContactTag


class ActivityTags(TabularInline):
    model = ActivityTag


class OpportunityTags(TabularInline):
    model = OpportunityTag


class TicketTags(TabularInline):
    model = TicketTag


class Lines(TabularInline):
    model = LineItem


class OpportunityContacts(TabularInline):
    model = OpportunityContact
    hides_by = ("contact",)


class Taxes(TabularInline):
    model = ProductTax


class CampaignMembers(TabularInline):
    model = CampaignMember
    hides_by = ("account", "contact")
    per_page = 50


class GroupMembers(TabularInline):
    model = GroupMember
    hides_by = ("account", "contact")
    per_page = 50


class Places(TabularInline):
    model = RepPlace
    fk_name = "rep"
    fields = ("team", "manager", "from_month", "until_month")


class StatusFilter(DropdownFilter):
    """By what the stage means; an opportunity without a stage is open."""

    title = _("status")
    parameter_name = "status"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Status.choices)

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Opportunity]) -> QuerySet[Opportunity]:
        status = self.value()
        if status not in Status.values:
            return queryset
        stages = list(Choice.objects.filter(list=ChoiceList.STAGE, status=status).values_list("id", flat=True))
        none = Q(stage=None) if status == Status.OPEN else Q(pk__in=[])
        return queryset.filter(Q(stage_id__in=stages) | none)


@admin.register(Opportunity)
class OpportunityAdmin(Named, Valued, Closing, Changed, ModelAdmin):
    list_display = ("named", "account", "value", "stage_shown", "owner", "closing", "changed")
    list_select_related = ("account", "owner", "stage")
    list_filter = (
        StatusFilter,
        ("stage", ChoiceFilter),
        ("owner", ReferenceFilter),
        ("account", ReferenceFilter),
        ("close_date", RangeDateFilter),
        ("type", ChoiceFilter),
        ("source", ChoiceFilter),
    )
    sortable_by = ("named", "value", "closing", "changed")
    search_help_text = _("Name, opportunity ID or account")
    inlines = (Lines, OpportunityContacts, OpportunityTags)
    fieldsets = (
        (None, {"fields": ("name", "external_id", "account", "primary_contact", ("owner", "assigned_to"))}),
        (
            _("Value and stage"),
            {
                "fields": (
                    ("amount", "currency"),
                    ("stage", "probability"),
                    ("close_date", "expected_close"),
                    "forecast_category",
                    "closed_at",
                )
            },
        ),
        (_("Next"), {"fields": ("next_step", "description")}),
        (
            _("More"),
            {
                "fields": (
                    ("type", "source"),
                    ("prospect_type", "operation"),
                    ("campaign", "group"),
                    "product_text",
                    ("wants_products", "wants_tax", "active"),
                ),
                "classes": ("collapse",),
            },
        ),
        (
            _("From the source"),
            {
                "fields": (
                    ("stage_system", "forecast_system"),
                    ("activity_index", "relationship_index"),
                    "altered_by",
                ),
                "classes": ("collapse",),
            },
        ),
    )

    @override
    def shown(self, rows: QuerySet[Opportunity]) -> QuerySet[Opportunity]:
        """What the columns show and the list is sorted by: of a hundred rows with all they join, the rest is most."""
        own = ("name", "name_key", "amount", "currency", "close_date", "changed_at", "archived_at")
        return rows.only(*own, "account__name", "owner__name", "stage__label", "stage__status")

    @override
    def searched_accounts(self, request: HttpRequest) -> QuerySet[Account]:
        """Whoever sees an opportunity sees its account."""
        return Account.objects.all()

    @display(description=_("stage"))
    def stage_shown(self, opportunity: Opportunity) -> SafeString:
        status = opportunity.status
        return pill(opportunity.stage or status.label, STATUS_TONES[status])


@admin.register(Account)
class AccountAdmin(Named, Changed, ModelAdmin):
    list_display = ("named", "external_id", "domain", "phone", "industry", "owner", "changed")
    list_select_related = ("industry", "owner")
    list_filter = (
        ("owner", ReferenceFilter),
        ("type", ChoiceFilter),
        ("status", ChoiceFilter),
        ("industry", ChoiceFilter),
        ("classification", ChoiceFilter),
        ("rating", ChoiceFilter),
    )
    sortable_by = ("named", "changed")
    search_help_text = _("Name, account ID, tax id, website or email")
    inlines = (AccountTags,)
    fieldsets = (
        (None, {"fields": ("name", "billing_name", ("external_id", "client_number"), "tax_id", "website")}),
        (_("Reach"), {"fields": ("emails", "phones", "addresses")}),
        (
            _("Kind"),
            {"fields": (("type", "status"), ("industry", "source"), ("classification", "rating"))},
        ),
        (_("People"), {"fields": (("owner", "assigned_to"), "parent")}),
        (_("Notes"), {"fields": ("description",)}),
    )


@admin.register(Contact)
class ContactAdmin(Named, Changed, ModelAdmin):
    list_display = ("named", "account", "job_title", "email", "phone", "owner", "changed")
    list_select_related = ("account", "owner")
    list_filter = (
        ("owner", ReferenceFilter),
        ("account", ReferenceFilter),
        ("status", ChoiceFilter),
        ("origin", ChoiceFilter),
        ("department", ChoiceFilter),
    )
    sortable_by = ("named", "changed")
    search_help_text = _("Name, email, phone or account")
    inlines = (ContactTags,)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "salutation",
                    ("given", "family"),
                    ("second_family", "suffix"),
                    ("account", "company_name"),
                    ("job_title", "position"),
                    ("department", "reports_to"),
                )
            },
        ),
        (_("Reach"), {"fields": ("emails", "phones", ("can_call", "can_email"), "addresses")}),
        (_("People"), {"fields": (("owner", "assigned_to"), ("status", "origin"))}),
        (_("Assistant"), {"fields": ("assistant",), "classes": ("collapse",)}),
        (
            _("More"),
            {
                "fields": (("language", "birthday"), ("skype", "linkedin", "twitter"), "description"),
                "classes": ("collapse",),
            },
        ),
    )

    @override
    def searched_accounts(self, request: HttpRequest) -> QuerySet[Account]:
        """One's own contact may be at an account of others, whose words are not to be guessed at."""
        return visible(request, Account)


class AboutAdmin(Changed, ModelAdmin):
    """What happens around a record."""

    list_select_related: ClassVar[tuple[str, ...]] = ABOUT

    @display(description=_("about"))
    def about(self, row: Any) -> str:
        return " · ".join(str(part) for name in ABOUT if (part := getattr(row, name)) is not None)


@admin.register(Activity)
class ActivityAdmin(AboutAdmin):
    list_display = ("subject", "kind", "when", "about", "owner", "is_done")
    list_select_related = (*ABOUT, "owner")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("owner", ReferenceFilter),
        ("account", ReferenceFilter),
        ("start_on", RangeDateFilter),
    )
    search_help_text = _("Subject or location")
    inlines = (ActivityTags,)
    fieldsets = (
        (None, {"fields": ("subject", ("kind", "type"), "details", "location", ("owner", "assigned_by"))}),
        (_("About"), {"fields": (("account", "contact"), ("opportunity", "group"))}),
        (
            _("When"),
            {
                "fields": (("start_on", "end_on"), "start_at", "end_at", ("all_day", "later")),
                "description": _("A day, or a day with a time, or later; any part may be missing."),
            },
        ),
        (_("Outcome"), {"fields": ("completed_at", "result", "colour")}),
    )

    @display(description=_("when"))
    def when(self, activity: Activity) -> Any:
        return activity.start_at or activity.start_on or (_("later") if activity.later else None)

    @display(description=_("done"), boolean=True)
    def is_done(self, activity: Activity) -> bool:
        return activity.completed_at is not None


@admin.register(Note)
class NoteAdmin(AboutAdmin):
    list_display = ("note", "kind", "about", "author", "happened_at", "private")
    list_select_related = (*ABOUT, "author")
    list_filter = (("kind", ChoicesDropdownFilter), ("author", ReferenceFilter), ("account", ReferenceFilter))
    search_help_text = _("Title or text")
    fieldsets = (
        (None, {"fields": (("kind", "type_code"), "title", "body", "private", "author")}),
        (_("About"), {"fields": (("account", "contact"), ("opportunity", "group"), "activity")}),
        (_("Message"), {"fields": ("sender", "recipients", "happened_at"), "classes": ("collapse",)}),
    )

    @display(description=_("note"))
    def note(self, note: Note) -> str:
        return str(note)


@admin.register(Document)
class DocumentAdmin(AboutAdmin):
    form = DocumentForm
    formfield_overrides: ClassVar[Any] = {models.FileField: {"widget": ContentWidget}}
    list_display = ("name", "size_shown", "content_link", "about", "author", "changed")
    list_select_related = (*ABOUT, "author")
    list_filter = (("author", ReferenceFilter), ("account", ReferenceFilter))
    readonly_fields = ("size_shown",)
    search_help_text = _("File name")
    fieldsets = (
        (None, {"fields": ("name", "content", "size_shown", "author")}),
        (_("About"), {"fields": (("account", "contact"), ("opportunity", "group"))}),
    )

    @display(description=_("size"))
    def size_shown(self, document: Document) -> str:
        return formatting.size(document.size)

    @display(description=_("content"))
    def content_link(self, document: Document) -> str:
        return download_link(document)

    @override
    def save_model(self, request: HttpRequest, obj: Document, form: Any, change: bool) -> None:
        if "content" in form.changed_data:
            obj.size = obj.content.size if obj.content else None
            form.also_written = ("name", "size")
        super().save_model(request, obj, form, change)

    @override
    def get_urls(self) -> list[URLPattern]:
        content = self.admin_site.admin_view(self.content_view)
        return [path("<int:document_id>/content/", content, name="crm_document_content"), *super().get_urls()]

    def content_view(self, request: HttpRequest, document_id: int) -> HttpResponseBase:
        document = self.get_object(request, str(document_id))
        if document is None or not self.has_view_permission(request, document):
            raise Http404(gettext("There is no such record."))
        return download(document)


@admin.register(Ticket)
class TicketAdmin(Changed, ModelAdmin):
    list_display = ("title", "account", "contact", "priority", "status", "owner", "due", "changed")
    list_select_related = ("account", "contact", "priority", "status", "owner")
    list_filter = (
        ("status", ChoiceFilter),
        ("priority", ChoiceFilter),
        ("owner", ReferenceFilter),
        ("account", ReferenceFilter),
        ("due", RangeDateFilter),
    )
    search_help_text = _("Title")
    inlines = (TicketTags,)
    fieldsets = (
        (None, {"fields": ("title", "description", "owner")}),
        (_("About"), {"fields": (("account", "contact"), "opportunity")}),
        (_("State"), {"fields": (("status", "priority"), ("origin", "case"), ("due", "closed_at"))}),
    )


@admin.register(Campaign)
class CampaignAdmin(Named, Changed, ModelAdmin):
    list_display = ("named", "status", "owner", "changed")
    list_select_related = ("status", "owner")
    list_filter = (("status", ChoiceFilter), ("owner", ReferenceFilter))
    sortable_by = ("named",)
    inlines = (CampaignMembers,)
    fieldsets = ((None, {"fields": ("name", "description", ("owner", "status"))}),)


@admin.register(Group)
class GroupAdmin(Named, Changed, ModelAdmin):
    list_display = ("named", "status", "owner", "changed")
    list_select_related = ("status", "owner")
    list_filter = (("status", ChoiceFilter), ("owner", ReferenceFilter))
    sortable_by = ("named",)
    inlines = (GroupMembers,)
    fieldsets = ((None, {"fields": ("name", "description", ("owner", "status"))}),)


@admin.register(Product)
class ProductAdmin(Named, Changed, ModelAdmin):
    list_display = ("named", "sku", "price_shown", "category", "active", "changed")
    list_select_related = ("category",)
    list_filter = (("category", ChoiceFilter),)
    sortable_by = ("named",)
    search_help_text = _("Name, SKU or product ID")
    inlines = (Taxes,)
    fieldsets = (
        (None, {"fields": ("name", "short_name", ("sku", "external_id"), "description", "active")}),
        (_("Price"), {"fields": (("price", "currency"), ("measure", "discount"), ("validity", "category"))}),
    )

    @display(description=_("price"))
    def price_shown(self, product: Product) -> str:
        return formatting.money(product.price, product.currency)


@admin.register(Rep)
class RepAdmin(Named, Changed, ModelAdmin):
    list_display = ("named", "email", "team", "manager", "has_login", "active", "changed")
    list_select_related = ("user",)
    list_filter = ("active",)
    sortable_by = ("named",)
    search_help_text = _("Name, email or user name")
    inlines = (Places,)
    fieldsets = (
        (None, {"fields": (("given", "family"), "second_family", "email", "phone")}),
        (_("Access"), {"fields": ("user", "username", ("active", "is_administrator"))}),
    )

    @override
    def shown(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.prefetch_related(Prefetch("places", RepPlace.objects.select_related("team", "manager")))

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = super().get_readonly_fields(request, obj)
        return fixed if request.user.has_perm("access.view_user") else [*fixed, "user"]

    @display(description=_("team"))
    def team(self, rep: Rep) -> str:
        place = current_place(rep)
        return str(place.team or "") if place else ""

    @display(description=_("manager"))
    def manager(self, rep: Rep) -> str:
        place = current_place(rep)
        return str(place.manager or "") if place else ""

    @display(description=_("login"), boolean=True)
    def has_login(self, rep: Rep) -> bool:
        return rep.user_id is not None


@admin.register(Team)
class TeamAdmin(Named, Changed, ModelAdmin):
    list_display = ("named", "region", "parent", "changed")
    list_select_related = ("region", "parent")
    list_filter = (("region", ReferenceFilter),)
    sortable_by = ("named",)
    fieldsets = ((None, {"fields": ("name", "region", "parent")}),)


@admin.register(Region)
class RegionAdmin(Named, Changed, ModelAdmin):
    list_display = ("named", "changed")
    sortable_by = ("named",)
    fieldsets = ((None, {"fields": ("name",)}),)


@admin.register(Tag)
class TagAdmin(Named, Changed, ModelAdmin):
    list_display = ("named", "changed")
    sortable_by = ("named",)
    fieldsets = ((None, {"fields": ("name",)}),)


@admin.register(Choice)
class ChoiceAdmin(Changed, ModelAdmin):
    list_display = ("label", "list", "status_shown", "extra", "order", "active", "changed")
    list_filter = (("list", ChoicesDropdownFilter),)
    search_fields = ("label_key__contains",)
    search_help_text = _("Label")
    fieldsets = (
        (None, {"fields": ("list", "label", "order", "active")}),
        (_("Stages"), {"fields": ("status", "probability")}),
        (_("Taxes, discounts, validities"), {"fields": ("rate", "days"), "classes": ("collapse",)}),
    )

    @display(description=_("status"))
    def status_shown(self, choice: Choice) -> SafeString | None:
        return pill(choice.get_status_display(), STATUS_TONES[Status(choice.status)]) if choice.status else None

    @display(description=_("extra"))
    def extra(self, choice: Choice) -> str:
        parts = (
            formatting.percent(choice.probability),
            formatting.fraction(choice.rate),
            formatting.days(choice.days),
        )
        return " · ".join(filter(None, parts))


@admin.register(CustomField)
class CustomFieldAdmin(Changed, ModelAdmin):
    list_display = ("label", "entity", "slug", "type", "required", "order", "changed")
    list_filter = (("type", ChoicesDropdownFilter),)
    search_fields = ("label", "slug")
    prepopulated_fields = {"slug": ("label",)}
    fieldsets = (
        (None, {"fields": ("entity", "label", "slug", "type", "options")}),
        (_("Rules"), {"fields": (("required", "read_only"), "order")}),
    )


@admin.register(Layout)
class LayoutAdmin(Changed, ModelAdmin):
    list_display = ("name", "entity", "user", "changed")
    list_select_related = ("user",)
    search_fields = ("name",)
    fieldsets = ((None, {"fields": ("user", "entity", "name", "fields")}),)

    @override
    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whoever may not see logins makes layouts for themselves."""
        fieldsets = super().get_fieldsets(request, obj)
        if request.user.has_perm("access.view_user"):
            return fieldsets
        return [
            (title, options | {"fields": [name for name in options["fields"] if name != "user"]})
            for title, options in fieldsets
        ]

    @override
    def save_model(self, request: HttpRequest, obj: Layout, form: Any, change: bool) -> None:
        if not change and "user" not in form.cleaned_data:
            obj.user = login(request)
        super().save_model(request, obj, form, change)


def current_place(rep: Rep) -> RepPlace | None:
    """Where the rep stands this month; from prefetched places."""
    month = formatting.this_month()
    return next(
        (
            place
            for place in rep.places.all()
            if place.from_month <= month and (place.until_month is None or place.until_month >= month)
        ),
        None,
    )
