from django.urls import path

from xtnd.web.orders import views

urlpatterns = [
    path("", views.orders, name="orders"),
    path("<int:order_id>/", views.order, name="order"),
    path("<int:order_id>/source/", views.source, name="order-source"),
]
