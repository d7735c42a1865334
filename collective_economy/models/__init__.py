"""Money of village collectives, one file for each subject."""

from collective_economy.models.income import BandRules, IncomeTarget, VillagePlan
from collective_economy.models.ledger import Contract, LedgerEntry, LedgerMonth, Receivable
from collective_economy.models.oversight import Asset, Attachment, AuditFinding
from collective_economy.models.payments import Payment
from collective_economy.models.programmes import FundSource, Programme, ProgrammeSource
from collective_economy.models.projects import (
    BudgetLine,
    BusinessModel,
    Instalment,
    Milestone,
    Project,
    ProjectChange,
    ProjectShare,
    ProjectSource,
    ProjectStep,
    ReviewOpinion,
    Stage,
)

__all__ = [
    "Asset",
    "Attachment",
    "AuditFinding",
    "BandRules",
    "BudgetLine",
    "BusinessModel",
    "Contract",
    "FundSource",
    "IncomeTarget",
    "Instalment",
    "LedgerEntry",
    "LedgerMonth",
    "Milestone",
    "Payment",
    "Programme",
    "ProgrammeSource",
    "Project",
    "ProjectChange",
    "ProjectShare",
    "ProjectSource",
    "ProjectStep",
    "Receivable",
    "ReviewOpinion",
    "Stage",
    "VillagePlan",
]
