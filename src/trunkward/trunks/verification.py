"""What becomes of calls that others have signed by what their Identity headers are worth.

These are carriers' calls in, those of other providers that a trunk brings (`transit.Role`), and those that a
customer has diverted, with what they came signed with.
"""

from dataclasses import dataclass
from enum import StrEnum

#: Milliseconds a call waits for a certificate nobody here has seen yet: by then a fetch is over, which may
#: take 2,000 (`fetch.chains.DEADLINE_S`), and whose fault it is that there is none is known.
WAIT_MS = 2500
#: Milliseconds below which that is not known: whoever waits less refuses nobody for it.
LEAST_WAIT_MS = 2300


class Missing(StrEnum):
    """What becomes of a call without a signature."""

    PASS = "pass"  # noqa: S105  # no password
    REFUSE = "refuse"


class Failed(StrEnum):
    """What becomes of a call whose signature is not good."""

    #: It goes, and who gets it is told nothing: a customer that nobody has verified it.
    PASS = "pass"  # noqa: S105  # no password
    #: It goes, and the customer, or a carrier within the trust domain, is told that it failed.
    MARK = "mark"
    #: It is refused once its caller has heard why, where there is a file for that.
    ANNOUNCE = "announce"
    REFUSE = "refuse"


#: Of these, the ones by which a call does not go.
REFUSING = (Failed.ANNOUNCE, Failed.REFUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationPolicy:
    """For the calls of one carrier, or of one trunk in transit."""

    missing: Missing = Missing.PASS
    failed: Failed = Failed.MARK
    wait_ms: int = WAIT_MS


#: Of a carrier whose file says nothing.
GOES_ON = VerificationPolicy()
#: Of a trunk in transit whose file says nothing: what it brings passes unaltered (47 CFR 64.6302(a)), and
#: whoever the call is for verifies it.
PASSES_ON = VerificationPolicy(failed=Failed.PASS)
#: Of a customer's diverted call: it goes in any case, and what is not good of its signatures does not.
DIVERTED = VerificationPolicy(failed=Failed.PASS)
