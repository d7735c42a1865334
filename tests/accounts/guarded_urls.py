"""The portal's addresses with one page more, which asks for a recent password."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from accounts.reauth import recent_password_required
from config.urls import urlpatterns as portal


@recent_password_required
def guarded(request: HttpRequest) -> HttpResponse:
    return HttpResponse("done")


urlpatterns = [path("guarded/", guarded), *portal]
