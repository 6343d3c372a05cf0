"""Every address the back office answers to."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from backoffice import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("api/", include("backoffice.api")),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]

handler400 = "backoffice.console.errors.bad_request"
handler403 = "backoffice.console.errors.forbidden"
handler404 = "backoffice.console.errors.not_found"
handler500 = "backoffice.console.errors.broken"
