"""Records of whose numbers are, a customer's or in blocks ours to give, and of contracts; acts on them."""

from dataclasses import dataclass
from enum import StrEnum

#: Seconds for which a record that was not renewed lets its trunk go on showing the numbers, signed B: that an
#: end was overlooked is no reason to refuse calls of a customer we know.
GRACE_S = 90 * 86_400
#: Kind of a record that numbers are an identity's to give to its customers; it signs nothing by itself.
BLOCK = "block"
#: Kind of a record that a provider has us sign for him what he supplies (47 CFR 64.6301(b)).
CONTRACT = "contract"
#: Kind of a record that numbers were ported to whose certificate signs its trunk's calls.
PORT = "port"


class State(StrEnum):
    """Where a record is on its way."""

    #: Entered, and nobody else has looked at it yet.
    ENTERED = "entered"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REVOKED = "revoked"
    #: Accepted, and past its end.
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecord:
    """One document, and what it says: these numbers belong to this customer, who calls by this trunk.

    Or something of whose certificate an identity is: of a block that they were assigned to him, of a contract
    that he has us sign for him.
    """

    #: Number of the version that entered it, whose actor and time are its own; the record is called by it.
    version: int
    #: "" of an identity's, as are tenant and customer.
    trunk: str
    tenant: str
    #: Reference of his KYC record: whoever has the tenant's name after him is somebody else.
    customer: str
    #: `loa`, `port`, `delegate` or `vetted` (`shaken.evidence.Kind`); of an identity `BLOCK` or `CONTRACT`.
    kind: str
    #: E.164 with `+`, of one length; "" of a contract, which is of no numbers.
    first: str
    last: str
    #: What it is called, and SHA-256 of it; the document itself is kept beside.
    file_name: str
    file_sha256: str
    why: str
    #: Seconds since the epoch: the first moment at which it no longer holds.
    until: float
    #: Record of another customer in whose place it is entered; 0: of none.
    replaces: int = 0
    #: Of a delegate certificate: what was signed with its key (`shaken.possession`).
    proof: str = ""
    #: Number of the version that accepted or rejected it; 0: none has.
    reviewed: int = 0
    accepted: bool = False
    review_why: str = ""
    #: Number of the version that revoked it; 0: none has.
    revoked: int = 0
    revoke_why: str = ""
    #: 16 bytes of chance, hex: with it the journal of acts commits to what is personal in here, and that can
    #: be deleted (`journal.commitment`).
    salt: str
    #: Of a block or port, the node's (`trunks.transit.OF_NODE`) or a reseller's by his name; of a contract, a
    #: reseller's. "" of all others.
    identity: str = ""
    #: Service provider code of that identity when it was entered: it speaks for that provider's certificates
    #: alone. "" of all others, and of what was entered before codes were kept: it speaks for nobody.
    spc: str = ""

    @property
    def of_identity(self) -> bool:
        """Whether it is an identity's, and no trunk's: then it says nothing of a customer."""
        return self.kind in (BLOCK, CONTRACT)

    @property
    def of_provider(self) -> bool:
        """Whether it speaks for one provider's certificates alone."""
        return self.of_identity or self.kind == PORT

    @property
    def whose(self) -> str:
        """For a person: `trunk acme-hq`, or `identity node`."""
        return f"identity {self.identity}" if self.of_identity else f"trunk {self.trunk}"

    @property
    def owner(self) -> str:
        """The same, and who that is."""
        customer = "" if self.of_identity else f", tenant {self.tenant}, customer {self.customer}"
        provider = f", SPC {self.spc or 'not known'}" if self.of_provider else ""
        return f"{self.whose}{customer}{provider}"

    @property
    def numbers(self) -> str:
        """For a person: one number, or the first and the last of many; "" of a contract."""
        return self.first if self.first == self.last else f"{self.first}-{self.last}"

    @property
    def about(self) -> str:
        """For a person: which numbers, and whose; of a contract, whose."""
        return f"{self.numbers} of {self.owner}" if self.first else f"of {self.owner}"

    def in_force(self, at: float) -> bool:
        """Whether gates are to know it at a time, in seconds since the epoch: until its grace is over."""
        return self.accepted and not self.revoked and at < self.until + GRACE_S

    def state(self, at: float) -> State:
        """Where it is at a time, in seconds since the epoch."""
        if self.revoked:
            return State.REVOKED
        if not self.reviewed:
            return State.ENTERED
        if not self.accepted:
            return State.REJECTED
        return State.ACCEPTED if at < self.until else State.ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberBlock:
    """Numbers that are an identity's to give, by a record somebody has accepted."""

    #: Numbers of the versions that entered and accepted it; the record is called by the first.
    record: int
    accepted: int
    identity: str
    #: E.164 with `+`, of one length.
    first: str
    last: str
    #: Seconds since the epoch: the first moment at which it no longer holds.
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceChange:
    """What a version does to records: a new one with its document, or what became of one."""

    #: `add`, `accept`, `reject` or `revoke`.
    act: str
    #: Of `add` without a number yet; else as it is after the act.
    record: EvidenceRecord
    #: Of `add`: the document, compressed.
    packed: bytes = b""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceForgotten:
    """What a version does to records whose time is over: they and their documents are deleted."""

    #: Numbers of the versions that entered them; and of those that wrote down findings about single numbers.
    records: tuple[int, ...] = ()
    findings: tuple[int, ...] = ()
    kept_days: int
