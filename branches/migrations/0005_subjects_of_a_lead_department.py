"""A lead department's role names the subjects it is given for. The rebuilt table needs its triggers again."""

from django.db import migrations, models

from branches.separation import install_triggers, remove_triggers


def install(apps, schema_editor):
    remove_triggers(schema_editor.connection)
    install_triggers(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("branches", "0004_separation_of_duties")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="subjects",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Of a lead department: the flags it leads, such as F2, F3. The role holds for these only.",
                max_length=60,
                verbose_name="subjects",
            ),
        ),
        migrations.AlterField(
            model_name="membership",
            name="role",
            field=models.CharField(
                choices=[
                    ("SA", "System administrator"),
                    ("AU", "Security auditor"),
                    ("CS", "County staff"),
                    ("CL", "County leader"),
                    ("TS", "Township secretary"),
                    ("CE", "Collective-economy officer"),
                    ("RI", "Read-only inspector"),
                    ("LD", "Lead department"),
                    ("VC", "Village clerk"),
                ],
                max_length=2,
                verbose_name="role",
            ),
        ),
        migrations.RunPython(install, migrations.RunPython.noop),
    ]
