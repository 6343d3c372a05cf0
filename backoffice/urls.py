"""Every address the back office answers to."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from backoffice import health
from backoffice.sync.facades.views import facade

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    re_path(r"^facade/(?P<name>[a-z0-9][a-z0-9-]*)(?:/(?P<path>.*))?$", facade, name="facade"),
    path("api/", include("backoffice.api")),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]

handler400 = "backoffice.console.errors.bad_request"
handler403 = "backoffice.console.errors.forbidden"
handler404 = "backoffice.console.errors.not_found"
handler500 = "backoffice.console.errors.broken"
