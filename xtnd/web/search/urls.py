from django.urls import path

from xtnd.web.search import views

urlpatterns = [path("", views.search, name="search")]
