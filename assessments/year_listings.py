"""Results of a year on their way out: villages, and cadres without any class D3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from assessments import year_page
from assessments.rules import from_hundredths
from assessments.views.year_results import cadres_shown, villages_shown
from assessments.year_forms import CadreYearFilter, YearFilter
from branches.listings import CHUNK, TOWNSHIP, VILLAGE, PlaceListing, place_cells, townships_by_path
from branches.record_forms import FilterForm
from cadres.models import Posting
from imports.typed_workbooks import OutColumn, Record

if TYPE_CHECKING:
    from accounts.models import User

POINTS, WHOLE = "0.00", "0"
RESULT = (
    OutColumn("total", "总分", POINTS),
    OutColumn("township_rank", "乡镇内名次", WHOLE),
    OutColumn("grade", "等次"),
    OutColumn("missing", "未排名原因"),
)


def _points(hundredths: int | None) -> Any:
    return None if hundredths is None else from_hundredths(hundredths)


class YearVillages(PlaceListing):
    name = "year_villages"
    label = _("Villages of the year")
    permission = "assessments.view_villageyear"
    url_name = "assessments:year_villages"
    own_columns = (
        OutColumn("assessment", "考核"),
        TOWNSHIP,
        VILLAGE,
        OutColumn("months", "月度平均", POINTS),
        OutColumn("month_count", "计入月数", WHOLE),
        OutColumn("departments", "县直部门评分", POINTS),
        OutColumn("satisfaction", "群众满意率(%)", POINTS),
        OutColumn("county_rank", "全县名次", WHOLE),
        *RESULT,
        OutColumn("veto", "一票否决"),
    )

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return YearFilter(filters, user=user)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        found: QuerySet[Any] = villages_shown(user, YearFilter(filters, user=user))
        return found

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships = townships_by_path()
        for row in rows.iterator(CHUNK):
            parts = {line["code"]: line for line in row.lines}
            yield {
                **place_cells(row.village, townships),
                "assessment": year_page.title_of(row.assessment),
                **{
                    name: _points(parts.get(name, {}).get("value"))
                    for name in ("months", "departments", "satisfaction")
                },
                "month_count": parts["months"]["of"][0] if "months" in parts else None,
                "county_rank": row.county_rank,
                "total": _points(row.total_hundredths),
                "township_rank": row.township_rank,
                "grade": year_page.grade_name(row.grade) or None,
                "missing": year_page.missing_text(row.missing) or None,
                "veto": row.veto or None,
            }


class YearCadres(PlaceListing):
    name = "year_cadres"
    label = _("Cadres of the year")
    permission = "assessments.view_cadreresult"
    url_name = "assessments:year_cadres"
    own_columns = (
        OutColumn("assessment", "考核"),
        TOWNSHIP,
        VILLAGE,
        OutColumn("name", "姓名"),
        OutColumn("post", "职务"),
        OutColumn("village_score", "村得分", POINTS),
        OutColumn("personal_score", "个人得分", POINTS),
        *RESULT,
        OutColumn("proposed", "按分数线等次"),
        OutColumn("reason", "调整等次理由"),
    )

    def form(self, user: User, filters: Mapping[str, str]) -> FilterForm:
        return CadreYearFilter(filters, user=user)

    def rows(self, user: User, filters: Mapping[str, str], today: date) -> QuerySet[Any]:
        found: QuerySet[Any] = cadres_shown(user, CadreYearFilter(filters, user=user))
        return found

    def records(self, rows: QuerySet[Any], *, has_numbers: bool) -> Iterator[Record]:
        townships, posts = townships_by_path(), dict(Posting.Post.choices)
        for row in rows.iterator(CHUNK):
            yield {
                **place_cells(row.village, townships),
                "assessment": year_page.title_of(row.assessment),
                "name": row.person.name,
                "post": str(posts.get(row.post, "")),
                "village_score": _points(row.village_hundredths),
                "personal_score": _points(row.personal_hundredths),
                "total": _points(row.total_hundredths),
                "township_rank": row.township_rank,
                "grade": year_page.grade_name(row.grade) or None,
                "missing": year_page.missing_text(row.missing) or None,
                "proposed": year_page.grade_name(row.proposed) or None,
                "reason": row.grade_reason or None,
            }
