"""When, what happened, how far, and what could not be taken. The truth about synchronisation lives here."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from xtnd.companies.models import User
from xtnd.connections.models import Connection


class Schedule(models.Model):
    """One per connection and entity. Inactive at birth. Editing never loses the cursor."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="schedules")
    entity = models.CharField(max_length=20)
    """`connectors.base.Entity`."""
    direction = models.CharField(max_length=10, default="in")
    active = models.BooleanField(default=False)
    every_minutes = models.PositiveIntegerField(null=True, blank=True)
    daily_at = models.TimeField(null=True, blank=True)
    """In the company's time zone."""
    cron = models.CharField(max_length=100, blank=True)
    """Five fields, in the company's time zone."""
    next_run_at = models.DateTimeField(null=True, blank=True)
    cursor = models.TextField(blank=True)
    """The connector's own; "" before the first page."""
    fence = models.UUIDField(null=True, blank=True)
    """The attempt that may move the cursor. A worker that was frozen and comes back holds another one."""
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    """In a row."""

    class Meta:
        ordering = ["connection_id", "id"]
        constraints = [
            models.UniqueConstraint("connection", "entity", "direction", name="schedule_unique"),
            models.CheckConstraint(
                condition=(
                    models.Q(every_minutes__isnull=False, daily_at__isnull=True, cron="")
                    | models.Q(every_minutes__isnull=True, daily_at__isnull=False, cron="")
                    | models.Q(every_minutes__isnull=True, daily_at__isnull=True) & ~models.Q(cron="")
                ),
                name="schedule_one_rhythm",
            ),
        ]
        indexes = [models.Index(fields=["next_run_at"], condition=models.Q(active=True), name="schedule_due")]

    def __str__(self) -> str:
        return f"{self.connection} {self.entity}"


class Trigger(models.TextChoices):
    SCHEDULE = "schedule", _("Schedule")
    MANUAL = "manual", _("By hand")
    RETRY = "retry", _("Retry")
    WEBHOOK = "webhook", _("Webhook")


class RunState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    WAITING = "waiting", _("Waiting for the store")
    SUCCEEDED = "succeeded", _("Succeeded")
    PARTIAL = "partial", _("Succeeded with issues")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    LOST = "lost", _("Interrupted")


OPEN_STATES = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)


class Run(models.Model):
    """One execution. Its id is also the workflow's id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="runs")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="runs")
    entity = models.CharField(max_length=20)
    trigger = models.CharField(max_length=20, choices=Trigger.choices)
    state = models.CharField(max_length=20, choices=RunState.choices, default=RunState.QUEUED)
    cancel_requested = models.BooleanField(default=False)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(null=True, blank=True)
    """Last sign of life of the worker that has it."""
    not_before = models.DateTimeField(null=True, blank=True)
    """While waiting: when the store asked us to come back."""
    finished_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=100, blank=True)
    expected = models.PositiveIntegerField(null=True, blank=True)
    """How many records the store says there are to read."""
    seen = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    pages = models.PositiveIntegerField(default=0)
    requests = models.PositiveIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    cursor_before = models.TextField(blank=True)
    cursor_after = models.TextField(blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error = models.JSONField(default=dict, blank=True)
    """`core.text.Text` as JSON."""
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True)

    class Meta:
        constraints = [
            # Dedupe is ours: a second wish while one waits is the same wish.
            models.UniqueConstraint("schedule", condition=models.Q(state="queued"), name="run_one_queued"),
        ]
        indexes = [
            models.Index(fields=["-queued_at", "-id"], name="run_newest"),
            models.Index(fields=["connection", "-queued_at", "-id"], name="run_newest_of_store"),
            models.Index(fields=["schedule", "-queued_at"], name="run_of_schedule"),
            models.Index(
                fields=["state", "queued_at"],
                condition=models.Q(state__in=["queued", "running", "waiting"]),
                name="run_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.state}"


class IssueState(models.TextChoices):
    OPEN = "open", _("Open")
    RETRIED = "retried", _("Being retried")
    IGNORED = "ignored", _("Ignored")
    FIXED = "fixed", _("Fixed")


class RecordIssue(models.Model):
    """One record that could not be taken. It is kept, shown, and can be replayed. It never stops the rest."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="record_issues")
    entity = models.CharField(max_length=20)
    external_id = models.CharField(max_length=64, blank=True)
    """"" when the record had no readable id."""
    content_hash = models.BinaryField()
    payload = models.BinaryField()
    """As it came, zlib."""
    field_path = models.CharField(max_length=200, blank=True)
    code = models.CharField(max_length=60)
    reason = models.JSONField(default=dict)
    """`core.text.Text` as JSON."""
    attempts = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=10, choices=IssueState.choices, default=IssueState.OPEN)
    first_run = models.ForeignKey(Run, models.SET_NULL, null=True, blank=True, related_name="record_issues")
    last_run = models.ForeignKey(Run, models.SET_NULL, null=True, blank=True, related_name="+")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "connection",
                "entity",
                "external_id",
                condition=models.Q(state__in=["open", "retried", "ignored"]) & ~models.Q(external_id=""),
                name="issue_one_per_record",
            )
        ]
        indexes = [models.Index(fields=["state", "-last_seen_at", "-id"], name="issue_newest")]

    def __str__(self) -> str:
        return f"{self.entity} {self.external_id} {self.code}"
