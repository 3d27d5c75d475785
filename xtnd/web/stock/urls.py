from django.urls import path

from xtnd.web.stock import views

urlpatterns = [path("", views.stock, name="stock")]
