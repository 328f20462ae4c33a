"""A node's health for programs."""

from datetime import UTC, datetime
from typing import Any

from trunkward.control.health import Health
from trunkward.control.health_facts import Part
from trunkward.control.trouble import Trouble

#: Of verifying the journals, what is not for anybody.
_VERIFIED = ("problem", "looked_at", "unrecorded")


def as_document(found: Health, *, names: bool) -> dict[str, Any]:
    """What `status --json` and `/readyz` begin with.

    `names`: those of trunks and carriers are in it; not for `/readyz`, which tells anybody.
    """
    facts = found.facts
    clock = facts.clock
    return {
        "ready": found.ready,
        "draining": facts.drain is not None,
        "troubles": [
            {
                **_told(trouble, names=names),
                "means": trouble.means,
                "lost": trouble.lost,
                "blocks": trouble.blocks,
            }
            for trouble in found.troubles
        ],
        "configuration": facts.policy_version,
        "parts": {
            part.name: {
                "ready": part.name not in found.not_ready,
                "problem": found.not_ready.get(part.name, ""),
                "version": part.version,
                "since": _iso(part.since),
                "restarts": part.restarts,
                **({} if part.part is not Part.GATE else {"policy_version": part.policy_version}),
            }
            for part in facts.parts
        },
        "clock": {
            "synchronised": clock.synchronised,
            "trusted": clock.trusted,
            "offset_s": clock.offset_s,
            "estimated_error_s": clock.estimated_error_s,
            "maximum_error_s": clock.maximum_error_s,
        },
        "records": facts.records
        and {
            "waiting_bytes": facts.records.waiting_bytes,
            "waiting_s": round(facts.records.waiting_s, 3),
        },
        "journals_verified": facts.verified
        and {
            "at": _iso(facts.verified.at),
            "good_at": _iso(facts.verified.good_at or None),
            "changed": facts.verified.changed,
            "silent": facts.verified.silent,
            **({name: getattr(facts.verified, name) for name in _VERIFIED} if names else {}),
        },
        "space": {
            place.what: {"path": place.path, "free_bytes": place.free_bytes, "size_bytes": place.size_bytes}
            for place in facts.space
        },
    }


def _told(trouble: Trouble, *, names: bool) -> dict[str, str]:
    if names or not trouble.nameless:
        return {"what": trouble.what, "problem": trouble.problem}
    return {"what": trouble.nameless, "problem": "trunkward status names them, and what is wrong"}


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
