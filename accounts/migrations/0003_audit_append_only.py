from django.db import migrations

from accounts.append_only import install_triggers, remove_triggers


def install(apps, schema_editor):
    install_triggers(schema_editor.connection)


def remove(apps, schema_editor):
    remove_triggers(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_audit_trail")]

    operations = [migrations.RunPython(install, remove)]
