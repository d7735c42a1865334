"""Addresses of the month's pages."""

from django.contrib import admin
from django.urls import URLPattern, path

from assessments.flag_urls import flag_paths
from assessments.pay_urls import pay_paths
from assessments.scheme_urls import scheme_paths
from assessments.views import adjustments, appeals, board, grid, home, period, receipt, review
from assessments.year_urls import year_paths

app_name = "assessments"

guarded = admin.site.admin_view
"""Who is not signed in is sent to the login page."""

urlpatterns: list[URLPattern] = [
    path("todo/", guarded(home.todo_list), name="todo"),
    path("returns/", guarded(grid.return_list), name="return_list"),
    path("returns/<int:pk>/", guarded(grid.grid), name="grid"),
    path("returns/<int:pk>/cells/", guarded(grid.save), name="grid_cells"),
    path("returns/<int:pk>/submit/", guarded(grid.submit), name="grid_submit"),
    path("returns/<int:pk>/withdraw/", guarded(grid.withdraw), name="grid_withdraw"),
    path("returns/<int:pk>/difference/", guarded(grid.difference), name="grid_difference"),
    path("returns/<int:pk>/history/", guarded(grid.history), name="grid_history"),
    path("returns/<int:pk>/template/", guarded(grid.template), name="grid_template"),
    path("review/", guarded(review.review_list), name="review_list"),
    path("review/<int:pk>/", guarded(review.review_return), name="review"),
    path("review/<int:pk>/cells/", guarded(review.review_cells), name="review_cells"),
    path("review/<int:pk>/decide/", guarded(review.decide_return), name="review_decide"),
    path("review/month/<int:period_id>/accept-clean/", guarded(review.accept_clean), name="review_accept_clean"),
    path("months/", guarded(period.period_list), name="period_list"),
    path("months/<int:pk>/", guarded(period.period_detail), name="period"),
    path("months/<int:pk>/progress/", guarded(period.period_progress), name="period_progress"),
    path("months/<int:pk>/open/", guarded(period.open_now), name="period_open"),
    path("months/<int:pk>/remind/", guarded(period.remind), name="period_remind"),
    path("months/<int:pk>/lock/", guarded(period.lock), name="period_lock"),
    path("months/<int:pk>/close/", guarded(period.close), name="period_close"),
    path("months/<int:pk>/publish/", guarded(period.publish), name="period_publish"),
    path("months/<int:pk>/discard/", guarded(period.discard), name="period_discard"),
    path("months/<int:pk>/revise/", guarded(period.revise), name="period_revise"),
    path("months/<int:pk>/unlock/", guarded(period.unlock_ask), name="unlock_ask"),
    path("unlocks/<int:pk>/decide/", guarded(period.unlock_decide), name="unlock_decide"),
    path("ranking/", guarded(board.ranking_board), name="board"),
    path("ranking/sheet/", guarded(board.board_sheet), name="board_sheet"),
    path("ranking/circular/", guarded(board.board_circular), name="board_circular"),
    path("ranking/results/<int:pk>/", guarded(receipt.receipt), name="receipt"),
    path("ranking/results/<int:pk>/object/", guarded(appeals.appeal_new), name="appeal_new"),
    path("appeals/", guarded(appeals.appeal_list), name="appeal_list"),
    path("appeals/<int:pk>/", guarded(appeals.appeal_detail), name="appeal"),
    path("appeals/<int:pk>/decide/", guarded(appeals.appeal_decide), name="appeal_decide"),
    *scheme_paths,
    *flag_paths,
    *pay_paths,
    *year_paths,
    path("adjustments/", guarded(adjustments.adjustment_list), name="adjustment_list"),
    path("adjustments/month/<int:period_id>/new/", guarded(adjustments.adjustment_new), name="adjustment_new"),
    path("adjustments/<int:pk>/void/", guarded(adjustments.adjustment_void), name="adjustment_void"),
]
