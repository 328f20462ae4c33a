"""How long records are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DAY_S = 86_400.0
#: Enforcement in the USA looks back two years (FCC, docs/signing.md).
SIGNATURES_DAYS = 730
#: The same of what levels rested on.
EVIDENCE_DAYS = 730


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """Days after which a call is forgotten, and the messages of its ladder before it."""

    calls_days: int = 365
    ladder_days: int = 30
    #: Days after which the numbers are forgotten that the signers' journals commit to.
    signatures_days: int = SIGNATURES_DAYS
    #: Days after which the journals themselves go; None: never. Not before the numbers do.
    journals_days: int | None = None
    #: Days after its end after which a record of evidence may be deleted, with its document.
    evidence_days: int = EVIDENCE_DAYS
    #: By tenant, where it is another number of days than the node's.
    tenants: Mapping[str, int] = field(default_factory=dict, hash=False)

    def days(self, tenant: str) -> int:
        """How long calls of this tenant are kept; "" is nobody's, a stranger's call."""
        return self.tenants.get(tenant, self.calls_days)
