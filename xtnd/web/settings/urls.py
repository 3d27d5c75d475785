from django.urls import path

from xtnd.web.settings import company, profile, users, warehouses

urlpatterns = [
    path("", company.index, name="settings"),
    path("company/", company.edit, name="settings-company"),
    path("warehouses/", warehouses.index, name="settings-warehouses"),
    path("warehouses/new/", warehouses.add, name="settings-warehouse-new"),
    path("warehouses/<int:pk>/", warehouses.edit, name="settings-warehouse"),
    path("warehouses/<int:pk>/delete/", warehouses.delete, name="settings-warehouse-delete"),
    path("users/", users.index, name="settings-users"),
    path("users/new/", users.add, name="settings-user-new"),
    path("users/<int:pk>/role/", users.change_role, name="settings-user-role"),
    path("users/<int:pk>/off/", users.switch_off, name="settings-user-off"),
    path("users/<int:pk>/on/", users.switch_on, name="settings-user-on"),
    path("users/<int:pk>/password/", users.renew_password, name="settings-user-password"),
    path("profile/", profile.edit, name="settings-profile"),
]
