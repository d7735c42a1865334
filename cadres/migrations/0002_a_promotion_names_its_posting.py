import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cadres", "0001_people_postings_and_the_reserve"),
    ]

    operations = [
        migrations.AddField(
            model_name="reservestep",
            name="posting",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reserve_steps",
                to="cadres.posting",
                verbose_name="post it led to",
            ),
        ),
    ]
