"""One include per menu entry."""

from django.urls import path

from xtnd.web import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("first-run/", views.dashboard, name="first-run"),
    path("language/", views.dashboard, name="set-language"),
]
