"""`Reason` values of the edge's own refusals."""

#: The Q.850 cause that goes with a reason or a status of the edge's own (RFC 3398 section 8.2.6.1), as
#: `calls.reasons`, which is not for the edge to import, has it.
CAUSES: dict[str | int, tuple[int, str]] = {
    "gate-unavailable": (41, "temporary failure"),
    "record-not-written": (41, "temporary failure"),
    "media-unavailable": (47, "resource unavailable"),
    "no-worker-free": (42, "switching equipment congestion"),
    "no-route-left": (38, "network out of order"),
    "not-registered": (20, "subscriber absent"),
    488: (65, "bearer capability not implemented"),
    502: (27, "destination out of order"),
}


def values(status: int, reason: str) -> list[str]:
    """One for each protocol (RFC 3326): the code a person can look up, and a Q.850 cause where one fits."""
    found = [f'SIP;cause={status};text="{reason}"']
    if cause := CAUSES.get(reason) or CAUSES.get(status):
        found.append(f'Q.850;cause={cause[0]};text="{cause[1]}"')
    return found
