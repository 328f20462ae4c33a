"""The emergency row of the posture table for the case that no gate answers at all.

Not a decision: a list rendered beforehand, matched exactly. Who the caller is comes from the same
facts a gate would use (network and certificate), the number is compared whole, never by prefix.
"""

import base64
import uuid

# `hashlib` would load OpenSSL a second time; this is CPython's own SHA-2.
from _sha2 import sha256  # type: ignore[import-not-found]
from ipaddress import ip_address, ip_network
from typing import Any


def admit(facts: dict[str, Any], table: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The verdict for an identified trunk's emergency call, None for everything else."""
    called = facts["ruri"].partition(":")[2].partition("@")[0].partition(";")[0]
    for trunk in table:
        if called in trunk["numbers"] and _is(trunk, facts):
            return {
                "verdict": "admit",
                "id": facts["id"],
                "record_id": uuid.uuid4().hex,
                "reason": "admitted-emergency",
                "trunk": trunk["trunk"],
                "source": trunk["trunk"],
                "grant": None,
                "direction": "outbound",
                "called": called,
                "from_uri": "",
                "remove_headers": [],
                "routes": [
                    route | {"ruri": route["ruri"].replace("{number}", called), "offer": facts["body"]}
                    for route in trunk["routes"]
                ],
            }
    return None


def _is(trunk: dict[str, Any], facts: dict[str, Any]) -> bool:
    source = ip_address(facts["source_ip"])
    if not any(source in ip_network(network) for network in trunk["networks"]):
        return False
    wanted = trunk["certificate_sha256"]
    return not wanted or wanted == fingerprint(facts.get("tls", {}).get("peer_certificate", ""))


def fingerprint(pem: str) -> str:
    """SHA-256 of a certificate's DER, lower-case hex; "" for no certificate."""
    lines = [line for line in pem.splitlines() if line and not line.startswith("-----")]
    return sha256(base64.b64decode("".join(lines))).hexdigest() if lines else ""
