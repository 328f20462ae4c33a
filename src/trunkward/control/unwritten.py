"""What holds where a key of the node file is not written, in words: "none" would say that nothing does."""

from trunkward.spend.money import shown
from trunkward.trunks.model import TRUNK_LIMITS
from trunkward.trunks.spending import TRUNK_CAPS, Window

_DESTINATIONS = {
    "destinations.allow": "no list (without any, the ordinary numbers at home)",
    "destinations.max_rate": "unwritten (the level's above, else 0.30)",
    "destinations.hours": "none (at any hour)",
}
_LIMITS = (
    *("limits.calls", "limits.international", "limits.per_second"),
    *("limits.number.calls", "limits.number.per_second"),
)
_NO_LIMITS = dict.fromkeys(_LIMITS, "no limit")
_NO_CAPS = {f"spend.{window}": "no cap" for window in Window}
#: Of trunks, what holds for a new one: calls and money.
DEFAULT_LIMITS = {
    f"limits.{name}": f"{getattr(TRUNK_LIMITS, name)} (default)"
    for name in ("calls", "international", "per_second")
} | {f"spend.{window}": f"{shown(TRUNK_CAPS.cap(window) or 0)} (default)" for window in Window}
_HELD: dict[str, dict[str, str]] = {
    "node": {
        "contact_host": "node.name",
        "realm": "node.name",
        "media.address": "node.address",
        "number_plan.region": "by country",
        "number_plan.emergency": "what the country at home has",
        "destinations": "none (the shipped table alone)",
        "id": "node.name",
        "live": "none (a Valkey of its own)",
    },
    "resellers": _DESTINATIONS | _NO_LIMITS | _NO_CAPS,
    "tenants": _DESTINATIONS
    | _NO_LIMITS
    | _NO_CAPS
    | {
        "retention": "node.retention",
        "deck": "its reseller's, else indicative prices",
        "customer": "none (its calls are signed C)",
    },
    "trunks": _DESTINATIONS
    | _NO_LIMITS
    | DEFAULT_LIMITS
    | {
        "max_call_s": "node.max_call_s",
        "dial_plan": "as node.number_plan says",
        "dial_plan.country": "node.number_plan.country",
        "dial_plan.region": "by country",
        "dial_plan.emergency": "what its country has",
        "dial_plan.national_prefix": "by country",
        "dial_plan.international_prefix": "by country",
        "host": "none (it only calls out)",
        "username": "the trunk's name",
        "emergency_callback": "caller.number, or its first number that calls out",
    },
    "numbers": {"failover": "the trunk's"},
    "carriers": _NO_CAPS | {"deck": "none (what it costs is not known)"},
}


def unwritten(kind: str, key: str) -> str:
    """What holds for an object of this kind (one of `objects.KINDS`) without the key."""
    return _HELD.get(kind, {}).get(key, "none")
