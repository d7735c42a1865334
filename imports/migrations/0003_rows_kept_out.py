from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("imports", "0002_files_going_out"),
    ]

    operations = [
        migrations.AlterField(
            model_name="importrow",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("new", "new"),
                    ("changed", "changed"),
                    ("unchanged", "unchanged"),
                    ("faulty", "faulty"),
                    ("missing", "not in the file"),
                    ("left_out", "kept out"),
                ],
                max_length=10,
                verbose_name="outcome",
            ),
        ),
    ]
