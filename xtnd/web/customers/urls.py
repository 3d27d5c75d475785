from django.urls import path

from xtnd.web.customers import views

urlpatterns = [
    path("", views.customers, name="customers"),
    path("<int:customer_id>/", views.customer, name="customer"),
]
