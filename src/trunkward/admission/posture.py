"""What happens when something is lost: one table, which the docs show and the tests walk through.

A row is in this table when its dependency exists.
"""

from dataclasses import dataclass
from enum import StrEnum


class Lost(StrEnum):
    """A dependency that can be lost."""

    GATES = "all gates"
    REDIS = "Redis (Valkey)"
    SIGNER = "signer"
    FETCHER = "fetcher"
    DNS = "DNS"
    WORKER = "worker, database"
    RTPENGINE = "rtpengine"
    CLOCK = "clock not synchronised"


class Calls(StrEnum):
    """Kinds of calls, the table's columns."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"
    EMERGENCY = "emergency"
    RUNNING = "running calls"


class Effect(StrEnum):
    """What becomes of a call."""

    REFUSED = "503"
    GOES = "goes"
    GOES_BY_OWN_COUNTS = "goes, within what each gate counts by itself"
    GOES_UNSIGNED = "goes unsigned, recorded"
    GOES_UNVERIFIED = "goes unverified, recorded"
    GOES_FROM_TABLE = "goes, by the edge's exact-match table rendered beforehand"
    GOES_UNANCHORED = "goes with its own SDP, if both sides can talk without it"
    GOES_ON_LAST_POLICY = "goes on the last snapshot; records wait on disk"
    UNAFFECTED = "unaffected"
    UNAFFECTED_BUT_FOR_MONEY = "unaffected; those that cost money go on to the end of their grant"
    UNTIL_GRANT_ENDS = "go on to the end of their grant, then BYE to both sides"
    MEDIA_LOST = "media lost; ended with a cause unless it comes back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One lost dependency and its effect on each kind of call."""

    lost: Lost
    effects: dict[Calls, Effect]


def _row(lost: Lost, outbound: Effect, inbound: Effect, emergency: Effect, running: Effect) -> Row:
    effects = dict(zip(Calls, (outbound, inbound, emergency, running), strict=True))
    return Row(lost=lost, effects=effects)


POSTURE: tuple[Row, ...] = (
    _row(Lost.GATES, Effect.REFUSED, Effect.REFUSED, Effect.GOES_FROM_TABLE, Effect.UNTIL_GRANT_ENDS),
    # places are held for what was granted, and renewed when it is back; the next slice of money is not there
    _row(Lost.REDIS, Effect.REFUSED, Effect.GOES_BY_OWN_COUNTS, Effect.GOES, Effect.UNAFFECTED_BUT_FOR_MONEY),
    # only outbound calls that are no emergencies are signed at all
    _row(Lost.SIGNER, Effect.GOES_UNSIGNED, Effect.GOES, Effect.GOES, Effect.UNAFFECTED),
    # it has certificates nobody here has seen yet; what gates have seen they verify by themselves
    _row(Lost.FETCHER, Effect.GOES, Effect.GOES_UNVERIFIED, Effect.GOES, Effect.UNAFFECTED),
    # no call asks it: where carriers' names lead was found before; but for such certificates
    _row(Lost.DNS, Effect.GOES, Effect.GOES_UNVERIFIED, Effect.GOES, Effect.UNAFFECTED),
    _row(
        Lost.WORKER,
        Effect.GOES_ON_LAST_POLICY,
        Effect.GOES_ON_LAST_POLICY,
        Effect.GOES_ON_LAST_POLICY,
        Effect.UNAFFECTED,
    ),
    _row(Lost.RTPENGINE, Effect.REFUSED, Effect.REFUSED, Effect.GOES_UNANCHORED, Effect.MEDIA_LOST),
    _row(Lost.CLOCK, Effect.GOES_UNSIGNED, Effect.GOES_UNVERIFIED, Effect.GOES, Effect.UNAFFECTED),
)


def effect(lost: Lost, calls: Calls) -> Effect:
    """The table's cell. Raises `KeyError` for a row it does not have."""
    rows = {row.lost: row for row in POSTURE}
    return rows[lost].effects[calls]


def as_markdown() -> str:
    """The table, as the docs show it."""
    lines = ["| lost | " + " | ".join(Calls) + " |", "|---" * (len(Calls) + 1) + "|"]
    lines += [
        "| " + " | ".join([row.lost, *(row.effects[calls] for calls in Calls)]) + " |" for row in POSTURE
    ]
    return "\n".join(lines) + "\n"
