from django.db import migrations

from xtnd.database.search import CreateSearchIndex


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]
    operations = [CreateSearchIndex("catalog_search")]
