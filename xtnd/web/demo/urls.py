from django.urls import path

from xtnd.web.demo import views

urlpatterns = [path("demo/start/", views.start, name="demo-start")]
