import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    """Events carry a code of their own, and each is one link of the chain. Nothing was sealed before."""

    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField("auditevent", "uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True), preserve_default=False),
        migrations.AddField("auditevent", "proxy", models.CharField(blank=True, max_length=80, verbose_name="through the proxy")),
        migrations.AddField("auditevent", "code", models.CharField(default="", editable=False, max_length=64), preserve_default=False),
        migrations.AlterField("auditevent", "at", models.DateTimeField(db_index=True, verbose_name="time")),
        migrations.DeleteModel("AuditSeal"),
        migrations.CreateModel(
            "AuditSeal",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveBigIntegerField(unique=True)),
                ("event_id", models.PositiveBigIntegerField(unique=True)),
                ("event_code", models.CharField(max_length=64)),
                ("digest", models.CharField(max_length=64)),
                ("sealed_at", models.DateTimeField()),
            ],
            {"ordering": ["position"]},
        ),
    ]
