from django.urls import path

from xtnd.web.connections import guide, schedules, views, wizard

urlpatterns = [
    path("connections/", views.index, name="connections"),
    path("connections/new/", wizard.new, name="connections-new"),
    path("connections/verifications/<uuid:pk>/", wizard.verification, name="connection-verification"),
    path("connections/<int:pk>/", views.detail, name="connection"),
    path("connections/<int:pk>/edit/", wizard.edit, name="connection-edit"),
    path("connections/<int:pk>/verify/", wizard.verify_again, name="connection-verify"),
    path("connections/<int:pk>/pause/", views.pause, name="connection-pause"),
    path("connections/<int:pk>/activate/", views.activate, name="connection-activate"),
    path("connections/<int:pk>/delete/", views.delete, name="connection-delete"),
    path("schedules/<int:pk>/", schedules.row, name="schedule"),
    path("schedules/<int:pk>/edit/", schedules.edit, name="schedule-edit"),
    path("schedules/<int:pk>/preview/", schedules.preview, name="schedule-preview"),
    path("schedules/<int:pk>/switch/", schedules.switch, name="schedule-switch"),
    path("schedules/<int:pk>/run/", schedules.run_now, name="schedule-run"),
    path("help/<slug:system>/", guide.help_page, name="help"),
]
