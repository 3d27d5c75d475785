from django.urls import path

from xtnd.web.catalog import views

urlpatterns = [
    path("", views.products, name="products"),
    path("<int:product_id>/", views.product, name="product"),
]
