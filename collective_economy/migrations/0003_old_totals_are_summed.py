"""Totals that sheets brought before get the path of their village, and their months the sums."""

from django.db import migrations
from django.db.models import Count, OuterRef, Q, Subquery, Sum

CATEGORIES = ("operating", "contract", "investment", "other_operating", "subsidy", "other")
BATCH = 2000


def fill(apps, schema_editor):
    entries = apps.get_model("collective_economy", "LedgerEntry").objects.order_by()
    months = apps.get_model("collective_economy", "LedgerMonth").objects
    units = apps.get_model("branches", "Unit").objects
    entries.filter(path="").update(path=Subquery(units.filter(pk=OuterRef("unit_id")).values("path")[:1]))
    sums = {name: Sum("amount", filter=Q(category=name)) for name in CATEGORIES}
    rows = entries.values("unit_id", "path", "month").annotate(entry_count=Count("pk"), **sums)
    months.bulk_create((months.model(**row) for row in rows.iterator(BATCH)), batch_size=BATCH, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("collective_economy", "0002_programmes_projects_and_payments")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
