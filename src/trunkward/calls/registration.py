"""A registration: what a PBX asks for (RFC 3261 section 10), what it is told, and what is kept of it.

It crosses the edge's socket like a call, in exactly this shape (`trunkward.calls.attempt`).
"""

import msgspec

from trunkward.calls.attempt import TlsFacts
from trunkward.calls.verdict import Challenge, Reason, Reject
from trunkward.sip.transport import Transport


class RegisterAttempt(msgspec.Struct, frozen=True, kw_only=True, tag="register", tag_field="kind"):
    """One REGISTER, before anyone has judged it."""

    #: Chosen by the edge; the logs carry it.
    id: str
    #: Which start of Kamailio it is of: its connections end with it.
    edge: str
    #: Seconds since the epoch, from the edge's clock.
    at: float
    source_ip: str
    source_port: int
    transport: Transport
    #: The address and port of ours it arrived at.
    local_ip: str
    local_port: int
    tls: TlsFacts | None = None
    method: str = "REGISTER"
    ruri: str
    from_uri: str
    to_uri: str
    call_id: str
    cseq: int
    #: The values of the headers the judgement reads, in their order, by lower-case name.
    headers: dict[str, list[str]] = {}
    #: The connection it came on, as the edge will know it again (RFC 5626 section 5.2).
    flow: str
    #: The trunk that has registered over this connection before; "" for none.
    registered: str = ""


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a trunk takes its calls, for a time."""

    #: The Request-URI of requests to it.
    contact: str
    #: URI of the node that has its connection, with the flow as user (RFC 3327, RFC 5626 section 5.2):
    #: whoever may send there reaches the PBX.
    path: str
    #: The node, the start of its Kamailio, and the connection.
    node: str
    edge: str
    flow: str
    #: Seconds since the epoch.
    since: float
    expires_at: float
    #: RFC 5626: which of the PBX's flows this is; "" and 0 where it does not say.
    instance: str = ""
    reg_id: int = 0
    #: RFC 3261 section 10.3: the order of changes.
    call_id: str
    cseq: int
    #: The user of the address it was registered for: the trunk's username, or a number of it.
    user: str
    # ---- for people
    source: str
    transport: str
    user_agent: str = ""
    #: SHA-256 of the certificate shown on the connection; "" for none.
    fingerprint: str = ""
    #: What else it was recognised by (`admission.proofs`).
    proof: str = ""

    @property
    def key(self) -> str:
        """What makes it the same place again: instance and flow where both are told, else the contact."""
        return f"{self.instance} {self.reg_id}" if self.instance and self.reg_id else self.contact


class Bindings(msgspec.Struct, frozen=True, kw_only=True):
    """All of one trunk, newest first."""

    #: Goes up with every change, whatever was lost between.
    serial: int = 0
    bindings: tuple[Binding, ...] = ()


class Registered(msgspec.Struct, frozen=True, kw_only=True, tag="registered", tag_field="verdict"):
    """What it asked for is so; 200 with these headers."""

    id: str
    trunk: str
    reason: Reason = Reason.ADMITTED
    #: In force from now on; the edge keeps what is its own of it.
    bindings: Bindings
    headers: list[tuple[str, str]] = []


class FlowEnded(msgspec.Struct, frozen=True, kw_only=True, tag="flow-ended", tag_field="kind"):
    """The edge tells that a connection is gone over which a trunk was registered."""

    trunk: str
    flow: str


type RegisterVerdict = Registered | Challenge | Reject
