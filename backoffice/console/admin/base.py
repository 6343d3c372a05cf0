"""What every list and form of the console shares: who sees what, who acts, how a long list stays fast."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any, ClassVar, NoReturn, cast, override

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import ActionLocation, BaseModelAdmin
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Model, ProtectedError, QuerySet
from django.db.models.functions import Now
from django.forms import ModelChoiceField, ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold import admin as unfold
from unfold.decorators import action
from unfold.widgets import CHECKBOX_CLASSES

from backoffice.access.models import User
from backoffice.console.admin.forms import ConsoleForm, ReferenceWidget, form_field, with_custom_fields
from backoffice.console.connection_links import linked_at
from backoffice.console.filters import ArchivedFilter
from backoffice.console.history import HistoryMixin
from backoffice.console.lists import CappedPaginator, ChangeList
from backoffice.console.searching import LIMIT, estimated_count, first_ids
from backoffice.console.site import SAFE
from backoffice.crm.models import Account, Choice, CustomField, Rep
from backoffice.crm.models.base import Row
from backoffice.crm.searching import found

OURS = ("uid", "created_at", "changed_at", "created_there", "changed_there", "archived_at")
MOST_DELETED_AT_ONCE = 1000
CLASSES = escape(" ".join(CHECKBOX_CLASSES))
CHECKBOX = '<input type="checkbox" name="{}" value="{}" class="action-select {}" aria-label="{}">'


def login(request: HttpRequest) -> User:
    """Who asks; the site has let nobody else in."""
    return cast("User", request.user)


def visible(request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
    """The rows of `model` the login may see."""
    return cast("Any", model)._default_manager.visible_to(request.user)


def pick_lists(request: Any) -> dict[str, list[tuple[int, str]]]:
    """What our pick lists offer, all of them in one query per request: they are short."""
    if not hasattr(request, "pick_lists"):
        request.pick_lists = {}
        offered = visible(request, Choice).filter(active=True, archived_at=None)
        for pk, name, label in offered.values_list("pk", "list", "label"):
            request.pick_lists.setdefault(name, []).append((pk, label))
    return cast(dict[str, list[tuple[int, str]]], request.pick_lists)


class FieldsMixin(BaseModelAdmin):  # type: ignore[type-arg]
    """References offer what the login may see; lists of values, months and the like get fields of their own."""

    form = ConsoleForm

    @override
    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Every reference but to a pick list, which is short enough to open."""
        return [
            field.name
            for field in self.model._meta.get_fields()
            if isinstance(field, models.ForeignKey) and field.related_model is not Choice
        ]

    @override
    def formfield_for_foreignkey(
        self, db_field: "models.ForeignKey[Any, Any]", request: HttpRequest, **options: Any
    ) -> "ModelChoiceField[Any] | None":
        target = db_field.related_model
        offered = visible(request, target)
        if target is Choice:
            offered = offered.filter(active=True, archived_at=None)
        if target is not Choice:
            widget = ReferenceWidget(db_field, self.admin_site)
            return super().formfield_for_foreignkey(
                db_field, request, **{"queryset": offered, "widget": widget} | options
            )
        field = super().formfield_for_foreignkey(db_field, request, **{"queryset": offered} | options)
        if field is not None:
            name = cast(Any, db_field.get_limit_choices_to())["list"]
            field.choices = [("", "–"), *pick_lists(request).get(name, ())]
        return field

    @override
    def formfield_for_dbfield(self, db_field: "models.Field[Any, Any]", request: Any, **options: Any) -> Any:
        return form_field(db_field) or super().formfield_for_dbfield(db_field, request, **options)


class ModelAdmin(HistoryMixin, FieldsMixin, unfold.ModelAdmin):
    """A list and a form for one model. What the login may not see does not exist: 404.

    `search_fields` is asked for by Django only to know that there is a search; what is searched is the model's
    `search` column, and that of the row's account too where there are `searched_accounts`.
    """

    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_filter_submit = True
    list_fullwidth = True
    warn_unsaved_form = True
    paginator = CappedPaginator
    change_list_template = "console/list.html"
    sortable_by: ClassVar[Any] = ()
    empty_value_display = "–"
    actions: Sequence[str] = ("archive", "unarchive")
    actions_submit_line: Sequence[str] = ("archive_record", "unarchive_record")

    # What it sees

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visible(request, self.model)

    def shown(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """A page's rows with what its columns need beyond `list_select_related`."""
        return rows

    @override
    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The record with all it points at, in one query; None when there is none that the login may see."""
        known = getattr(request, "record", None)
        if isinstance(known, self.model) and str(known.pk) == object_id and not from_field:
            return known
        field = self.model._meta.get_field(from_field) if from_field else self.model._meta.pk
        references = [each.name for each in self.model._meta.fields if isinstance(each, models.ForeignKey)]
        rows = self.get_queryset(request).select_related(*references or (None,))
        try:
            record = rows.get(**{field.name: cast(Any, field).to_python(object_id)})
        except (self.model.DoesNotExist, ValidationError, ValueError):
            record = None
        request.record = record  # type: ignore[attr-defined]
        return record

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> NoReturn:
        raise Http404(gettext("There is no such record."))

    # Its list

    @override
    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return ChangeList

    @admin.display(description=unfold.checkbox.render("action_toggle_all", "1"))
    def action_checkbox(self, obj: Any) -> SafeString:
        """Unfold's, without a template per row, and with the record's name for a screen reader."""
        label = gettext("Select %(record)s") % {"record": obj}
        return mark_safe(CHECKBOX.format(ACTION_CHECKBOX_NAME, escape(str(obj.pk)), CLASSES, escape(label)))  # noqa: S308

    @override
    def get_search_fields(self, request: HttpRequest) -> Sequence[str]:
        return self.search_fields or (("search",) if has_field(self.model, "search") else ())

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not has_field(self.model, "search"):
            return super().get_search_results(request, queryset, search_term)
        return found(queryset, search_term, self.searched_accounts(request)), False

    def searched_accounts(self, request: HttpRequest) -> QuerySet[Account] | None:
        """The accounts by whose words their rows are found; None where rows are found by their own words only."""
        return None

    def narrowed(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """`rows` by their ids when they are few, so that no order is walked for them; see `searching`."""
        if estimated_count(self.model) <= LIMIT:
            return rows
        ids = first_ids(rows)
        if len(ids) > LIMIT:
            return rows
        return self.model._default_manager.filter(pk__in=ids).order_by(*(self.model._meta.ordering or ("pk",)))

    @override
    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        filters = list(super().get_list_filter(request))
        return [*filters, ArchivedFilter] if has_field(self.model, "archived_at") else filters

    @override
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        def show() -> HttpResponse:
            return super(ModelAdmin, self).changelist_view(request, extra_context)

        return self._or_say_why(request, show, request.get_full_path())

    # Its form

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, *OURS] if issubclass(self.model, Row) else [*fixed]

    @override
    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = list(super().get_fieldsets(request, obj))
        if not issubclass(self.model, Row):
            return fieldsets
        named = flatten_fieldsets(fieldsets)
        fieldsets = [(title, {**options, "fields": _without_ours(options["fields"])}) for title, options in fieldsets]
        if "custom_values" not in named and self._custom_fields(request):
            fieldsets.append((_("Custom fields"), {"fields": ("custom_values",)}))
        if obj is not None:
            fieldsets.append((_("Record"), {"fields": OURS, "classes": ("collapse",)}))
        return fieldsets

    @override
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        own = self._custom_fields(request)
        if own:
            options["form"] = with_custom_fields(self.form, own)
        form = super().get_form(request, obj, change=change, **options)
        form.refused = getattr(request, "refused", "")
        return form

    def _custom_fields(self, request: Any) -> list[CustomField]:
        """The company's own fields on this kind of record; asked for once per request."""
        if not hasattr(request, "custom_fields"):
            kind = getattr(self.model, "change_kind", "")
            request.custom_fields = list(CustomField.objects.filter(entity=kind, archived_at=None)) if kind else []
        return list(request.custom_fields)

    @override
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method in SAFE:
            return super().changeform_view(request, object_id, form_url, extra_context)
        if object_id is not None and self._has_moved_on(request, object_id):
            request.refused = gettext(  # type: ignore[attr-defined]
                "Somebody has changed this record since you opened it. What you typed still stands here: compare it "
                "with the last changes below, then save again."
            )
        try:
            with settled():
                return super().changeform_view(request, object_id, form_url, extra_context)
        except IntegrityError as error:
            # Somebody else was faster than the form's own checks: show it again, with the reason.
            request.refused = reason(error, self.model)  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def _has_moved_on(self, request: HttpRequest, object_id: str) -> bool:
        """Whether the record was changed after the form was opened that is now sent."""
        record = self.get_object(request, unquote(object_id))
        seen = request.POST.get("_seen")
        return bool(seen) and hasattr(record, "changed_at") and record.changed_at.isoformat() != seen

    @override
    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What a rep or manager adds is their own, unless they say otherwise."""
        initial: dict[str, Any] = dict(super().get_changeform_initial_data(request))
        named = [name for name in ("owner", "author") if has_field(self.model, name)]
        if named and not login(request).sees_everything:
            own = Rep.objects.filter(user=login(request)).values_list("pk", flat=True).first()
            initial = dict.fromkeys(named, own) | initial
        return initial

    @override
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not login(request).sees_everything and not visible(request, self.model).filter(pk=form.instance.pk).exists():
            raise OutOfSight

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        """Writes the fields that were changed in the form, so that nobody's change of another one is undone."""
        if change:
            obj.save(update_fields=[name for name in written_by(form) if has_field(self.model, name)])
            self._run_submit_line(request, obj)
        else:
            super().save_model(request, obj, form, change)

    @override
    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        record = context.get("original")
        context["linked_at"] = linked_at(record, login(request)) if record is not None else []
        return super().render_change_form(request, context, *args, **options)

    def _run_submit_line(self, request: HttpRequest, obj: Any) -> None:
        for entry in self.get_actions_submit_line(request, obj.pk):
            if entry.action_name in request.POST:
                cast("Callable[..., None]", entry.method)(request, obj)

    @override
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        def show() -> HttpResponse:
            return super(ModelAdmin, self).delete_view(request, object_id, extra_context)

        return self._or_say_why(request, show, request.get_full_path().removesuffix("delete/") + "change/")

    def _or_say_why(self, request: HttpRequest, show: Callable[[], HttpResponse], back_to: str) -> HttpResponse:
        """What `show` answers; when the database refuses, a sentence on the page it leads `back_to`."""
        if request.method in SAFE:
            return show()
        try:
            with settled():
                return show()
        except (IntegrityError, ProtectedError) as error:
            self.message_user(request, reason(error, self.model), messages.ERROR)
            return HttpResponseRedirect(back_to)

    # The change log keeps the history; Django's own list of edits is not written.

    @override
    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None

    @override
    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        return None

    @override
    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None

    # Archiving and deleting

    @override
    def get_actions(
        self, request: HttpRequest, action_location: ActionLocation = ActionLocation.CHANGE_LIST
    ) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request, action_location=action_location)
        if not has_field(self.model, "archived_at"):
            actions.pop("archive", None)
            actions.pop("unarchive", None)
        return actions

    @override
    def get_actions_submit_line(self, request: HttpRequest, object_id: int | str) -> list[Any]:
        entries = super().get_actions_submit_line(request, object_id)
        if not has_field(self.model, "archived_at"):
            return [entry for entry in entries if "archive_record" not in entry.action_name]
        record = self.get_object(request, str(object_id))
        archived = record is not None and record.archived_at is not None
        unwanted = "_archive_record" if archived else "_unarchive_record"
        return [entry for entry in entries if not entry.action_name.endswith(unwanted)]

    @admin.action(description=_("Archive"), permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        done = queryset.order_by().filter(archived_at=None).update(archived_at=Now())
        text = ngettext("%(count)d record archived.", "%(count)d records archived.", done)
        self.message_user(request, text % {"count": done}, messages.SUCCESS)

    @admin.action(description=_("Take out of the archive"), permissions=["change"])
    def unarchive(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        done = queryset.order_by().filter(archived_at__isnull=False).update(archived_at=None)
        text = ngettext("%(count)d record is back.", "%(count)d records are back.", done)
        self.message_user(request, text % {"count": done}, messages.SUCCESS)

    @action(description=_("Save and archive"), permissions=["change"])
    def archive_record(self, request: HttpRequest, obj: Any) -> None:
        self.archive(request, self.get_queryset(request).filter(pk=obj.pk))

    @action(description=_("Save and take out of the archive"), permissions=["change"])
    def unarchive_record(self, request: HttpRequest, obj: Any) -> None:
        self.unarchive(request, self.get_queryset(request).filter(pk=obj.pk))

    @override
    def get_action_choices(
        self,
        request: HttpRequest,
        default_choices: Any = None,
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> list[Any]:
        """Unfold's, with the place of the actions, which Django asks for and unfold's own lacks."""
        chosen = [("", gettext("Select action"))] if default_choices is None else default_choices
        return super(unfold.ModelAdmin, self).get_action_choices(request, chosen, action_location=action_location)

    @override
    def response_action(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        action_location: ActionLocation = ActionLocation.CHANGE_LIST,
    ) -> Any:
        asked = (request.POST.get("action"), request.POST.get("select_across"))
        if asked == ("delete_selected", "1") and len(first_ids(queryset)) > MOST_DELETED_AT_ONCE:
            text = gettext("Delete at most %(count)d records at once, or archive them.")
            self.message_user(request, text % {"count": MOST_DELETED_AT_ONCE}, messages.WARNING)
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, action_location=action_location)

    # Secrets are not found by guessing at them in the address.

    @override
    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return not lookup.startswith(("password", "digest")) and super().lookup_allowed(lookup, value, request)


class PartMixin(FieldsMixin):
    """Rows that are a part of the record; only those that tell nothing the login may not see."""

    extra = 0
    hides_by: Sequence[str] = ()

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related(*self.get_autocomplete_fields(request) or (None,))
        if login(request).sees_everything:
            return rows
        for name in self.hides_by:
            target = cast("type[Model]", self.model._meta.get_field(name).related_model)
            seen = visible(request, target).order_by().values("pk")
            rows = rows.filter(models.Q(**{f"{name}__isnull": True}) | models.Q(**{f"{name}__in": seen}))
        return rows


class TabularInline(PartMixin, unfold.TabularInline):
    """A table of parts below the form."""

    show_title = False


class StackedInline(PartMixin, unfold.StackedInline):
    """Parts below the form, each a small form."""


class OutOfSight(IntegrityError):
    """What was typed would take the record away from the login that typed it."""


@contextmanager
def settled() -> Iterator[None]:
    """All or nothing, references included: left to the commit, they would be refused where no page can say so."""
    with transaction.atomic():
        yield
        connection.check_constraints()


def has_field(model: type[Model], name: str) -> bool:
    return any(field.name == name for field in model._meta.concrete_fields)


def written_by(form: "ModelForm[Any]") -> list[str]:
    """The model's fields a form has changed."""
    changed = [*form.changed_data, *getattr(form, "also_written", ())]
    return ["custom" if name == "custom_values" else name for name in changed]


def reason(error: Exception, model: type[Model]) -> str:
    """What the database refused, in words: the constraint's own where it has them."""
    if isinstance(error, OutOfSight):
        return gettext("You would not see this record any more. Choose an owner whose records you see.")
    if isinstance(error, ProtectedError):
        return gettext("Other records point at this one. Archive it, or change them first.")
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") or ""
    for owner in (model, *(relation.related_model for relation in model._meta.related_objects)):
        for constraint in owner._meta.constraints:
            if constraint.name == name:
                return str(constraint.get_violation_error_message())
    if "ForeignKeyViolation" in type(error.__cause__).__name__:
        return gettext("A record this one points at, or one that points at it, has just changed. Try again.")
    return gettext("Somebody else has just written the same. Look at the record again before you save.")


def _without_ours(names: Sequence[Any]) -> list[Any]:
    return [name for name in names if name not in OURS]
