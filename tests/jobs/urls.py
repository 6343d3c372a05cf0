"""The jobs' part of the API alone."""

from django.urls import path
from ninja import NinjaAPI

from backoffice.access.api import ApiAuth
from backoffice.jobs.api import router
from backoffice.problems import install_handlers

api = NinjaAPI(urls_namespace="tests-of-jobs", auth=ApiAuth(), docs_url=None, openapi_url=None)
install_handlers(api)
api.add_router("", router)

urlpatterns = [path("api/", api.urls)]
