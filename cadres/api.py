"""Endpoints of people: who they are, which posts they hold, the reserve, trainings. Without identity numbers."""

from __future__ import annotations

from datetime import date
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin

from branches.rest import ScopedViewSet, UnderFilter, VillageFields
from cadres.models import Attendance, Person, Posting, ReserveCadre, Training


class PartialDateSerializerField(serializers.Field):
    """A date of which the day or the month may be unknown: 1975, 1975-03 or 1975-03-12."""

    def to_representation(self, value: Any) -> str:
        return str(value)


extend_schema_field({"type": "string", "pattern": r"^\d{4}(-\d{2}(-\d{2})?)?$", "example": "1975-03"})(
    PartialDateSerializerField
)


# --- People -----------------------------------------------------------------------------------


class PersonSerializer(VillageFields, serializers.ModelSerializer[Person]):
    birth = PartialDateSerializerField(read_only=True, allow_null=True)  # type: ignore[assignment]
    joined_on = PartialDateSerializerField(read_only=True, allow_null=True)  # type: ignore[assignment]
    full_member_on = PartialDateSerializerField(read_only=True, allow_null=True)  # type: ignore[assignment]

    class Meta:
        model = Person
        fields = (
            "id",
            "village",
            "village_code",
            "village_name",
            "name",
            "gender",
            "birth",
            "political",
            "joined_on",
            "full_member_on",
            "education",
            "education_words",
            "version",
        )
        read_only_fields = fields


class PersonFilter(UnderFilter):
    name = django_filters.CharFilter(lookup_expr="startswith", label="Beginning of the name")

    class Meta:
        model = Person
        fields = ("name", "gender", "political", "education", "under")


class PersonViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """People on the rosters of your area. Identity numbers and phones are not given."""

    model = Person
    serializer_class = PersonSerializer
    filterset_class = PersonFilter

    def dressed(self, rows: QuerySet[Person]) -> QuerySet[Person]:
        return rows.select_related("unit").defer("identity_number", "identity_index", "resume", "remark", "phone")


# --- Posts ------------------------------------------------------------------------------------


class PostingSerializer(VillageFields, serializers.ModelSerializer[Posting]):
    person_name = serializers.CharField(source="person.name", read_only=True)
    started_on = PartialDateSerializerField(read_only=True, allow_null=True)  # type: ignore[assignment]

    class Meta:
        model = Posting
        fields = (
            "id",
            "person",
            "person_name",
            "village",
            "village_code",
            "village_name",
            "post",
            "words",
            "change",
            "mode",
            "started_on",
            "ended_on",
            "ending",
            "version",
        )
        read_only_fields = fields


class PostingFilter(UnderFilter):
    on = django_filters.DateFilter(method="filter_on", label="As of a day")

    class Meta:
        model = Posting
        fields = ("person", "post", "under", "on")

    def filter_on(self, rows: QuerySet[Posting], name: str, day: date) -> QuerySet[Posting]:
        return rows.held_on(day)  # type: ignore[attr-defined]


class PostingViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Posts held, former ones included; `on` gives those of a day."""

    model = Posting
    serializer_class = PostingSerializer
    filterset_class = PostingFilter

    def dressed(self, rows: QuerySet[Posting]) -> QuerySet[Posting]:
        return rows.select_related("unit", "person").defer("person__identity_number")


# --- The reserve ------------------------------------------------------------------------------


class ReserveCadreSerializer(VillageFields, serializers.ModelSerializer[ReserveCadre]):
    person_name = serializers.CharField(source="person.name", read_only=True)
    entered_on = PartialDateSerializerField(read_only=True, allow_null=True)  # type: ignore[assignment]

    class Meta:
        model = ReserveCadre
        fields = (
            "id",
            "person",
            "person_name",
            "village",
            "village_code",
            "village_name",
            "stage",
            "occupation",
            "category",
            "intended_post",
            "mentor",
            "entered_on",
            "left_on",
            "exit_reason",
            "version",
        )
        read_only_fields = fields


class ReserveCadreFilter(UnderFilter):
    on = django_filters.DateFilter(method="filter_on", label="As of a day")

    class Meta:
        model = ReserveCadre
        fields = ("person", "stage", "under", "on")

    def filter_on(self, rows: QuerySet[ReserveCadre], name: str, day: date) -> QuerySet[ReserveCadre]:
        return rows.standing_on(day)  # type: ignore[attr-defined]


class ReserveCadreViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Entries of the reserve, former ones included; `on` gives who was in the reserve on a day."""

    model = ReserveCadre
    serializer_class = ReserveCadreSerializer
    filterset_class = ReserveCadreFilter

    def dressed(self, rows: QuerySet[ReserveCadre]) -> QuerySet[ReserveCadre]:
        return rows.select_related("unit", "person").defer("person__identity_number")


# --- Trainings --------------------------------------------------------------------------------


class TrainingSerializer(serializers.ModelSerializer[Training]):
    unit_code = serializers.CharField(source="unit.code", read_only=True, allow_null=True)

    class Meta:
        model = Training
        fields = (
            "id",
            "unit",
            "unit_code",
            "title",
            "kind",
            "organiser",
            "held_on",
            "ends_on",
            "hours",
            "version",
        )
        read_only_fields = fields


class TrainingFilter(django_filters.FilterSet):
    held_from = django_filters.DateFilter("held_on", "gte", label="Held on this day or later")
    held_to = django_filters.DateFilter("held_on", "lte", label="Held on this day or earlier")

    class Meta:
        model = Training
        fields = ("kind", "held_from", "held_to")


class TrainingViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Trainings of your area and of the units above it."""

    model = Training
    serializer_class = TrainingSerializer
    filterset_class = TrainingFilter

    def dressed(self, rows: QuerySet[Training]) -> QuerySet[Training]:
        return rows.select_related("unit")


class AttendanceSerializer(serializers.ModelSerializer[Attendance]):
    person_name = serializers.CharField(source="person.name", read_only=True)

    class Meta:
        model = Attendance
        fields = ("id", "training", "person", "person_name", "result", "hours", "version")
        read_only_fields = fields


class AttendanceFilter(UnderFilter):
    place = "person__unit__path"

    class Meta:
        model = Attendance
        fields = ("training", "person", "result", "under")


class AttendanceViewSet(ListModelMixin, RetrieveModelMixin, ScopedViewSet):
    """Who of your area was due at a training, and whether they came."""

    model = Attendance
    serializer_class = AttendanceSerializer
    filterset_class = AttendanceFilter

    def dressed(self, rows: QuerySet[Attendance]) -> QuerySet[Attendance]:
        return rows.select_related("person").defer("person__identity_number")
