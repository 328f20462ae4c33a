"""The declared world of one node, after its file has been read and found good."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from trunkward.numbering.plan import DialPlan, default_plan
from trunkward.sip.transport import Transport
from trunkward.trunks.alerting import LOG_ALONE, Alerting
from trunkward.trunks.callers import OWN_ONLY, CallerRule, Diverting, NumberRule
from trunkward.trunks.customer import Customer
from trunkward.trunks.destinations import DestinationPolicies
from trunkward.trunks.retention import RetentionPolicy
from trunkward.trunks.signing import (
    TEST_CERTIFICATES,
    PolicyAdministrator,
    Revocation,
    SigningSource,
)
from trunkward.trunks.spending import NO_CAPS, TRUNK_CAPS, Spending
from trunkward.trunks.transit import OF_NODE, CallerName, Role, SigningIdentity
from trunkward.trunks.verification import GOES_ON, PASSES_ON, VerificationPolicy

#: Seconds. A call of four hours is nearly always one that nobody remembers to be up.
MAX_CALL_S = 14_400
#: Seconds. A call goes on for so long without a gate, less the third that is left when more is asked for.
GRANT_S = 60
#: RFC 4028 section 4 recommends it: half an hour.
SESSION_TIMER_S = 1800

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network


class MediaPolicy(StrEnum):
    """What media a peer gets. `RTP` is a deviation from the secure default and shows as one."""

    SRTP = "srtp"
    RTP = "rtp"


class Routing(StrEnum):
    """Which carrier is tried first, of those with the longest prefix."""

    #: The one that stands first in the file.
    PRIORITY = "priority"
    #: The one that asks least for this number.
    LEAST_COST = "least-cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where a peer listens: an IP address or a name, and a port."""

    host: str
    #: 0: a domain, whose servers and their ports DNS names (RFC 3263).
    port: int = 0

    @property
    def is_name(self) -> bool:
        """Whether DNS has to be asked for it."""
        return ":" not in self.host and not self.host.replace(".", "").isdigit()

    def __str__(self) -> str:
        """`host:port`, with brackets round an IPv6 address; a domain alone."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """Absolute paths, PEM: a certificate with its chain, and its key, which a person keeps up to date."""

    chain: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeSettings:
    """A public authority that issues by ACME (RFC 8555), with HTTP-01, and our account there."""

    #: https URL of its directory.
    directory: str
    #: Mail address it may write to; empty: none is given.
    contact: str = ""
    #: PEM file of the authorities its own HTTPS certificate must lead to; empty: the system's.
    ca_file: str = ""
    #: External account binding (RFC 8555 section 7.3.4): key identifier, file with the MAC key in base64url.
    external_key_id: str = ""
    external_key_file: str = ""
    #: Where it finds our answers; public authorities look at port 80 only (section 8.3).
    http_port: int = 80
    #: Which of its certificate profiles to ask for; empty: its default.
    profile: str = ""


#: Where the certificate comes from that the node shows to whoever connects; None: its own authority.
type CertificateSource = AcmeSettings | CertificateFiles | None


class IdentifiedBy(StrEnum):
    """Ways to recognise a trunk; all that it demands must hold."""

    NETWORK = "network"
    CERTIFICATE = "certificate"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedBy:
    """A client certificate by who issued it to whom, instead of by its fingerprint."""

    #: PEM file of the authority, and of intermediate ones between it and the certificate.
    ca: str
    #: A DNS name in subjectAltName, or the common name of a certificate that has no name there; lower-case.
    subject: str

    def __str__(self) -> str:
        """For a person."""
        return f"{self.subject} by {self.ca}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many calls at once and how many a second; None: not limited here. Every level counts by itself."""

    calls: int | None = None
    #: Of those, the ones abroad, and those to a class of numbers.
    international: int | None = None
    classes: Mapping[str, int] = field(default_factory=dict, hash=False)
    per_second: float | None = None
    #: Of each calling number of a customer's calls, and of each called number of calls to him.
    number_calls: int | None = None
    number_per_second: float | None = None


#: Of a tenant or reseller whose file says nothing.
NO_LIMITS = Limits()
#: Of a trunk whose file says nothing else: a small office's, and no more than a thief should have.
TRUNK_LIMITS = Limits(calls=30, international=2, per_second=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """One customer's connection: how it is recognised, its numbers, where its calls are delivered."""

    name: str
    tenant: str
    networks: tuple[Network, ...]
    #: SHA-256 of the client certificate in DER (lower-case hex); empty while `up` has not issued it, and
    #: where it is recognised in another way.
    certificate_sha256: str
    #: True when the node's own authority issues the certificate.
    certificate_issued_here: bool
    #: E.164 with `+`: the trunk's own inventory.
    numbers: tuple[str, ...]
    #: Where inbound calls go; None: the trunk registers, or only calls out.
    host: Host | None
    #: Names, one of which the PBX's certificate must carry (RFC 5922) when we connect to it.
    tls_names: tuple[str, ...] = ()
    #: SRTP suites offered to the PBX, in order of preference.
    srtp_suites: tuple[str, ...] = ()
    enabled: bool = True
    #: Issued before that one and not at their end yet: the PBX may still show them.
    older_certificates: tuple[str, ...] = ()
    #: Seconds a call of it may last, in either direction.
    max_call_s: int = MAX_CALL_S
    #: May speak TLS 1.2, on the listener for that alone; shows as a deviation.
    unsafe_tls12: bool = False
    #: What it may call: what its reseller, its tenant and itself say of it, those that say something.
    destinations: DestinationPolicies = ()
    # ---- how it is recognised
    #: All of these; by network alone shows as a deviation.
    identified_by: tuple[IdentifiedBy, ...] = (IdentifiedBy.NETWORK, IdentifiedBy.CERTIFICATE)
    #: Its certificate is one of this authority's for this subject; None: the one with the fingerprint above.
    certified_by: CertifiedBy | None = None
    #: What stood in that authority's file when the configuration was put in force (PEM); "" is nobody.
    authority: str = ""
    #: Of its digest credentials.
    username: str = ""
    #: Its digest may be MD5; shows as a deviation.
    unsafe_md5: bool = False

    def demands(self, way: IdentifiedBy) -> bool:
        """Whether this way of recognising it must hold."""
        return way in self.identified_by

    #: Who sells to its tenant; empty: we do.
    reseller: str = ""
    #: Its own; gates see them with those above it (`admission.ceilings`).
    limits: Limits = TRUNK_LIMITS
    #: Its own caps on money.
    spending: Spending = TRUNK_CAPS
    #: Its PBX registers here, and takes its calls on the connection it did it on.
    registers: bool = False
    #: Its media is where its signalling comes from, whatever address its SDP names; shows as a deviation.
    behind_nat: bool = False
    #: How its PBX dials; None: as the node's plan says.
    dial_plan: DialPlan | None = None
    #: By its own plan; empty: the node's.
    emergency_numbers: tuple[str, ...] = ()
    caller: CallerRule = OWN_ONLY
    diversion: Diverting = Diverting.DROP
    #: Of those of its numbers of which more is said.
    number_rules: tuple[tuple[str, NumberRule], ...] = ()
    #: Trunks of its tenant that take its calls when it does not, in order.
    failover: tuple[str, ...] = ()
    #: One of its numbers, where whoever answers its emergency calls can call back; "": see `callback`.
    emergency_callback: str = ""
    #: Whose calls it brings.
    role: Role = Role.ORIGINATING
    #: What becomes of calls in transit by what they came signed with is worth.
    verification: VerificationPolicy = PASSES_ON
    #: Signed of its users beside the number; None: no name is.
    caller_name: CallerName | None = None
    #: Who its tenant is by the provider's own records; None: nobody has said, and its calls are signed C.
    customer: Customer | None = None
    #: Its PBX is told what verification has found of each call (`verstat`, 3GPP TS 24.229 section 7.2A.20).
    verstat: bool = True
    #: It is the switch of its reseller, a provider himself: levels that it supplies are signed as they are.
    supplies_levels: bool = False

    @property
    def in_transit(self) -> bool:
        """Whether another provider has originated its calls: they show numbers that are none of its own."""
        return self.role is not Role.ORIGINATING

    @property
    def callback(self) -> str:
        """The number asserted of an emergency call that shows none of the trunk's; "" where it has none."""
        silent = {number for number, rule in self.number_rules if not rule.calls_out}
        own = (number for number in self.numbers if number not in silent)
        return self.emergency_callback or self.caller.number or next(own, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """One way out and in: hosts in order, how to speak to them, which numbers they take."""

    name: str
    hosts: tuple[Host, ...]
    transport: Transport
    media: MediaPolicy
    #: E.164 prefixes with `+`; the longest match wins, equal ones keep the file's order.
    prefixes: tuple[str, ...]
    #: Sources of inbound calls.
    networks: tuple[Network, ...]
    #: Names, one of which the carrier's certificate must carry, in both directions (RFC 5922).
    tls_names: tuple[str, ...] = ()
    #: SRTP suites it can do, in order of preference.
    srtp_suites: tuple[str, ...] = ()
    #: True when the node's own (test) authority issues this carrier's certificate.
    certificate_issued_here: bool = False
    #: PEM file of the authorities this carrier's certificate must chain to; empty: the node's own.
    ca_file: str = ""
    #: What its certificate must lead to when it calls us (PEM): what stood in that file, or the node's own
    #: authority, when the configuration was put in force. "": a version did that which wrote down none, and
    #: any authority of the node file does.
    authority: str = ""
    #: What we show when we connect to it; None: the certificate of the node's own authority.
    client_certificate: CertificateFiles | None = None
    emergency: bool = False
    enabled: bool = True
    #: Inside our trust domain (RFC 3325 section 2.3): what it asserts is believed, what we assert told to it.
    trusted: bool = True
    #: Name of the deck it sells to us by; "": what its calls cost is not known.
    deck: str = ""
    #: What may be spent on it, by its own prices.
    spending: Spending = NO_CAPS
    #: Seconds of the session timer it is offered (RFC 4028); 0: none.
    session_timer_s: int = SESSION_TIMER_S
    #: What becomes of its calls by what their signatures are worth.
    verification: VerificationPolicy = GOES_ON


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """How carriers' hosts are asked by OPTIONS whether they are there."""

    #: Seconds between two questions to one host; 0: nobody is asked.
    every_s: int = 30
    #: Unanswered in a row after which a host counts as down, and answered in a row after which as up again.
    down_after: int = 3
    up_after: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationSettings:
    """How signed calls from carriers are verified, whichever carrier's."""

    #: PEM of the authorities their hosts' TLS certificates must lead to; "": those this system trusts.
    ca_file: str = ""
    #: Special-purpose networks (RFC 6890) they are fetched from all the same; shows as a deviation.
    unsafe_networks: tuple[Network, ...] = ()
    #: Of a certificate of which no fresh list says whether it is revoked.
    revocation: Revocation = Revocation.SOFT


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLive:
    """A Valkey that somebody else runs, and several nodes count in."""

    #: `host:port`, which speaks TLS, or the absolute path of a unix socket.
    where: str
    #: Directory with a file for each user, `USER.secret`.
    secrets: str
    #: PEM of the authorities its certificate comes from; "": those this system trusts.
    ca_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """The node itself: its name, its addresses and ports, its identity."""

    name: str
    #: What stands in Contact towards peers, on the node's certificate: one name or address; or, on a node
    #: with two addresses, both of them.
    contact_hosts: tuple[str, ...]
    #: One, or one of each IP version.
    addresses: tuple[Address, ...]
    tls_port: int
    plain_port: int
    #: Of the same IP versions as `addresses`.
    media_addresses: tuple[Address, ...]
    media_port_min: int
    media_port_max: int
    #: Service provider code on the SHAKEN certificate (ATIS-1000080), and the URL it is published at; ending
    #: with `/`: below which each has one of its own (`shaken.published`).
    spc: str
    x5u: str
    #: Number plan: emergency numbers, matched exactly.
    emergency_numbers: tuple[str, ...]
    #: Country code without `+`, for numbers dialled in national form.
    country: str = "1"
    #: The country at home, ISO 3166-1 alpha-2: several share a country code.
    region: str = "US"
    gates: int = 2
    #: What the node shows to whoever connects.
    certificate: CertificateSource = None
    #: Seconds a call may last where its trunk says nothing else, and for which it is granted at a time.
    max_call_s: int = MAX_CALL_S
    grant_s: int = GRANT_S
    #: Directory with what refused callers hear, a file for each reason code; empty: they hear nothing.
    announcements: str = ""
    #: Opened only for trunks with `unsafe_tls12`.
    tls12_port: int = 5062
    #: DNS servers to ask, with their ports; empty: the system's.
    resolvers: tuple[Host, ...] = ()
    probes: Probes = Probes()
    #: Of digest credentials (RFC 7616 section 3.3); "": the node's name.
    realm: str = ""
    #: Bench only: media is not anchored; shows as a deviation.
    unsafe_unanchored_media: bool = False
    #: The clock is taken as right though the kernel does not know it to be; shows as a deviation.
    unsafe_trusted_clock: bool = False
    #: File with lines that stand above those of the table of destinations; empty: there is none.
    destinations_file: str = ""
    #: CSV file of numbers that never call; "": none.
    do_not_originate_file: str = ""
    #: Numbers kept for fiction count as real; shows as a deviation.
    unsafe_fictional_numbers: bool = False
    #: Its own TEST authority counts though it is on the Internet; shows as a deviation.
    unsafe_test_signatures: bool = False
    #: What money is counted in, ISO 4217.
    currency: str = "EUR"
    #: Of carriers with the longest prefix of a number, which is tried first.
    routing: Routing = Routing.PRIORITY
    #: Nano-units a minute that a call must be sold above its cost at a carrier; where either is not known,
    #: none.
    margin_nano: int = 0
    #: Seconds a call that costs money may ring at one carrier: its first slice is held meanwhile.
    spend_ring_s: int = 60
    #: Who is told when much of a cap is spent.
    alerts: Alerting = LOG_ALONE
    #: What it is called among the nodes that share a Valkey; "": by its name.
    id: str = ""
    verification: VerificationSettings = VerificationSettings()
    #: None: it has a Valkey of its own.
    live: SharedLive | None = None
    signing: SigningSource = TEST_CERTIFICATES
    #: None: nobody says which authorities of SHAKEN are to be trusted.
    policy_administrator: PolicyAdministrator | None = None
    #: Names of all nodes that count in the Valkey it counts in; empty: nobody has said.
    ledger_nodes: tuple[str, ...] = ()

    @property
    def ledger_name(self) -> str:
        """What it is called among the nodes of one Valkey."""
        return self.id or self.name

    @property
    def dial_plan(self) -> DialPlan:
        """How numbers are dialled where a trunk says nothing else, and by carriers."""
        return default_plan(self.country, self.region)

    def plan_of(self, peer: Trunk | Carrier) -> DialPlan:
        """How a peer dials."""
        return (peer.dial_plan if isinstance(peer, Trunk) else None) or self.dial_plan

    @property
    def address(self) -> Address:
        """The address it listens on, the first of two."""
        return self.addresses[0]

    @property
    def test_authority_counts(self) -> bool:
        """Whether its own TEST authority is good for a signature: on the Internet it is not."""
        return self.unsafe_test_signatures or not any(address.is_global for address in self.addresses)

    @property
    def versions(self) -> frozenset[int]:
        """The IP versions it speaks: 4, 6 or both."""
        return frozenset([address.version for address in self.addresses])


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Everything one node's file declares."""

    node: NodeSettings
    tenants: tuple[str, ...]
    trunks: tuple[Trunk, ...]
    carriers: tuple[Carrier, ...]
    #: How long records of their calls are kept.
    retention: RetentionPolicy = field(default_factory=RetentionPolicy)
    #: By name, of those that have some.
    tenant_limits: Mapping[str, Limits] = field(default_factory=dict, hash=False)
    reseller_limits: Mapping[str, Limits] = field(default_factory=dict, hash=False)
    #: By name, the caps of those that have some.
    tenant_spending: Mapping[str, Spending] = field(default_factory=dict, hash=False)
    reseller_spending: Mapping[str, Spending] = field(default_factory=dict, hash=False)
    #: By name, the deck their calls are sold by, of those that have one; a tenant's goes over its reseller's.
    tenant_decks: Mapping[str, str] = field(default_factory=dict, hash=False)
    reseller_decks: Mapping[str, str] = field(default_factory=dict, hash=False)
    resellers: tuple[str, ...] = ()
    #: By name, of those whose customers' calls are signed by a certificate of their own.
    reseller_identities: Mapping[str, SigningIdentity] = field(default_factory=dict, hash=False)

    def spc_of(self, identity: str) -> str:
        """Service provider code an identity signs under, by its name; "": there is no such one."""
        if identity == OF_NODE:
            return self.node.spc
        its = self.reseller_identities.get(identity)
        return its.spc if its is not None else ""

    @property
    def selling_decks(self) -> dict[str, str]:
        """By tenant, the deck its calls are sold by, its own or its reseller's; of those that have one."""
        resellers = {trunk.tenant: trunk.reseller for trunk in self.trunks}
        decks = {
            tenant: self.tenant_decks.get(tenant) or self.reseller_decks.get(resellers.get(tenant, ""), "")
            for tenant in self.tenants
        }
        return {tenant: deck for tenant, deck in decks.items() if deck}

    @property
    def spending(self) -> dict[str, Spending]:
        """Everybody whose money is counted, as `trunk:acme-hq` or `tenant:acme`, with his caps."""
        kinds: dict[str, Mapping[str, Spending]] = {
            "trunk": {trunk.name: trunk.spending for trunk in self.trunks},
            "tenant": {name: self.tenant_spending.get(name, NO_CAPS) for name in self.tenants},
            "reseller": {name: self.reseller_spending.get(name, NO_CAPS) for name in self.resellers},
            "carrier": {carrier.name: carrier.spending for carrier in self.carriers},
        }
        return {f"{kind}:{name}": caps for kind, names in kinds.items() for name, caps in names.items()}

    @property
    def has_tls12(self) -> bool:
        """Whether some trunk may speak TLS 1.2, so that there is a listener for it."""
        return any(trunk.unsafe_tls12 for trunk in self.trunks)
