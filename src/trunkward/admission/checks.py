"""The checks every call passes, in their order. Each is pure: a case (and facts) in, one finding out.

1. `method`       it is an INVITE
2. `source`       it comes from a trunk or carrier we know
3. `listener`     the listener for TLS 1.2 is for trunks that may use it
4. `request`      it can be read
5. `trunk`        the trunk it belongs to is enabled
6. `held`         and nobody holds its calls
7. `calling`      a customer shows a calling number
8. `called`       a number was called
9. `caller`       the customer may show that number, and the number can call at all
10. `permitted`   the trunk may call there: country, kind of number, price, time
11. `destination` the number is somebody's here, or a carrier takes it
12. `price`       what it costs is known, where that is counted, and a carrier asks little enough
13. `media`       the offer is what its side must offer
14. `drain`       this node takes new calls
15. `identity`    a carrier's call is signed, and the signature is good, where the carrier's policy wants that
16. `credentials` its digest credentials were not used before
17. `limits`      there is a place for it, of all that all nodes count
18. `spend`       what it may cost at first is reserved
19. `replay`      its signature did not come with another call, where the carrier's policy wants that
20. `clock`       our clock is synchronised (a call never fails on it)
21. `signature`   the call is signed (a call never fails on it)
"""

from collections.abc import Callable

from trunkward.admission.checks_of_numbers import called, caller, calling
from trunkward.admission.checks_of_room import drain, limits, spend
from trunkward.admission.checks_of_sender import credentials, held, listener, method, request, source, trunk
from trunkward.admission.checks_of_signatures import clock, identity, replay, signature
from trunkward.admission.checks_of_way import destination, media, permitted, price
from trunkward.admission.findings import Finding
from trunkward.admission.ports import Facts
from trunkward.admission.screen import Case

#: From the snapshot alone; the first refusal ends the line and costs no round trip.
SCREEN_CHECKS: tuple[Callable[[Case], Finding], ...] = (
    method,
    source,
    listener,
    request,
    trunk,
    held,
    calling,
    called,
    caller,
    permitted,
    destination,
    price,
    media,
)

#: All of them by name, in the order in which a call passes them.
CHECKS: tuple[str, ...] = (
    *(check.__name__ for check in SCREEN_CHECKS),
    "drain",
    "identity",
    "credentials",
    "limits",
    "spend",
    "replay",
    "clock",
    "signature",
)
#: Those that look at what is alive when a call comes, not at the policy.
ALIVE = frozenset(CHECKS[CHECKS.index("drain") :])


def screened(case: Case, *, draining: bool = False) -> tuple[Finding, ...]:
    """Checks 1 to 14 up to the first refusal, which is then the last finding."""
    findings: list[Finding] = []
    for check in SCREEN_CHECKS:
        finding = check(case)
        findings.append(finding)
        if finding.refusal is not None:
            return tuple(findings)
    return *findings, drain(case, draining=draining)


def checked(case: Case, facts: Facts, now: float) -> tuple[Finding, ...]:
    """Checks 15 to 21, which need what is alive, up to the first refusal."""
    findings: list[Finding] = []
    for check in (identity, credentials, limits, spend, replay):
        findings.append(check(case, facts))
        if findings[-1].refusal is not None:
            return tuple(findings)
    return *findings, clock(case, facts), signature(case, facts, now)
