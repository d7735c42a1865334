"""Addresses of the pages of the collective economy."""

from django.contrib import admin
from django.urls import URLPattern, path, register_converter

from collective_economy.converters import MonthConverter
from collective_economy.views import (
    assets,
    attachments,
    contracts,
    findings,
    ledger,
    ledger_month,
    month_close,
    verification,
)

app_name = "collective_economy"
register_converter(MonthConverter, "month")

urlpatterns: list[URLPattern] = [
    # ledger
    path("ledger/", admin.site.admin_view(ledger.ledger), name="ledger"),
    path("ledger/close/", admin.site.admin_view(month_close.month_close), name="month_close"),
    path("ledger/<int:pk>/<month:month>/", admin.site.admin_view(ledger_month.ledger_month), name="ledger_month"),
    path("ledger/<int:pk>/<month:month>/enter/", admin.site.admin_view(ledger_month.ledger_enter), name="ledger_enter"),
    path(
        "ledger/<int:pk>/<month:month>/statement/",
        admin.site.admin_view(ledger_month.ledger_statement),
        name="ledger_statement",
    ),
    path("ledger/<int:pk>/<month:month>/close/", admin.site.admin_view(ledger_month.ledger_close), name="ledger_close"),
    path("ledger/entry/<int:pk>/", admin.site.admin_view(ledger_month.ledger_entry), name="ledger_entry"),
    path(
        "ledger/entry/<int:pk>/reverse/",
        admin.site.admin_view(ledger_month.ledger_entry_reverse),
        name="ledger_entry_reverse",
    ),
    # check of the sums
    path("check/", admin.site.admin_view(verification.verification), name="verification"),
    path("check/start/", admin.site.admin_view(verification.verification_start), name="verification_start"),
    # contracts, assets, audit findings, papers
    path("contracts/", admin.site.admin_view(contracts.contract_list), name="contract_list"),
    path("contracts/add/", admin.site.admin_view(contracts.contract_add), name="contract_add"),
    path("contracts/<int:pk>/", admin.site.admin_view(contracts.contract), name="contract"),
    path("contracts/<int:pk>/edit/", admin.site.admin_view(contracts.contract_edit), name="contract_edit"),
    path("contracts/<int:pk>/end/", admin.site.admin_view(contracts.contract_end), name="contract_end"),
    path("receivables/<int:pk>/waive/", admin.site.admin_view(contracts.receivable_waive), name="receivable_waive"),
    path("assets/", admin.site.admin_view(assets.asset_list), name="asset_list"),
    path("assets/add/", admin.site.admin_view(assets.asset_add), name="asset_add"),
    path("assets/<int:pk>/", admin.site.admin_view(assets.asset), name="asset"),
    path("assets/<int:pk>/edit/", admin.site.admin_view(assets.asset_edit), name="asset_edit"),
    path("assets/<int:pk>/check/", admin.site.admin_view(assets.asset_check), name="asset_check"),
    path("assets/<int:pk>/dispose/", admin.site.admin_view(assets.asset_dispose), name="asset_dispose"),
    path("findings/", admin.site.admin_view(findings.finding_list), name="finding_list"),
    path("findings/add/", admin.site.admin_view(findings.finding_add), name="finding_add"),
    path("findings/<int:pk>/", admin.site.admin_view(findings.finding), name="finding"),
    path("findings/<int:pk>/edit/", admin.site.admin_view(findings.finding_edit), name="finding_edit"),
    path("findings/<int:pk>/evidence/", admin.site.admin_view(findings.finding_hand_in), name="finding_hand_in"),
    path("findings/<int:pk>/close/", admin.site.admin_view(findings.finding_close), name="finding_close"),
    path("findings/<int:pk>/return/", admin.site.admin_view(findings.finding_return), name="finding_return"),
    path("findings/<int:pk>/confirm/", admin.site.admin_view(findings.finding_confirm), name="finding_confirm"),
    path("papers/<int:pk>/", admin.site.admin_view(attachments.attachment), name="attachment"),
    path("papers/<slug:kind>/<int:pk>/add/", admin.site.admin_view(attachments.attachment_add), name="attachment_add"),
    # overview, risk flags
    path("", admin.site.admin_view(overview.overview), name="overview"),
    path("risks/", admin.site.admin_view(risks.risk_list), name="risk_list"),
    # payments
    path("projects/<int:pk>/payments/add/", admin.site.admin_view(payments.payment_add), name="payment_add"),
    path("payments/", admin.site.admin_view(payments.payment_list), name="payment_list"),
    path("payments/confirm/", admin.site.admin_view(payments.payment_confirm), name="payment_confirm"),
    path("payments/<int:pk>/", admin.site.admin_view(payments.payment), name="payment"),
    path("payments/<int:pk>/refuse/", admin.site.admin_view(payments.payment_refuse), name="payment_refuse"),
    path("payments/<int:pk>/withdraw/", admin.site.admin_view(payments.payment_withdraw), name="payment_withdraw"),
    path("payments/<int:pk>/reverse/", admin.site.admin_view(payments.payment_reverse), name="payment_reverse"),
    # villages: bands, targets, plans
    path("bands/", admin.site.admin_view(bands.bands), name="bands"),
    path("bands/set/", admin.site.admin_view(bands.bands_set), name="bands_set"),
    path("targets/", admin.site.admin_view(targets.targets), name="targets"),
    path("targets/enter/", admin.site.admin_view(targets.targets_enter), name="targets_enter"),
    path("villages/<int:pk>/", admin.site.admin_view(villages.village), name="village"),
    path("villages/<int:pk>/plan/", admin.site.admin_view(villages.village_plan_add), name="village_plan_add"),
    path("plans/<int:pk>/", admin.site.admin_view(villages.village_plan), name="village_plan"),
    # programmes and projects
    path("programmes/", admin.site.admin_view(programmes.programme_list), name="programme_list"),
    path("programmes/add/", admin.site.admin_view(programmes.programme_add), name="programme_add"),
    path("programmes/<int:pk>/", admin.site.admin_view(programmes.programme), name="programme"),
    path("programmes/<int:pk>/edit/", admin.site.admin_view(programmes.programme_edit), name="programme_edit"),
    path("programmes/<int:pk>/confirm/", admin.site.admin_view(programmes.programme_confirm), name="programme_confirm"),
    path("projects/", admin.site.admin_view(projects.project_list), name="project_list"),
    path("projects/board/", admin.site.admin_view(projects.project_board), name="project_board"),
    path("projects/add/", admin.site.admin_view(project_plan.project_add), name="project_add"),
    path("projects/<int:pk>/", admin.site.admin_view(projects.project), name="project"),
    path("projects/<int:pk>/flow/", admin.site.admin_view(projects.project_flow_page), name="project_flow"),
    path("projects/<int:pk>/income/", admin.site.admin_view(projects.project_income), name="project_income"),
    path("projects/<int:pk>/edit/", admin.site.admin_view(project_plan.project_edit), name="project_edit"),
    path("projects/<int:pk>/villages/", admin.site.admin_view(project_plan.project_shares), name="project_shares"),
    path("projects/<int:pk>/money/", admin.site.admin_view(project_plan.project_money), name="project_money"),
    path(
        "projects/<int:pk>/milestones/",
        admin.site.admin_view(project_plan.project_milestones),
        name="project_milestones",
    ),
]
