"""Addresses: the pages, and what monitoring asks."""

from django.urls import include, path

urlpatterns = [
    path("health/", include("xtnd.api.health.urls")),
    path("", include("xtnd.web.urls")),
]
