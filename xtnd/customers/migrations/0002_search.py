from django.db import migrations

from xtnd.database.search import CreateSearchIndex


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]
    operations = [CreateSearchIndex("customers_search")]
