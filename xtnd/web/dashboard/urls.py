from django.urls import path

from xtnd.web.dashboard import views

urlpatterns = [path("", views.dashboard, name="dashboard")]
