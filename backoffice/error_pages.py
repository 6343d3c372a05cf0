"""Error reports for whoever develops here: Django's own, without vendors' secrets."""

from typing import override

from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter

from connectors.kit import redaction


class Reporter(ExceptionReporter):
    """Variables are shown in it, and errors that have a URL in their text."""

    @override
    def get_traceback_html(self) -> SafeString:
        return SafeString(redaction.known.text(super().get_traceback_html()))

    @override
    def get_traceback_text(self) -> SafeString:
        return SafeString(redaction.known.text(super().get_traceback_text()))
