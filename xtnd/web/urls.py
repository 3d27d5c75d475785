"""One include per menu entry."""

from django.urls import include, path

from xtnd.web import views

urlpatterns = [
    path("", include("xtnd.web.dashboard.urls")),
    path("orders/", include("xtnd.web.orders.urls")),
    path("products/", include("xtnd.web.catalog.urls")),
    path("stock/", include("xtnd.web.stock.urls")),
    path("customers/", include("xtnd.web.customers.urls")),
    path("search", include("xtnd.web.search.urls")),
    path("", include("xtnd.web.connections.urls")),
    path("", include("xtnd.web.sync.urls")),
    path("", include("xtnd.web.demo.urls")),
    path("language/", views.set_language, name="set-language"),
    path("", include("xtnd.web.accounts.urls")),
    path("settings/", include("xtnd.web.settings.urls")),
]
