from django.urls import path

from xtnd.web.sync import issues, runs

urlpatterns = [
    path("runs/", runs.index, name="runs"),
    path("runs/<uuid:pk>/", runs.detail, name="run"),
    path("runs/<uuid:pk>/cancel/", runs.cancel, name="run-cancel"),
    path("record-issues/", issues.index, name="record-issues"),
    path("record-issues/act/", issues.act, name="record-issues-act"),
    path("record-issues/<int:pk>/", issues.detail, name="record-issue"),
]
