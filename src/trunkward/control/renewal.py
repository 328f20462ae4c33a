"""When a certificate is asked for: the next attempt, from what is there and what went wrong before."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trunkward.control.shown_certificate import Lifetime

#: Seconds after a first failure; it doubles. At 0, 2, 6, 14, 30 minutes: public authorities allow five failed
#: proofs of a name in an hour.
FIRST_RETRY_S = 120.0
#: Longest wait between two attempts (our limit): a certificate with a third of 90 days left has time enough.
LONGEST_RETRY_S = 6 * 3600.0
#: The same without any that could be used (our limit): every call feels it, and an authority that comes back
#: is not to wait for us. Once an hour is within what authorities allow.
LONGEST_WITHOUT_S = 3600.0
#: Of the lifetime, the longest wait: a renewal of six days' certificate is tried every few hours, too.
RETRY_AT = 1 / 24
#: Seconds, at most, that a fresh certificate is kept before the authority's suggestion counts: one that
#: always suggests the past gets an order an hour from us, not one a second.
SETTLED_S = 3600.0
#: Of a wait, how much longer it may be made, so that nodes that failed together do not come again together.
RETRY_JITTER = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """What the attempts so far have taught."""

    #: In a row, 0 after a success.
    failures: int = 0
    #: When the last one ended, whichever way.
    last: datetime | None = None
    #: What the authority asked us to wait after the last one.
    asked_s: int = 0

    def failed(self, now: datetime, asked_s: int) -> "Attempts":
        """After one more failure."""
        return Attempts(failures=self.failures + 1, last=now, asked_s=asked_s)


def wait_s(attempts: Attempts, lifetime: Lifetime | None, now: datetime, chance: float) -> float:
    """Seconds from the last failed attempt to the next; `chance`, 0 to 1, spreads it."""
    longest = LONGEST_WITHOUT_S if lifetime is None or lifetime.ends <= now else LONGEST_RETRY_S
    first = FIRST_RETRY_S
    if lifetime is not None:
        longest = min(longest, lifetime.length.total_seconds() * RETRY_AT)
        first = min(first, longest)
    # the exponent is bounded only so that the number stays one
    wait = min(first * 2.0 ** min(attempts.failures - 1, 30), longest)
    return max(wait * (1 + RETRY_JITTER * chance), float(attempts.asked_s))


def next_attempt(
    lifetime: Lifetime | None,
    attempts: Attempts,
    *,
    suggested: datetime | None,
    now: datetime,
    renewal_chance: float,
    retry_chance: float,
) -> datetime:
    """When to ask for a certificate: `lifetime` is that of the one there is, or was last; None for none.

    The authority's suggestion (RFC 9773) makes it earlier, never later: it is not the one who is without a
    certificate.
    """
    due = now if lifetime is None else lifetime.renewal(renewal_chance)
    # by a clock that was ahead then: nothing is put off until that time comes
    last = attempts.last if attempts.last is not None and attempts.last <= now else None
    if suggested is not None:
        if lifetime is not None and last is not None and not attempts.failures:
            settled_s = min(SETTLED_S, lifetime.length.total_seconds() * RETRY_AT)
            suggested = max(suggested, last + timedelta(seconds=settled_s))
        due = min(due, suggested)
    if attempts.failures and last is not None:
        due = max(due, last + timedelta(seconds=wait_s(attempts, lifetime, now, retry_chance)))
    return due
