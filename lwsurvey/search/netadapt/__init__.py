"""NetAdapt (Yang et al. 2018, algorithm 1), and MobileNet V3's variant (Howard et al. 2019)."""

from lwsurvey.search.netadapt.adapted import Adapted
from lwsurvey.search.netadapt.adapting import adapt
from lwsurvey.search.netadapt.choosing import Choice, choose_num_filters, choose_which_filters
from lwsurvey.search.netadapt.groups import KINDS, Group, groups
from lwsurvey.search.netadapt.picking import pick_accuracy, pick_slope
from lwsurvey.search.netadapt.pruning import changed, masked, prune, replayed
from lwsurvey.search.netadapt.published import published_entries
from lwsurvey.search.netadapt.settings import Schedule, Short

__all__ = [
    "KINDS", "Adapted", "Choice", "Group", "Schedule", "Short", "adapt", "changed",
    "choose_num_filters", "choose_which_filters", "groups", "masked", "pick_accuracy",
    "pick_slope", "prune", "published_entries", "replayed",
]  # fmt: skip
