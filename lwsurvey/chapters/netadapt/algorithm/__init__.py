"""NetAdapt (Yang et al. 2018, algorithm 1), and MobileNet V3's variant (Howard et al. 2019)."""

from lwsurvey.chapters.netadapt.algorithm.adapted import Adapted
from lwsurvey.chapters.netadapt.algorithm.adapting import adapt
from lwsurvey.chapters.netadapt.algorithm.choosing import (
    Choice,
    choose_num_filters,
    choose_which_filters,
)
from lwsurvey.chapters.netadapt.algorithm.groups import KINDS, Group, groups
from lwsurvey.chapters.netadapt.algorithm.picking import pick_accuracy, pick_slope
from lwsurvey.chapters.netadapt.algorithm.pruning import changed, masked, prune, replayed
from lwsurvey.chapters.netadapt.algorithm.published import published_entries
from lwsurvey.chapters.netadapt.algorithm.settings import Schedule, Short

__all__ = [
    "KINDS", "Adapted", "Choice", "Group", "Schedule", "Short", "adapt", "changed",
    "choose_num_filters", "choose_which_filters", "groups", "masked", "pick_accuracy",
    "pick_slope", "prune", "published_entries", "replayed",
]  # fmt: skip
