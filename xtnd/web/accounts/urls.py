"""The allauth pages in use, by name: no sign-up, no email, so none of those pages either."""

from allauth.account import views as allauth
from django.urls import include, path
from django.views.generic import RedirectView

from xtnd.web.accounts import views

urlpatterns = [
    path("first-run/", views.first_run, name="first-run"),
    path("account/login/", allauth.login, name="account_login"),
    path("account/logout/", allauth.logout, name="account_logout"),
    path("account/inactive/", allauth.account_inactive, name="account_inactive"),
    path("account/reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("account/password/change/", allauth.password_change, name="account_change_password"),
    path("account/password/set/", allauth.password_set, name="account_set_password"),
    path("account/password/reset/", views.forgotten_password, name="account_reset_password"),
    path("account/signup/", RedirectView.as_view(pattern_name="account_login"), name="account_signup"),
    path("account/email/", RedirectView.as_view(pattern_name="settings-profile"), name="account_email"),
    path("account/mfa/", include("allauth.mfa.urls")),
]
