from datetime import timedelta

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        # These need the models, which exist only now; the task registers itself.
        from accounts import (
            sealing,
            services,
            sessions,
            tasks,  # noqa: F401
            ticking,
        )

        user_logged_in.connect(sessions.begin, dispatch_uid="accounts.begin_session")
        ticking.register("accounts.seal_audit", sealing.seal, every=timedelta(minutes=1))
        ticking.register("accounts.close_unused", services.close_unused, every=timedelta(hours=6))
        ticking.register("accounts.clear_sessions", sessions.clear_old, every=timedelta(hours=6))
