"""What is seen of a node: the facts its health is made of (`control.health`)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trunkward.control.deviations import Deviation

#: Seconds after which somebody should have looked for what is no longer kept: that is done each hour.
LOOK_LATE_S = 2 * 86_400.0
#: Seconds that a node is up after which somebody should have looked once.
FIRST_LOOK_LATE_S = 3600.0
#: Seconds after which somebody should have verified the journals: that is done each day.
VERIFIED_LATE_S = 2 * 86_400.0
#: Seconds that a node is up after which they should have been once: the first time from the first line on.
FIRST_VERIFIED_LATE_S = 86_400.0


class Part(StrEnum):
    """What a process of the node is."""

    KAMAILIO = "kamailio"
    GATE = "gate"
    VALKEY = "valkey"
    SIGNER = "signer"
    FETCHER = "fetcher"
    RTPENGINE = "rtpengine"
    WORKER = "worker"
    ACME = "acme"
    CERTIFICATES = "certificates"
    IDENTITIES = "identities"
    WEB = "web"


class CertificateOf(StrEnum):
    """Whose a certificate is, and so what its end means."""

    NODE = "node"
    #: From elsewhere: what peers see instead of the node's own.
    SHOWN = "shown"
    SIP_AUTHORITY = "sip-authority"
    SHAKEN = "shaken"
    SHAKEN_AUTHORITY = "shaken-authority"
    #: From elsewhere: what calls are signed under instead of the TEST authority's.
    SIGNING = "signing"
    #: No certificates either: the policy administrator's two lists.
    TRUSTED_LIST = "trusted-list"
    REVOCATIONS = "revocation-list"
    PEER = "peer"
    CARRIER_AUTHORITY = "carrier-authority"
    #: No certificate, but ends in the same way: what levels A and B stand on.
    EVIDENCE = "evidence"
    #: The KYC records of customers, without which neither A nor B is signed.
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFacts:
    """One process, as it was seen."""

    name: str
    part: Part
    #: Why it is not ready; "" when it answers as it should.
    problem: str
    #: "" where it does not say.
    version: str = ""
    #: Seconds since the epoch; None where nobody knows.
    since: float | None = None
    #: How often it was started anew since the node is up.
    restarts: int | None = None
    #: A gate's: the policy it judges by; 0 for none.
    policy_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """What the kernel says of the clock, in seconds; `synchronised` is None when it says nothing."""

    synchronised: bool | None
    #: The configuration takes it as right whatever the kernel says.
    trusted: bool
    offset_s: float | None = None
    estimated_error_s: float | None = None
    maximum_error_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """A certificate by the name of its file; `until` is None when it cannot be read."""

    name: str
    of: CertificateOf
    until: datetime | None
    #: What is wrong with it, or with its renewal; "": nothing.
    problem: str = ""
    #: Whether its renewal is late, its end near; None: it is when less than `CERTIFICATE_SOON` is left.
    late: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsFacts:
    """Records that are not in the database yet."""

    waiting_bytes: int
    #: Age of the oldest.
    waiting_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceFacts:
    """Room where something is written: `what` is `state` (records, database), `run` (memory) or `log`."""

    what: str
    path: str
    free_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionFacts:
    """How the last look for evidence whose time is over went."""

    #: Seconds since the epoch.
    at: float
    #: Why it is not deleted; "": none is over, or it is.
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFacts:
    """What came of verifying the journals. Times in seconds since the epoch."""

    at: float
    #: Something is not as it was written.
    changed: bool
    #: What, of what no heads are signed, or why it could not be looked; "": nothing.
    problem: str
    #: When everything was found as it was written last; 0: never.
    good_at: float
    #: In words, how much was looked at then.
    looked_at: str = ""
    #: On signed lines whose call is not on record, and when that was seen last; "": never.
    unrecorded: str = ""
    #: Heads that should have been signed were not: what came since is not protected.
    silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that was seen of a node at one moment."""

    #: Seconds since the epoch.
    now: float
    parts: tuple[PartFacts, ...]
    #: The policy in force, and since when (seconds since the epoch); 0 when nobody could say.
    policy_version: int
    policy_since: float
    clock: ClockFacts
    #: Since when, and by whom, the node is drained; None: it takes calls.
    drain: str | None = None
    #: Media passes by rtpengine: without it nobody misses it.
    media_anchored: bool = True
    certificates: tuple[CertificateFacts, ...] = ()
    #: None when nobody could say.
    records: RecordsFacts | None = None
    space: tuple[SpaceFacts, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    #: When the backup was made that the node is of, as long as nobody has confirmed its evidence; None:
    #: somebody has, or it is of none.
    restored: str | None = None
    #: None when nobody has looked yet.
    retention: RetentionFacts | None = None
    #: None when nobody has verified the journals yet.
    verified: VerifiedFacts | None = None
    #: Gates and signers that do not take the list of denied evidence.
    denied_left: tuple[str, ...] = ()
    #: Sentences on records of evidence that are not as they were journaled.
    unsound: tuple[str, ...] = ()
    #: Signers that cannot delete what is no longer kept of their journals.
    forget_fails: tuple[str, ...] = ()

    @property
    def retention_fails(self) -> bool:
        """Whether evidence whose time is over is not deleted, or nobody looks for it."""
        its = self.retention
        if its is None:
            return self.up_s > FIRST_LOOK_LATE_S
        return bool(its.problem) or abs(self.now - its.at) > LOOK_LATE_S

    @property
    def verifying_fails(self) -> bool:
        """Whether nobody can tell that the journals are as they were written, or has for too long."""
        its = self.verified
        if its is not None and its.silent:
            return True
        if its is None or not its.good_at:
            return self.up_s > FIRST_VERIFIED_LATE_S
        return abs(self.now - its.good_at) > VERIFIED_LATE_S

    @property
    def up_s(self) -> float:
        """Seconds since the process that was started first was; 0 when nobody could say."""
        return max((self.now - part.since for part in self.parts if part.since is not None), default=0.0)
