"""Addresses of the pages about people. Those of the reserve stand in `cadres.reserve_urls`."""

from django.contrib import admin
from django.urls import URLPattern, path

from cadres.views import conduct, people, postings, residents, talents, trainings

app_name = "cadres"

page = admin.site.admin_view

urlpatterns: list[URLPattern] = [
    path("people/", page(people.person_list), name="person_list"),
    path("people/add/", page(people.person_add), name="person_add"),
    path("people/find/", page(people.person_find), name="person_find"),
    path("people/<int:pk>/", page(people.person), name="person"),
    path("people/<int:pk>/edit/", page(people.person_edit), name="person_edit"),
    path("people/<int:pk>/history/", page(people.person_history), name="person_history"),
    path("people/<int:pk>/print/", page(people.person_print), name="person_print"),
    path("people/<int:pk>/reveal/", page(people.person_reveal), name="person_reveal"),
    path("people/<int:pk>/compare/", page(people.person_compare), name="person_compare"),
    path("people/<int:pk>/postings/add/", page(postings.posting_add), name="posting_add"),
    path("people/<int:pk>/honours/add/", page(conduct.commendation_add), name="commendation_add"),
    path("people/<int:pk>/discipline/add/", page(conduct.discipline_add), name="discipline_add"),
    path("people/<int:pk>/residencies/add/", page(residents.resident_add), name="resident_add"),
    path("people/<int:pk>/talents/add/", page(talents.talent_add), name="talent_add"),
    path("people/postings/<int:pk>/", page(postings.posting_edit), name="posting_edit"),
    path("people/postings/<int:pk>/end/", page(postings.posting_end), name="posting_end"),
    path("people/elections/<int:pk>/", page(postings.election), name="election"),
    path("people/vacancies/", page(postings.vacancy_list), name="vacancy_list"),
    path("people/honours/<int:pk>/", page(conduct.commendation), name="commendation"),
    path("people/discipline/<int:pk>/", page(conduct.discipline), name="discipline"),
    path("people/discipline/<int:pk>/edit/", page(conduct.discipline_edit), name="discipline_edit"),
    path("people/discipline/<int:pk>/check/", page(conduct.discipline_check), name="discipline_check"),
    path("people/discipline/<int:pk>/extend/", page(conduct.discipline_extend), name="discipline_extend"),
    path("people/discipline/<int:pk>/end/", page(conduct.discipline_end), name="discipline_end"),
    path("people/trainings/", page(trainings.training_list), name="training_list"),
    path("people/trainings/add/", page(trainings.training_add), name="training_add"),
    path("people/trainings/duties/", page(trainings.duty_list), name="duty_list"),
    path("people/trainings/<int:pk>/", page(trainings.training), name="training"),
    path("people/trainings/<int:pk>/edit/", page(trainings.training_edit), name="training_edit"),
    path("people/residents/", page(residents.resident_list), name="resident_list"),
    path("people/residents/<int:pk>/", page(residents.resident), name="resident"),
    path("people/residents/<int:pk>/edit/", page(residents.resident_edit), name="resident_edit"),
    path("people/residents/<int:pk>/leave/", page(residents.resident_leave), name="resident_leave"),
    path("people/residents/<int:pk>/check/", page(residents.resident_check), name="resident_check"),
    path("people/residents/<int:pk>/end/", page(residents.resident_end), name="resident_end"),
    path("people/talents/", page(talents.talent_list), name="talent_list"),
    path("people/talents/<int:pk>/", page(talents.talent_edit), name="talent_edit"),
    path("people/talents/<int:pk>/withdraw/", page(talents.talent_withdraw), name="talent_withdraw"),
]
