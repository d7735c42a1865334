"""Forms of one's own account: coming in, proving the password again, changing it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.forms import PasswordChangeForm as DjangoPasswordChangeForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts import codes, logins, services
from accounts.models import User


class LoginForm(AuthenticationForm):
    """A wrong name, a wrong password, a closed and a locked account read the same."""

    error_messages = dict.fromkeys(
        ("invalid_login", "inactive"),
        _("User name or password is wrong. Five wrong attempts in a row lock the name for 15 minutes."),
    )

    def clean_username(self) -> str:
        """Names are written small; a phone's keyboard begins with a capital."""
        return str(self.cleaned_data["username"]).strip().lower()

    def clean(self) -> dict[str, Any]:
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if username and password:
            assert self.request is not None  # the login view gives it
            self.user_cache = logins.check_login(self.request, username, password)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
        return self.cleaned_data


def current_password_field() -> forms.CharField:
    return forms.CharField(
        label=_("Current password"),
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class RecentPasswordForm(forms.Form):
    """The password once more, before something that cannot be taken back."""

    password = current_password_field()

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        return checked_again(self.request, self.cleaned_data["password"])


class CodeForm(forms.Form):
    """Six digits of the authenticator app."""

    code = forms.RegexField(
        r"^\d{6}$",
        label=pgettext_lazy("login", "Code"),
        help_text=_("The six digits that the app shows now. Each works once."),
        error_messages={"invalid": _("Six digits, please.")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        if not codes.check(self.user, code, now=timezone.now()):
            raise ValidationError(_("The code is wrong or was used already. Wait for the next one."), code="wrong")
        return code


class PasswordChangeForm(DjangoPasswordChangeForm):
    def __init__(self, user: User, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        """Wrong ones count towards the lock, so that a session left open gives nobody unlimited attempts."""
        return checked_again(self.request, self.cleaned_data["old_password"])

    def save(self, commit: bool = True) -> User:
        services.change_password(self.user, self.cleaned_data["new_password1"], now=timezone.now())
        return self.user


def checked_again(request: HttpRequest, password: str) -> str:
    if not logins.check_again(request, password):
        raise ValidationError(_("The password is wrong."), code="password_incorrect")
    return password
