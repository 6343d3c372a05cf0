"""Every address the back office answers to."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from backoffice import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]
