"""Reading one initial INVITE into the value the gate judges (`trunkward.calls.attempt`)."""

import os
import time
from typing import Any

from trunkward.edge import ksr
from trunkward.edge.bounded import Bounded

#: Values of one header that are looked at; of Identity all, for what is too much of it is judged.
_MOST_VALUES = 10
#: The headers a judgement may look at.
_JUDGED = (
    "p-asserted-identity",
    "p-preferred-identity",
    "privacy",
    "identity",
    "date",
    # 3GPP TS 24.229 7.2.18: the level an obligated provider gives, of whom only the signature is ours
    "attestation-info",
    "require",
    "supported",
    "diversion",
    "history-info",
    "session-expires",
    # digest credentials: looked at by the gate, and by nobody else
    "authorization",
    "proxy-authorization",
)

#: This start of Kamailio, in all its processes: read before they are forked.
THIS_EDGE = os.urandom(8).hex()

#: By connection id, which Kamailio counts up and does not use again; TLS 1.3 has no renegotiation, and that
#: of 1.2 is refused.
_facts: Bounded[int, dict[str, Any]] = Bounded(2 << 20)
#: Bytes one takes besides its certificate; a stranger's may have 16 KiB, in each of some thirty processes.
_BESIDES = 1024


def source_of(facts: dict[str, Any]) -> str:
    """Where a request came from, as `address:port`."""
    address = facts["source_ip"]
    return f"[{address}]:{facts['source_port']}" if ":" in address else f"{address}:{facts['source_port']}"


def read() -> dict[str, Any]:
    """The request in hand as a plain dictionary, ready to be sent to the gate."""
    head = ksr.head()
    transport = ksr.pv("$proto").lower()
    attempt: dict[str, Any] = {
        "kind": "attempt",
        "id": os.urandom(16).hex(),
        "edge": THIS_EDGE,
        "at": time.time(),
        "source_ip": ksr.source_ip(),
        "source_port": int(ksr.pv("$sp") or 0),
        "transport": transport,
        "local_ip": ksr.pv("$Ri"),
        "local_port": int(ksr.pv("$Rp") or 0),
        "ruri": ksr.ruri(),
        "from_uri": ksr.pv("$fu"),
        "from_name": ksr.pv("$fn"),
        "to_uri": ksr.pv("$tu"),
        "contact_uri": ksr.pv("$ct"),
        "call_id": ksr.call_id(),
        "from_tag": ksr.pv("$ft"),
        "cseq": int(ksr.pv("$cs") or 0),
        "headers": {
            name: values if name == "identity" else values[:_MOST_VALUES]
            for name in _JUDGED
            if (values := head.values(name))
        },
        "content_type": ksr.pv("$cT"),
        "body": ksr.body(),
    }
    if transport == "tls":
        attempt["tls"] = tls_facts()
        attempt["connection"] = ksr.connection_id()
    return attempt


def tls_facts() -> dict[str, Any]:
    """What is known of the TLS connection the message in hand came on; it does not change while it lives."""
    connection = ksr.connection_id()
    facts = _facts.get(connection)
    if facts is None:
        facts = {
            "version": ksr.pv("$tls_version"),
            "cipher": ksr.pv("$tls_cipher_info"),
            "peer_cn": ksr.pv("$tls_peer_subject_cn"),
            "peer_certificate": ksr.pv("$tls_peer_raw_cert"),
            "peer_verified": ksr.pv("$tls_peer_verified") == "1",
        }
        _facts.put(connection, facts, len(facts["peer_certificate"]) + _BESIDES)
    return facts
