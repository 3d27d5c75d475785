"""One include per menu entry."""

from django.urls import include, path

from xtnd.web import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("language/", views.set_language, name="set-language"),
    path("", include("xtnd.web.accounts.urls")),
    path("settings/", include("xtnd.web.settings.urls")),
]
