"""One decision record for every verdict, one outcome for every admitted call."""

import msgspec

from trunkward.calls.outcome import Outcome


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True, tag="decision", tag_field="kind"):
    """What was asked, what was decided, and why. No media key and no body ever stands in it."""

    record_id: str
    #: Seconds since the epoch, from the gate's clock.
    at: float
    attempt_id: str
    #: The start of Kamailio that asked.
    edge: str = ""
    call_id: str
    #: `admit`, `reject` or `discard`, with the stable reason code and who has to act.
    verdict: str
    reason: str
    blame: str = "nobody"
    status: int = 0
    trunk: str = ""
    #: Trunk or carrier the call came from; empty for a stranger.
    source_name: str = ""
    direction: str = ""
    calling_number: str = ""
    called_number: str = ""
    #: Peers in the order they are tried.
    routes: list[str] = []
    source: str = ""
    transport: str = ""
    tls_version: str = ""
    tls_cipher: str = ""
    #: SHA-256 of the peer's certificate in DER, lower-case hex.
    certificate_sha256: str = ""
    #: `A`, `B` or empty; why this level, or why none.
    attest: str = ""
    attest_reason: str = ""
    #: Names of checks with what each found, in order.
    findings: list[str] = []
    policy_version: int = 0
    gate: int = 0
    #: Milliseconds from the frame's arrival to the verdict.
    took_ms: float = 0.0


class OutcomeRecord(msgspec.Struct, frozen=True, kw_only=True, tag="outcome", tag_field="kind"):
    """An outcome as it stands in a segment."""

    record_id: str
    at: float
    outcome: Outcome


type Record = DecisionRecord | OutcomeRecord
