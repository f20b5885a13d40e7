"""Claims of the surveys and their verdicts; the one place where laboratory and press meet."""

from lwsurvey.claims.judge import Verdict, judge
from lwsurvey.claims.ledger import Claim, Ledger, LedgerError, ledger
from lwsurvey.claims.verdicts import begin, check

__all__ = ["Claim", "Ledger", "LedgerError", "Verdict", "begin", "check", "judge", "ledger"]
