"""What the line needs from outside, and what it gets: facts, also when what should answer is lost."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from trunkward.calls.registration import Bindings
from trunkward.digest.algorithm import Algorithm
from trunkward.shaken.attest import Attestation, Rule
from trunkward.shaken.verify import Verification
from trunkward.trunks.spending import Spending, Window
from trunkward.trunks.transit import OF_NODE, CallerName


class PeerIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who the other end of a TLS connection proved to be; read from its certificate by the gate."""

    #: SHA-256 of the certificate in DER, lower-case hex.
    certificate_sha256: str
    #: DNS names in its subjectAltName, as they stand there.
    dns_names: tuple[str, ...] = ()
    #: The chain led to an authority we trust, for whomever.
    chain_verified: bool = False
    #: What a trunk's `subject` may be: names in subjectAltName, or the common name where there is none.
    subjects: tuple[str, ...] = ()
    #: Of the authorities that certify trunks by these subjects, and carriers by these DNS names, those it
    #: leads to now (`rows.authority_id`).
    authorities: frozenset[str] = frozenset()


class Proven(msgspec.Struct, frozen=True, kw_only=True):
    """Digest credentials that are a trunk's: whoever wrote them knows one of its secrets."""

    trunk: str
    username: str
    #: Of ours, and not at its end (`until`, in seconds since the epoch); whether it was used like this before
    #: is not known yet.
    nonce: str
    nc: int
    until: float
    #: What was remembered of nonces when it was made (`digest.nonce`).
    epoch: int
    #: Number of the secret (`trunks.secret.SealedSecret.id`).
    secret: int
    algorithm: Algorithm = Algorithm.SHA256

    @property
    def use(self) -> "NonceUse":
        """This use of its nonce, which must be the first of its count."""
        return NonceUse(nonce=self.nonce, nc=self.nc, until=self.until, epoch=self.epoch)


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """Digest credentials that prove nothing. `why` is for the record: whoever sent them is not told."""

    username: str
    why: str
    #: The trunk with that username; "" for none.
    trunk: str = ""
    #: What would have made them right, for the record.
    remedy: str = ""


class Stale(msgspec.Struct, frozen=True, kw_only=True):
    """Digest credentials for a nonce that is too old or none of ours; nothing else was looked at."""

    why: str


#: What a request shows for our realm; None: nothing.
type Credentials = Proven | Wrong | Stale | None


class SigningClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What the signer is to be asked for; the gate adds record id, origid and Call-ID hash."""

    trunk: str
    tenant: str
    #: Whose certificate it is: the node's, or a reseller's by his name.
    identity: str = OF_NODE
    #: Canonical numbers (RFC 8224 section 8.3). `dest`: where the caller wanted to go, before any retarget.
    orig: str
    dest: str
    #: None: the call came signed, and only `retargets` are.
    level: Attestation | None
    rule: Rule
    #: Reference of the KYC record of its tenant; "": there is none.
    customer: str = ""
    #: The token without which the signer gives neither A nor B, nor what was supplied; None for C of our own.
    relationship: str | None = None
    #: The token without which the signer gives no A; of the contract, nothing supplied. None for the others.
    evidence: str | None = None
    #: The level its own provider supplied, where only the technical act is ours.
    supplied: Attestation | None = None
    #: Each change of the number it goes to (RFC 8946), the first one first: to which, and from which.
    retargets: tuple[tuple[str, str], ...] = ()
    #: For each of them the token of the inventory that the number it left is in.
    retarget_evidence: tuple[str, ...] = ()
    #: The `iat` a retarget keeps; None: its own time, for the call came too long ago.
    received_iat: int | None = None
    #: The name of who calls, which somebody has looked at.
    caller_name: CallerName | None = None


class Unavailable(msgspec.Struct, frozen=True, kw_only=True):
    """A dependency that did not answer: a fact like any other, which the posture table has a row for."""

    what: str
    why: str


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """The signer's answer: values of Identity headers, and of the Date header of the same second."""

    #: `shaken`, `rcd`, and each `div` in the order of the retargets; each is a header of its own.
    identities: tuple[str, ...]
    date: str
    #: Seconds since the epoch.
    iat: int
    #: None: of retargets alone.
    attest: Attestation | None
    #: Serial number of the certificate it was made with, lower-case hex.
    serial: str = ""
    #: Number of its line in the signer's journal; None: its disk was lost.
    journal: int | None = None


class NotSigned(msgspec.Struct, frozen=True, kw_only=True):
    """Alive, but no signature: `why` is the signer's kebab-case reason, or ours for not asking."""

    why: str


type SignatureFact = Signature | NotSigned | Unavailable


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    """A place that holds calls; `most` at once."""

    key: str
    most: int


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A place calls pass through: `burst` at once, and `per_second` in the long run (GCRA)."""

    key: str
    per_second: float
    burst: int


class NonceUse(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a digest nonce (RFC 7616 section 3.4.5): never the same `nc` twice until it ends."""

    nonce: str
    nc: int
    #: Seconds since the epoch: no earlier may its uses be forgotten.
    until: float
    #: Where uses are remembered, what must be so since it was made: what was lost may be one.
    epoch: int


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What a call that is to be set up would cost one owner at first."""

    #: As the ledger knows him: `money:trunk:acme-hq`, `money:tenant:acme`, `money:carrier:north`.
    owner: str
    #: What the price is counted by, in one word; the ledger keeps it with the call.
    tariff: str
    #: The first slice: what is held while it rings, and covers the first grant after the answer.
    slice_micro: int
    caps: Spending
    #: One that is left out when his cap is reached; the call goes by another.
    carrier: bool = False


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """The money one attempt asks for: all of it, and of carriers at least one's, or nothing."""

    #: Whose call it is, should the node die.
    node: str
    #: Of all amounts.
    currency: str
    #: Seconds the longest grant lasts, with what a release needs.
    longest_s: float
    shares: tuple[Share, ...]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """All that one attempt asks of what is alive, in one question: it gets all of it or nothing."""

    record_id: str
    #: Seconds its places are held unless they are renewed.
    hold_s: float
    counters: tuple[Counter, ...] = ()
    rates: tuple[Rate, ...] = ()
    nonce: NonceUse | None = None
    #: Signatures that must not be another call's (`shaken.verify.Verification.replay_keys`), and what tells
    #: this call from others: a hash of what forks and repetitions share (`admission.verified.passports_of`).
    passports: tuple[str, ...] = ()
    call_mark: str = ""
    money: Charge | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to ask."""
        return not (self.counters or self.rates or self.nonce or self.passports or self.money)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """The attempt has what it asked for."""

    record_id: str
    #: Keys of the counters it holds a place in.
    counters: tuple[str, ...] = ()
    #: When the places end by themselves, in Redis' milliseconds; it also tells this reservation from a later
    #: one of the same attempt, by another gate.
    until_ms: int = 0
    #: Money is reserved for it, as for a leg of the ledger with its record id.
    reserved: bool = False
    #: Number of the first of its signatures that is another call's, from 1; 0: none is.
    replayed: int = 0
    #: Owners of routes it may not take, for their carrier's cap is reached.
    cut_routes: tuple[str, ...] = ()


class Over(msgspec.Struct, frozen=True, kw_only=True):
    """One place is full, and so nothing is held."""

    key: str
    most: float
    #: Seconds after which it is worth another try; None where it never is (nothing is allowed at all).
    retry_after_s: int | None


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """The nonce was used with this count before."""


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the nonce was used nobody knows: it is of a time before what is remembered was lost."""


class OverSpend(msgspec.Struct, frozen=True, kw_only=True):
    """The next slice does not fit under a cap, and so nothing is held."""

    owner: str
    window: Window
    cap_micro: int
    #: In that window; of a call's own cap, what the call itself has.
    settled_micro: int
    #: What running and ringing calls may still cost.
    granted_micro: int
    #: Seconds after which something of the window is free; None where nothing is settled in it.
    retry_after_s: int | None


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger may have lost what it knew: for the longest grant nothing is granted."""

    retry_after_s: int
    #: Since then (it counts up): when each node has renewed all its calls in it, nothing is unknown any more.
    epoch: int


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """What is spent is counted in another currency, and two are never added: nothing is granted."""

    #: The ledger's.
    currency: str


type LiveFact = Held | Over | OverSpend | Frozen | Foreign | Replayed | Forgotten | Unavailable


class RunningShare(msgspec.Struct, frozen=True, kw_only=True):
    """What a leg costs one owner; amounts are from its beginning on, so twice the same does no harm."""

    owner: str
    tariff: str
    #: What it has cost by now.
    used_micro: int
    #: What its last grant covers: a ledger that has lost it takes it as granted.
    had_micro: int
    #: What the next grant would cover.
    next_micro: int
    caps: Spending


class RunningLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A call, or a gate's escrow, that is to go on."""

    record_id: str
    #: Seconds since the answer; None while it rings.
    lasted_s: float | None
    #: Who pays; carriers by which it does not go are not in it any more, and their slices are free.
    shares: tuple[RunningShare, ...]
    #: Seconds until it is overdue, should it get nothing: to the end of what it has.
    left_s: float = 0.0
    #: Nobody ends it by its grant: that grows whatever the caps say, and how much was forced is told.
    dead: bool = False


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """A leg has its next slice."""


class AlreadyEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A leg is over in the ledger."""


#: What became of a leg's next slice. Not granted, it keeps what it has.
type LegFact = Granted | OverSpend | Frozen | Foreign | AlreadyEnded


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What a leg that is over has cost each owner, in micro-units; whom it names not has paid nothing."""

    record_id: str
    costs: tuple[tuple[str, int], ...] = ()
    #: Seconds since the epoch, for one told later from a record; None: now.
    ended_at: float | None = None
    #: Nobody knows when it ended: who knows that it has cost more adds the difference.
    at_least: bool = False


#: For an attempt that asks nothing of what is alive: an emergency.
NOTHING_ASKED = Held(record_id="")


class Unverified(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody has looked at a call's signatures, or could: `why` is kebab-case."""

    why: str
    #: Whoever calls: at this moment nobody's signatures can be looked at.
    node_wide: bool = False


#: What its Identity headers are worth; None: not asked, for it is no call of a carrier's.
type VerificationFact = Verification | Unverified | None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was alive when a call was judged."""

    signature: SignatureFact
    clock_synchronised: bool | Unavailable
    #: The node is to take no new calls.
    draining: bool = False
    #: What all nodes agree on: limits, nonces, registrations.
    live: LiveFact = Unavailable(what="redis", why="not-asked")
    #: While that is lost, what this gate says of an inbound call by its own counts, or of one at home with
    #: money it has leased ahead; None: not asked, or not enough.
    local: Held | Over | None = None
    verification: VerificationFact = None


#: For a call that asks nobody.
NO_FACTS = Facts(
    signature=NotSigned(why="not-asked"), clock_synchronised=Unavailable(what="clock", why="not-asked")
)


class Signer(Protocol):
    """The signer, as an adapter sees to it: it answers within its deadline and never raises."""

    async def sign(self, claims: SigningClaims) -> SignatureFact:
        """A signature, a refusal, or `Unavailable`."""


class Live(Protocol):
    """What all nodes agree on, as an adapter sees to it: it answers within its deadline and never raises."""

    async def admit(self, asked: Asked) -> LiveFact:
        """Everything that is asked for, or nothing; an attempt that is asked again has it once."""

    def admit_alone(self, asked: Asked) -> Held | Over:
        """The same by what this gate alone has counted, for when nobody else tells."""

    def admit_by_escrow(self, asked: Asked) -> Held | Over | None:
        """The same with money this gate has leased ahead; None: there is not enough of it."""


class Clock(Protocol):
    """What is known of this machine's clock, without waiting."""

    def synchronised(self) -> bool | Unavailable:
        """Whether the kernel says it is synchronised."""


class Registrar(Protocol):
    """Where the bindings of all nodes are kept, one set for each trunk. No method raises by itself."""

    async def admit(self, asked: Asked) -> LiveFact:
        """As `Live.admit`, for a nonce."""

    async def change(
        self, trunk: str, how: Callable[[Bindings, float], Bindings]
    ) -> tuple[Bindings, float] | Unavailable:
        """Puts what `how` makes of a trunk's bindings into their place, and gives it, with the time.

        `how` gets them with the time there (seconds since the epoch), again when somebody else was faster;
        what it raises passes through, and then nothing is changed.
        """
