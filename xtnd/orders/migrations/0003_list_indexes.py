"""Indexes of the order list: the store's status, sorting by total, and the "To ship" tab."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("companies", "0002_password_is_temporary"),
        ("connections", "0002_initial"),
        ("customers", "0002_search"),
        ("orders", "0002_search"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["company_group", "status", "-placed_at", "-id"], name="order_by_status"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["company_group", "-total", "-id"], name="order_by_total"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(
                    ("removed_at__isnull", True),
                    models.Q(("payment_state", "unpaid"), _negated=True),
                    models.Q(("payment_state", "failed"), _negated=True),
                    models.Q(("payment_state", "refunded"), _negated=True),
                    models.Q(("shipment_state", "shipped"), _negated=True),
                    models.Q(("state", "cancelled"), _negated=True),
                ),
                fields=["company_group", "-placed_at", "-id"],
                name="order_to_ship",
            ),
        ),
    ]
