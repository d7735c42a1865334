"""People, their posts and the reserve; trainings, conduct, residents and talents."""

from cadres.models.conduct import Commendation, DisciplineAction
from cadres.models.limits import PeopleLimits
from cadres.models.people import Person
from cadres.models.postings import Posting
from cadres.models.reserve import ReserveAssessment, ReserveCadre, ReserveStep
from cadres.models.residents import Residency, ResidentLeave, SpotCheck
from cadres.models.talents import Talent
from cadres.models.training import Attendance, Training

__all__ = [
    "Attendance",
    "Commendation",
    "DisciplineAction",
    "PeopleLimits",
    "Person",
    "Posting",
    "ReserveAssessment",
    "ReserveCadre",
    "ReserveStep",
    "Residency",
    "ResidentLeave",
    "SpotCheck",
    "Talent",
    "Training",
]
