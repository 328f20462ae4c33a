"""The emergency row of the posture table for the case that no gate answers at all.

Not a decision: a list rendered beforehand, matched exactly. Who the caller is comes from the same
facts a gate would use (network and certificate), the number is compared whole, never by prefix.
"""

import base64
import re

# `hashlib` would load OpenSSL a second time; this is CPython's own SHA-2.
from _sha2 import sha256  # type: ignore[import-not-found]
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

#: RFC 3966 section 3: `visual-separator`.
_SEPARATORS = str.maketrans("", "", "-.()")
_ESCAPED = re.compile("%([2-7][0-9A-Fa-f])")


def admit(
    facts: dict[str, Any], table: list[dict[str, Any]], is_of: Callable[[int, str], bool]
) -> dict[str, Any] | None:
    """The verdict for an identified trunk's emergency call, None for everything else.

    `is_of`: whether a connection was recognised as a peer's (`edge.identified`).
    """
    number = dialled(facts["ruri"])
    for trunk in table:
        called = trunk["numbers"].get(number)
        if called is not None and _is(trunk, facts, is_of):
            return {
                "verdict": "admit",
                "id": facts["id"],
                "record_id": facts["id"],
                "reason": "admitted-emergency",
                "trunk": trunk["trunk"],
                "source": trunk["trunk"],
                "tenant": trunk["tenant"],
                "grant": None,
                "direction": "outbound",
                "called": called,
                "from_uri": "",
                "hide_name": False,
                # nobody has judged what it says of its caller: it is shown, and not asserted
                "remove_headers": trunk["remove_headers"],
                "callback": trunk["callback"],
                "routes": [
                    route | {"ruri": route["ruri"].replace("{number}", called), "offer": facts["body"]}
                    for route in trunk["routes"]
                ],
            }
    return None


def dialled(ruri: str) -> str:
    """What a Request-URI says was dialled, as the rows have it."""
    # without a password (RFC 3261 section 19.1.1) and parameters
    user = re.split("[@:;]", ruri.partition(":")[2], maxsplit=1)[0]
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), user).translate(_SEPARATORS)


def is_somebody(
    facts: dict[str, Any], table: list[dict[str, Any]], is_of: Callable[[int, str], bool]
) -> bool:
    """Whether a request is some trunk's, as far as can be seen here."""
    return any(_is(trunk, facts, is_of) for trunk in table)


def _is(trunk: dict[str, Any], facts: dict[str, Any], is_of: Callable[[int, str], bool]) -> bool:
    source, networks = ip_address(facts["source_ip"]), trunk["networks"]
    if facts["transport"] != "tls":
        return False
    if networks and not any(source in ip_network(network) for network in networks):
        return False
    if wanted := trunk["certificate_sha256"]:
        return bool(wanted == fingerprint(facts.get("tls", {}).get("peer_certificate", "")))
    # with nothing that can be seen here: whom a gate has recognised on this connection before
    return bool(networks) or is_of(facts["connection"], f"trunk:{trunk['trunk']}")


def fingerprint(pem: str) -> str:
    """SHA-256 of a certificate's DER, lower-case hex; "" for no certificate."""
    lines = [line for line in pem.splitlines() if line and not line.startswith("-----")]
    return sha256(base64.b64decode("".join(lines))).hexdigest() if lines else ""
