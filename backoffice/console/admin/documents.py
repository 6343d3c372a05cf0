"""A document's form and its file: taken under its own name, and handed out to whoever sees the document."""

from pathlib import PurePath
from typing import Any, override

from django.core.files.uploadedfile import UploadedFile
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminFileFieldWidget

from backoffice.console import errors
from backoffice.console.admin.forms import ConsoleForm
from backoffice.crm.models import Document


def content_url(document: Document) -> str:
    return reverse("admin:crm_document_content", args=[document.pk])


def download_link(document: Document) -> SafeString | str:
    """Nothing where no content is kept."""
    if not document.content:
        return ""
    return format_html(
        '<a href="{}" class="bo-download" aria-label="{}" download>{}</a>',
        content_url(document),
        gettext("Download %(name)s") % {"name": document.name},
        gettext("Download"),
    )


def download(document: Document) -> HttpResponseBase:
    """The content as it came in. It is never opened on our pages, whatever it is."""
    try:
        content = document.content.open("rb") if document.content else None
    except FileNotFoundError:
        content = None
    if content is None:
        return errors.no_content()
    return FileResponse(
        content,
        as_attachment=True,
        filename=document.name,
        content_type="application/octet-stream",
        headers={"X-Content-Type-Options": "nosniff"},
    )


class ContentWidget(UnfoldAdminFileFieldWidget):
    """Unfold's, but it leads to our own page with the content, and shows the document's name, not the storage's."""

    template_name = "console/editors/content.html"

    @override
    def is_initial(self, value: Any) -> bool:
        return isinstance(value, FieldFile) and bool(value)

    @override
    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        if self.is_initial(value):
            context["widget"] |= {"url": content_url(value.instance), "file_name": value.instance.name}
        return context


class DocumentForm(ConsoleForm):
    """A document without a name takes its file's; a name without an ending takes the file's ending."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "name" in self.fields:
            self.fields["name"].required = False

    @override
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if "name" not in self.cleaned_data:
            return cleaned
        content = self.cleaned_data.get("content")
        if isinstance(content, UploadedFile):
            self.cleaned_data["name"] = named(self.cleaned_data["name"], content.name or "")
        if not self.cleaned_data["name"]:
            self.add_error("name", self.fields["name"].error_messages["required"])
        return cleaned


def named(name: str, file_name: str) -> str:
    if not name:
        return file_name
    return name if PurePath(name).suffix else name + PurePath(file_name).suffix
