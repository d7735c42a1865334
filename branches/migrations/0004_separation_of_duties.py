from django.db import migrations, models

from branches.separation import install_triggers, remove_triggers


def install(apps, schema_editor):
    install_triggers(schema_editor.connection)


def remove(apps, schema_editor):
    remove_triggers(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("branches", "0003_indexes_for_sources")]

    operations = [
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(proposed_by__isnull=True) | ~models.Q(proposed_by=models.F("user")),
                name="membership_not_proposed_for_oneself",
            ),
        ),
        migrations.RunPython(install, remove),
    ]
