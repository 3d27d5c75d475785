from django.db import migrations

from xtnd.database.search import CreateSearchIndex


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]
    operations = [CreateSearchIndex("orders_search")]
