"""The CRM's lists and forms."""

from django.contrib import admin

from backoffice.console.admin.base import ModelAdmin
from backoffice.crm.models import Region


@admin.register(Region)
class RegionAdmin(ModelAdmin):
    list_display = ("name",)
