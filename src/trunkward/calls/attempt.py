"""What the edge saw: one dialog-forming request, as a value.

The edge reads it out of Kamailio, the gate judges it. It crosses the socket as JSON in
exactly this shape, so `msgspec` decodes it straight into these types.
"""

import msgspec

from trunkward.sip.transport import Transport as Transport


class TlsFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the TLS layer knows of the connection a request came on."""

    version: str
    cipher: str
    #: The peer's certificate in PEM; empty when it showed none. The gate reads fingerprint and names from it.
    peer_certificate: str = ""
    #: True when the chain led to an authority we were told to trust.
    peer_verified: bool = False


class CallAttempt(msgspec.Struct, frozen=True, kw_only=True, tag="attempt", tag_field="kind"):
    """One initial INVITE, before anyone has judged it."""

    #: Chosen by the edge; the record, the logs and the outcome carry it.
    id: str
    #: Which start of Kamailio it is of; the calls of one that has died are closed by it.
    edge: str = ""
    #: Seconds since the epoch, from the edge's clock.
    at: float
    source_ip: str
    source_port: int
    transport: Transport
    #: The address and port of ours it arrived at.
    local_ip: str
    local_port: int
    tls: TlsFacts | None = None
    method: str = "INVITE"
    #: Request-URI, From-URI, To-URI and Contact-URI as received.
    ruri: str
    from_uri: str
    #: Display name in From, as it stands there; "" for none.
    from_name: str = ""
    to_uri: str
    contact_uri: str = ""
    call_id: str
    from_tag: str
    cseq: int = 0
    #: The values of the headers the judgement reads, in their order, by lower-case name.
    headers: dict[str, list[str]] = {}
    #: The trunk that is registered over the connection it came on; "" for none.
    registered: str = ""
    #: Milliseconds it has waited for a certificate (`calls.verdict.Wait`).
    waited_ms: int = 0
    content_type: str = ""
    body: str = ""
