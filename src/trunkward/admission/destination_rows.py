"""What trunks may call, and what lies where, as rows of a snapshot: what is equal stands there once."""

from collections.abc import Mapping

import msgspec

from trunkward.admission.table import build_prefixes
from trunkward.numbering.destinations import Compact, Destination
from trunkward.trunks.destinations import (
    DestinationPolicies,
    DestinationPolicy,
    Level,
    Outside,
    allowed,
    hours,
)

#: An index into `places`, little-endian.
_INDEX_BYTES = 4


class PolicyRow(msgspec.Struct, frozen=True, array_like=True):
    """One level of a trunk's destinations, as written."""

    level: Level
    allow: tuple[str, ...] | None
    max_rate_micro: int | None
    hours: tuple[str, tuple[str, ...], Outside] | None


_encode = msgspec.msgpack.Encoder().encode
_decode_policies = msgspec.msgpack.Decoder(list[PolicyRow]).decode
_decode_places = msgspec.msgpack.Decoder(list[Compact]).decode


def policies_row(policies: DestinationPolicies) -> bytes:
    """All levels of a trunk."""
    return _encode(
        [
            PolicyRow(
                level,
                policy.allow.entries if policy.allow is not None else None,
                policy.max_rate_micro,
                (policy.hours.zone, policy.hours.open, policy.hours.outside) if policy.hours else None,
            )
            for level, policy in policies
        ]
    )


def policies_of(row: bytes) -> DestinationPolicies:
    """The levels of a row."""
    return tuple(
        (
            found.level,
            DestinationPolicy(
                allow=allowed(found.allow) if found.allow is not None else None,
                max_rate_micro=found.max_rate_micro,
                hours=hours(*found.hours) if found.hours else None,
            ),
        )
        for found in _decode_policies(row)
    )


def places_rows(prefixes: Mapping[str, Destination]) -> tuple[bytes, bytes]:
    """The places there are, and the prefix table that leads to them. Keys of `prefixes` have no `+`."""
    indexes: dict[Destination, int] = {}
    leads: dict[bytes, bytes] = {}
    for digits, place in prefixes.items():
        index = indexes.setdefault(place, len(indexes))
        leads[f"+{digits}".encode()] = index.to_bytes(_INDEX_BYTES, "little")
    return _encode([place.compact() for place in indexes]), build_prefixes(leads)


def places_of(row: bytes | memoryview) -> list[Destination]:
    """The places of a snapshot, in the order their indexes count."""
    return [Destination.from_compact(place) for place in _decode_places(row)]
