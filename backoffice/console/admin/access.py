"""Logins and API keys."""

from typing import Any, override

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
)

from backoffice.access import keys
from backoffice.access.models import ApiKey, Role, Scope, User
from backoffice.console.admin.base import ModelAdmin, login
from backoffice.console.admin.forms import ConsoleForm
from backoffice.console.columns import pill
from backoffice.console.filters import ChoicesDropdownFilter, ReferenceFilter
from backoffice.crm.models import Rep, RepPlace

ROLE_TONES = {Role.REP: "default", Role.MANAGER: "info", Role.OPERATIONS: "success", Role.ADMIN: "warning"}
KEY_TONES = {"live": "success", "expired": "warning", "revoked": "danger"}


class LoginForm(ConsoleForm):
    """A login with its rep and, when it is to be set, its password."""

    rep = forms.ModelChoiceField(
        label=_("Rep"),
        queryset=Rep.objects.all(),
        required=False,
        help_text=_("Reps and managers see the records of this rep, and managers those of everyone below."),
        widget=AutocompleteSelect(RepPlace._meta.get_field("rep"), admin.site),
    )
    new_password = forms.CharField(
        label=_("Set password"),
        required=False,
        strip=False,
        help_text=password_validators_help_text_html(),
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial["rep"] = Rep.objects.filter(user=self.instance).first() if self.instance.pk else None
        if self.instance.pk is None and "new_password" in self.fields:
            self.fields["new_password"].required = True

    def clean_rep(self) -> Rep | None:
        rep: Rep | None = self.cleaned_data["rep"]
        if rep is not None and rep.user_id not in (None, self.instance.pk):
            raise ValidationError(gettext("%(rep)s already has the login %(login)s.") % {"rep": rep, "login": rep.user})
        return rep

    @override
    def _post_clean(self) -> None:
        super()._post_clean()
        password = self.cleaned_data.get("new_password")
        if password:
            try:
                validate_password(password, self.instance)
            except ValidationError as error:
                self.add_error("new_password", error)


@admin.register(User)
class UserAdmin(ModelAdmin):
    form = LoginForm
    list_display = ("username", "full_name", "role_shown", "rep_shown", "is_active", "last_login")
    list_select_related = ("rep",)
    list_filter = (("role", ChoicesDropdownFilter), "is_active")
    search_fields = ("username", "first_name", "last_name", "email")
    search_help_text = _("User name, name or email")
    sortable_by = ("username",)
    ordering = ("username",)
    actions = ()
    fieldsets = (
        (None, {"fields": ("username", ("first_name", "last_name"), "email")}),
        (_("What it may see and do"), {"fields": ("role", "rep", "is_active")}),
        (_("Password"), {"fields": ("new_password",)}),
        (_("Times"), {"fields": (("last_login", "date_joined"),), "classes": ("collapse",)}),
    )
    readonly_fields = ("last_login", "date_joined")

    @display(description=_("name"))
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @display(description=_("role"))
    def role_shown(self, user: User) -> SafeString | None:
        return pill(user.get_role_display(), ROLE_TONES[Role(user.role)]) if user.role else None

    @display(description=_("rep"))
    def rep_shown(self, user: User) -> str:
        return str(getattr(user, "rep", "") or "")

    @override
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change=change, **options)
        if obj is not None and obj.pk == login(request).pk:
            for name in ("role", "is_active"):
                if name in form.base_fields:
                    form.base_fields[name].disabled = True
                    form.base_fields[name].help_text = _("Another administrator can change this; you can't yourself.")
        return form

    @override
    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        password = form.cleaned_data.get("new_password")
        if password:
            obj.set_password(password)
            form.also_written = ("password",)
        super().save_model(request, obj, form, change)
        if password and obj.pk == login(request).pk:
            update_session_auth_hash(request, obj)
        if "rep" in form.changed_data:
            tie(obj, form.cleaned_data["rep"])

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.pk != login(request).pk)


def tie(user: User, rep: Rep | None) -> None:
    """From now on `user` is the login of `rep` and of nobody else."""
    for earlier in Rep.objects.filter(user=user).exclude(pk=rep.pk if rep else 0):
        earlier.user = None
        earlier.save(update_fields=["user"])
    if rep is not None:
        rep.user = user
        rep.save(update_fields=["user"])


class ApiKeyForm(ConsoleForm):
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=Scope.choices,
        required=False,
        help_text=_("Without any, the key may do all that its login may."),
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    form = ApiKeyForm
    list_display = ("name", "shown_prefix", "user", "scopes_shown", "state_shown", "expires_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = (("user", ReferenceFilter),)
    search_fields = ("name", "prefix", "user__username")
    search_help_text = _("Name, prefix or login")
    actions = ("revoke",)
    actions_submit_line = ("revoke_key",)
    fieldsets = (
        (None, {"fields": ("name", "user", "scopes", "expires_at")}),
        (
            _("Use"),
            {"fields": (("shown_prefix", "state_shown"), ("created_at", "last_used_at", "revoked_at"))},
        ),
    )
    add_fieldsets = (
        (
            None,
            {
                "fields": ("name", "user", "scopes", "expires_at"),
                "description": _("The key is shown once, on the next page."),
            },
        ),
    )
    readonly_fields = ("shown_prefix", "state_shown", "created_at", "last_used_at", "revoked_at")

    @display(description=_("key"))
    def shown_prefix(self, key: ApiKey) -> str:
        return f"bo_{key.prefix}_…"

    @display(description=_("scopes"))
    def scopes_shown(self, key: ApiKey) -> str:
        return ", ".join(str(Scope(scope).label) for scope in key.scopes) or gettext("everything its login may")

    @display(description=_("state"))
    def state_shown(self, key: ApiKey) -> SafeString:
        words = {"live": gettext("live"), "expired": gettext("expired"), "revoked": gettext("revoked")}
        return pill(words[key.state], KEY_TONES[key.state])

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = super().get_readonly_fields(request, obj)
        return fixed if obj is None else [*fixed, "user"]

    @override
    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        issued, token = keys.issue(obj.user, obj.name, obj.scopes, obj.expires_at)
        obj.pk, obj.prefix = issued.pk, issued.prefix
        request.token = token  # type: ignore[attr-defined]

    @override
    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("The key “%(name)s”") % {"name": obj.name},
            "token": request.token,  # type: ignore[attr-defined]
            "opts": self.opts,
        }
        return TemplateResponse(request, "console/key_issued.html", context)

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            keys.revoke(key)
        self.message_user(request, gettext("Revoked: the keys open nothing any more."), messages.SUCCESS)

    @action(description=_("Save and revoke"), permissions=["change"])
    def revoke_key(self, request: HttpRequest, obj: ApiKey) -> None:
        self.revoke(request, ApiKey.objects.filter(pk=obj.pk))
