from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ImportsConfig(AppConfig):
    name = "imports"
    verbose_name = _("Imports")

    def ready(self) -> None:
        # The jobs of an import register themselves, and need the models, which exist only now.
        from django.conf import settings

        from accounts import ticking
        from imports import batches, exports, limits, workbook_jobs

        limits.take(settings.IMPORT_LIMITS)
        ticking.register("imports.forget_old_files", batches.forget_old_files, every=timedelta(hours=1))
        ticking.register("imports.forget_old_exports", exports.forget_old_files, every=timedelta(minutes=10))
        ticking.register("imports.forget_old_workbooks", workbook_jobs.forget_old_workbooks, every=timedelta(hours=1))
