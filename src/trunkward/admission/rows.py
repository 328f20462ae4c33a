"""Declared things as they stand in a snapshot: flat values that msgpack carries, and back again."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from ipaddress import ip_address, ip_network

import msgspec

from trunkward.calls.attempt import Transport
from trunkward.numbering.plan import DialPlan
from trunkward.trunks.callers import CallerRule, Diverting, OtherCaller
from trunkward.trunks.customer import Customer
from trunkward.trunks.destinations import DestinationPolicies
from trunkward.trunks.model import (
    Carrier,
    CertifiedBy,
    Declared,
    Host,
    IdentifiedBy,
    Limits,
    MediaPolicy,
    NodeSettings,
    Routing,
    Trunk,
)
from trunkward.trunks.spending import (
    TRUNK_CAPS,
    AtCap,
    Hold,
    HoldScope,
    OwnerSpending,
    Raise,
    Spending,
    Window,
)
from trunkward.trunks.transit import CallerName, Role
from trunkward.trunks.verification import Failed, Missing, VerificationPolicy


class VerificationRow(msgspec.Struct, frozen=True, array_like=True):
    """What becomes of calls by what their signatures are worth."""

    missing: Missing
    failed: Failed
    wait_ms: int


class TrunkRow(msgspec.Struct, frozen=True, array_like=True):
    """A trunk without its numbers, which have a table of their own (`NumberRow`)."""

    name: str
    tenant: str
    networks: list[str]
    certificate_sha256: str
    certificate_issued_here: bool
    host: tuple[str, int] | None
    tls_names: tuple[str, ...]
    srtp_suites: tuple[str, ...]
    max_call_s: int
    enabled: bool
    unsafe_tls12: bool
    reseller: str
    #: Which row of `permits` its destinations are.
    permit: int
    identified_by: tuple[IdentifiedBy, ...]
    #: SHA-256 of the authority's PEM, "" where its certificate is known by its fingerprint, and the subject.
    authority: str
    subject: str
    username: str
    unsafe_md5: bool
    registers: bool
    behind_nat: bool
    dial_plan: tuple[str, str, str, str, str] | None
    emergency_numbers: tuple[str, ...]
    caller: tuple[str, str, bool]
    diversion: str
    failover: tuple[str, ...]
    emergency_callback: str
    role: Role
    #: Name and reason; when they were looked at stays with the file.
    caller_name: tuple[str, str] | None
    #: Reference of its tenant's KYC record, and when it was verified (seconds since the epoch).
    customer: tuple[str, int] | None
    verstat: bool
    verification: VerificationRow
    supplies_levels: bool


class NumberRow(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A number in a trunk's inventory, and what is said of it."""

    trunk: str
    failover: tuple[str, ...] | None = None
    calls_out: bool = True


class CarrierRow(msgspec.Struct, frozen=True, array_like=True):
    """A carrier without its prefixes, which have a table of their own."""

    name: str
    hosts: list[tuple[str, int]]
    transport: Transport
    media: MediaPolicy
    networks: list[str]
    tls_names: tuple[str, ...]
    srtp_suites: tuple[str, ...]
    certificate_issued_here: bool
    ca_file: str
    #: SHA-256 of the PEM of the authority it must lead to.
    authority: str
    emergency: bool
    enabled: bool
    trusted: bool
    session_timer_s: int
    verification: VerificationRow


class NodeRow(msgspec.Struct, frozen=True, array_like=True):
    """The node."""

    name: str
    contact_hosts: tuple[str, ...]
    addresses: tuple[str, ...]
    tls_port: int
    plain_port: int
    media_addresses: tuple[str, ...]
    media_port_min: int
    media_port_max: int
    spc: str
    x5u: str
    emergency_numbers: tuple[str, ...]
    country: str
    region: str
    gates: int
    max_call_s: int
    grant_s: int
    realm: str
    tls12_port: int
    unsafe_unanchored_media: bool
    unsafe_trusted_clock: bool
    announcements: str
    unsafe_fictional_numbers: bool
    unsafe_test_signatures: bool
    currency: str
    routing: Routing
    margin_nano: int
    spend_ring_s: int
    id: str
    ledger_nodes: tuple[str, ...]


class SecretRow(msgspec.Struct, frozen=True, array_like=True):
    """One secret of a trunk, sealed (`digest.secret`)."""

    #: Number of the version it was made with.
    id: int
    sha256: bytes
    #: b"": it has none for MD5.
    md5: bytes
    #: Seconds since the epoch; None: for good.
    until: float | None


def authority_id(pem: str) -> str:
    """A name for an authority's certificates: SHA-256 of their PEM, "" for none."""
    return sha256(pem.encode()).hexdigest() if pem else ""


class LimitsRow(msgspec.Struct, frozen=True, array_like=True):
    """The limits of one level of a trunk."""

    #: `trunk`, `tenant` or `reseller`, and its name.
    level: str
    name: str
    calls: int | None
    international: int | None
    classes: dict[str, int]
    per_second: float | None
    number_calls: int | None
    number_per_second: float | None


class DecksRow(msgspec.Struct, frozen=True, array_like=True):
    """By what calls are rated."""

    #: SHA-256 of each deck's text, by name.
    decks: dict[str, str]
    #: Names of decks, by tenant and by carrier.
    tenants: dict[str, str]
    carriers: dict[str, str]


class SpendingRow(msgspec.Struct, frozen=True, array_like=True):
    """The caps of one owner, and what is raised for a time."""

    call: int | None
    hour: int | None
    day: int | None
    month: int | None
    escrow: int
    alerts: tuple[int, ...]
    at_cap: AtCap
    #: Number of the version, window, micro-units, seconds since the epoch.
    raises: tuple[tuple[int, Window, int, float], ...]


class HoldRow(msgspec.Struct, frozen=True, array_like=True):
    """A hold of one owner."""

    version: int
    owner: str
    scope: HoldScope
    cut: bool


def spending_rows(owners: Iterable[OwnerSpending]) -> dict[str, SpendingRow]:
    """By owner; none for what is so without being said."""
    return {
        one.owner: SpendingRow(
            one.spending.call_micro,
            one.spending.hour_micro,
            one.spending.day_micro,
            one.spending.month_micro,
            one.spending.escrow_micro,
            one.spending.alerts,
            one.spending.at_cap,
            tuple((r.version, r.window, r.to_micro, r.until) for r in one.raises),
        )
        for one in owners
        if (one.spending != TRUNK_CAPS if one.owner.startswith("trunk:") else one.spending.has_caps)
        or one.raises
    }


def spending_of_row(owner: str, row: SpendingRow) -> OwnerSpending:
    """What a row says of its owner."""
    return OwnerSpending(
        owner=owner,
        spending=Spending(
            call_micro=row.call,
            hour_micro=row.hour,
            day_micro=row.day,
            month_micro=row.month,
            escrow_micro=row.escrow,
            alerts=row.alerts,
            at_cap=row.at_cap,
        ),
        raises=tuple(
            Raise(version=version, owner=owner, window=window, to_micro=to_micro, until=until)
            for version, window, to_micro, until in row.raises
        ),
    )


def hold_row(hold: Hold) -> HoldRow:
    """A hold as a row, without why."""
    return HoldRow(hold.version, hold.owner, hold.scope, hold.cut)


def hold_of(row: HoldRow) -> Hold:
    """The hold of a row."""
    return Hold(version=row.version, owner=row.owner, scope=row.scope, cut=row.cut)


def decks_row(declared: Declared, decks: Mapping[str, str]) -> DecksRow:
    """By what calls are sold and bought."""
    return DecksRow(
        dict(decks),
        declared.selling_decks,
        {carrier.name: carrier.deck for carrier in declared.carriers if carrier.deck},
    )


def limits_rows(trunk: Trunk, declared: Declared) -> list[LimitsRow]:
    """The limits of a trunk, its tenant and its reseller, as rows."""
    levels = [("trunk", trunk.name, trunk.limits)]
    if (tenant := declared.tenant_limits.get(trunk.tenant)) is not None:
        levels.append(("tenant", trunk.tenant, tenant))
    if (reseller := declared.reseller_limits.get(trunk.reseller)) is not None:
        levels.append(("reseller", trunk.reseller, reseller))
    return [
        LimitsRow(
            level,
            name,
            limits.calls,
            limits.international,
            dict(limits.classes),
            limits.per_second,
            limits.number_calls,
            limits.number_per_second,
        )
        for level, name, limits in levels
    ]


def limits_of(row: LimitsRow) -> tuple[str, str, Limits]:
    """The level of a row, its name, and its limits."""
    return (
        row.level,
        row.name,
        Limits(
            calls=row.calls,
            international=row.international,
            classes=row.classes,
            per_second=row.per_second,
            number_calls=row.number_calls,
            number_per_second=row.number_per_second,
        ),
    )


def trunk_row(trunk: Trunk, permit: int) -> TrunkRow:
    """A trunk as a row; `permit` is the number of its destinations' row."""
    return TrunkRow(
        trunk.name,
        trunk.tenant,
        [str(network) for network in trunk.networks],
        trunk.certificate_sha256,
        trunk.certificate_issued_here,
        (trunk.host.host, trunk.host.port) if trunk.host else None,
        trunk.tls_names,
        trunk.srtp_suites,
        trunk.max_call_s,
        trunk.enabled,
        trunk.unsafe_tls12,
        trunk.reseller,
        permit,
        trunk.identified_by,
        authority_id(trunk.authority),
        trunk.certified_by.subject if trunk.certified_by else "",
        trunk.username,
        trunk.unsafe_md5,
        trunk.registers,
        trunk.behind_nat,
        _plan_row(trunk.dial_plan) if trunk.dial_plan else None,
        trunk.emergency_numbers,
        (trunk.caller.other.value, trunk.caller.number, trunk.caller.forwarded),
        trunk.diversion.value,
        trunk.failover,
        trunk.callback,
        trunk.role,
        (trunk.caller_name.name, trunk.caller_name.reason) if trunk.caller_name else None,
        (trunk.customer.reference, trunk.customer.verified_s) if trunk.customer else None,
        trunk.verstat,
        _verification_row(trunk.verification),
        trunk.supplies_levels,
    )


def trunk_of(row: TrunkRow, destinations: DestinationPolicies) -> Trunk:
    """The trunk of a row, its `numbers` empty, and `authority` a name for what it was (`authority_id`)."""
    return Trunk(
        name=row.name,
        tenant=row.tenant,
        networks=tuple(ip_network(network) for network in row.networks),
        certificate_sha256=row.certificate_sha256,
        certificate_issued_here=row.certificate_issued_here,
        numbers=(),
        host=Host(host=row.host[0], port=row.host[1]) if row.host else None,
        tls_names=row.tls_names,
        srtp_suites=row.srtp_suites,
        max_call_s=row.max_call_s,
        enabled=row.enabled,
        unsafe_tls12=row.unsafe_tls12,
        reseller=row.reseller,
        destinations=destinations,
        identified_by=row.identified_by,
        authority=row.authority,
        certified_by=CertifiedBy(ca="", subject=row.subject) if row.subject else None,
        username=row.username,
        unsafe_md5=row.unsafe_md5,
        registers=row.registers,
        behind_nat=row.behind_nat,
        dial_plan=_plan_of(row.dial_plan) if row.dial_plan else None,
        emergency_numbers=row.emergency_numbers,
        caller=CallerRule(other=OtherCaller(row.caller[0]), number=row.caller[1], forwarded=row.caller[2]),
        diversion=Diverting(row.diversion),
        failover=row.failover,
        emergency_callback=row.emergency_callback,
        role=row.role,
        caller_name=_caller_name_of(row.caller_name) if row.caller_name else None,
        customer=Customer(reference=row.customer[0], verified_s=row.customer[1]) if row.customer else None,
        verstat=row.verstat,
        verification=_verification_of(row.verification),
        supplies_levels=row.supplies_levels,
    )


def _verification_row(policy: VerificationPolicy) -> VerificationRow:
    return VerificationRow(policy.missing, policy.failed, policy.wait_ms)


def _verification_of(row: VerificationRow) -> VerificationPolicy:
    return VerificationPolicy(missing=row.missing, failed=row.failed, wait_ms=row.wait_ms)


def _caller_name_of(row: tuple[str, str]) -> CallerName:
    name, reason = row
    return CallerName(name=name, reason=reason, reviewed="")


def _plan_row(plan: DialPlan) -> tuple[str, str, str, str, str]:
    return (
        plan.country,
        plan.region,
        plan.national_prefix,
        plan.international_prefix,
        plan.tech_prefix,
    )


def _plan_of(row: tuple[str, str, str, str, str]) -> DialPlan:
    country, region, national, international, tech = row
    return DialPlan(
        country=country,
        region=region,
        national_prefix=national,
        international_prefix=international,
        tech_prefix=tech,
    )


def carrier_row(carrier: Carrier) -> CarrierRow:
    """A carrier as a row."""
    return CarrierRow(
        carrier.name,
        [(host.host, host.port) for host in carrier.hosts],
        carrier.transport,
        carrier.media,
        [str(network) for network in carrier.networks],
        carrier.tls_names,
        carrier.srtp_suites,
        carrier.certificate_issued_here,
        carrier.ca_file,
        authority_id(carrier.authority),
        carrier.emergency,
        carrier.enabled,
        carrier.trusted,
        carrier.session_timer_s,
        _verification_row(carrier.verification),
    )


def carrier_of(row: CarrierRow) -> Carrier:
    """The carrier of a row, its `prefixes` empty, and `authority` a name for what it was."""
    return Carrier(
        name=row.name,
        hosts=tuple(Host(host=host, port=port) for host, port in row.hosts),
        transport=row.transport,
        media=row.media,
        prefixes=(),
        networks=tuple(ip_network(network) for network in row.networks),
        tls_names=row.tls_names,
        srtp_suites=row.srtp_suites,
        certificate_issued_here=row.certificate_issued_here,
        ca_file=row.ca_file,
        authority=row.authority,
        emergency=row.emergency,
        enabled=row.enabled,
        trusted=row.trusted,
        session_timer_s=row.session_timer_s,
        verification=_verification_of(row.verification),
    )


def node_row(node: NodeSettings) -> NodeRow:
    """The node as a row."""
    return NodeRow(
        node.name,
        node.contact_hosts,
        tuple(str(address) for address in node.addresses),
        node.tls_port,
        node.plain_port,
        tuple(str(address) for address in node.media_addresses),
        node.media_port_min,
        node.media_port_max,
        node.spc,
        node.x5u,
        node.emergency_numbers,
        node.country,
        node.region,
        node.gates,
        node.max_call_s,
        node.grant_s,
        node.realm or node.name,
        node.tls12_port,
        node.unsafe_unanchored_media,
        node.unsafe_trusted_clock,
        node.announcements,
        node.unsafe_fictional_numbers,
        node.unsafe_test_signatures,
        node.currency,
        node.routing,
        node.margin_nano,
        node.spend_ring_s,
        node.id,
        node.ledger_nodes,
    )


def node_of(row: NodeRow) -> NodeSettings:
    """The node of a row, without what no gate needs: files, and how other processes are to work."""
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    for name in ("addresses", "media_addresses"):
        values[name] = tuple(ip_address(address) for address in values[name])
    return NodeSettings(**values)
