"""`node`, as a person may write it: its addresses and ports, its identity, what holds for all its calls."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from trunkward.control.addresses import DnsName, host_and_port, is_address, name_or_address
from trunkward.control.alert_keys import AlertsPart, alerting_of, wrong_in_alerts
from trunkward.control.certificate_keys import (
    LOCAL_OR_SERVER,
    ServerCertificatePart,
    certificate_of,
    wrong_in_certificate,
)
from trunkward.control.identity_keys import (
    IdentityPart,
    PolicyAdministratorPart,
    administrator_of,
    signing_of,
    wrong_in_identity,
)
from trunkward.control.keys import Days, File, MaxCall, Name, Part, Wrong, is_path
from trunkward.control.number_keys import NumberPlanPart, region_of, wrong_in_number_plan
from trunkward.control.spend_keys import Currency, Money
from trunkward.control.verification_keys import NodeVerificationPart, settings_of
from trunkward.numbering.emergency import emergency_of
from trunkward.spend.money import nano
from trunkward.trunks.model import (
    GRANT_S,
    MAX_CALL_S,
    Address,
    Host,
    NodeSettings,
    Probes,
    Routing,
    SharedLive,
)
from trunkward.trunks.retention import EVIDENCE_DAYS, SIGNATURES_DAYS

#: Ports below it need a privilege that no process of a node has (ip(7)), and belong to other services.
_MIN_PORT = 1024
#: Seconds; the edge asks once a second, and a gate may take half of one.
_LEAST_GRANT_S, _MOST_GRANT_S = 4, 3600
_DNS_PORT = 53


# ---- what may be written -------------------------------------------------------------------------


def _addresses(value: Any) -> tuple[Address, ...]:
    """One address, or a list of one of each IP version."""
    listed = value if isinstance(value, list) else [value]
    addresses = tuple(_address(one) for one in listed)
    if not addresses or len({address.version for address in addresses}) != len(addresses):
        raise ValueError(
            "write one IP address of this machine, or a list of one of each version, such as "
            '[192.0.2.10, "2001:db8::10"]'
        )
    return addresses


def _address(value: Any) -> Address:
    try:
        address = ip_address(value) if isinstance(value, str) else None
    except ValueError:
        address = None
    if address is None or address.is_multicast or address.is_unspecified:
        raise ValueError("write an IP address of this machine to use, such as 192.0.2.10")
    if isinstance(address, IPv6Address) and (
        address.is_link_local or address.ipv4_mapped or address.scope_id
    ):
        raise ValueError("write an IPv6 address that others can reach: no link-local and no IPv4-mapped one")
    return address


def _contact_hosts(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(one, str) for one in listed):
        raise ValueError("write a host name or an IP address, such as sbc.example.com or 192.0.2.10")
    hosts = tuple(name_or_address(one) for one in listed)
    versions = [ip_address(host).version for host in hosts if is_address(host)]
    if len(hosts) > 1 and sorted(versions) != [4, 6]:
        raise ValueError("write one name or address, or a list of two addresses, one of each IP version")
    return hosts


def _resolver(value: Any) -> Host:
    """The address of a DNS server, or its address and port."""
    text = value if isinstance(value, str) else ""
    if is_address(text):
        return Host(host=str(ip_address(text)), port=_DNS_PORT)
    try:
        host = host_and_port(text)
    except ValueError:
        host = None
    if host is None or host.is_name:
        raise ValueError(
            'write the address of a DNS server, such as 192.0.2.53, 192.0.2.53:5353 or "2001:db8::53"'
        )
    return host


def _ports(value: Any) -> tuple[int, int]:
    text = value if isinstance(value, str) else ""
    found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", text, re.ASCII)
    low, high = (int(found[1]), int(found[2])) if found else (0, 0)
    if not _MIN_PORT <= low < high < 65_536 or high - low < 99:
        raise ValueError(f'write a range of at least 100 ports above {_MIN_PORT}, such as "30000-39999"')
    return low, high


def _port(number: int) -> int:
    if not _MIN_PORT <= number < 65_536:
        raise ValueError(
            f"write a port of {_MIN_PORT} to 65535, such as 5061: the node has no privilege to take one below"
        )
    return number


def _grant(seconds: int) -> int:
    if not _LEAST_GRANT_S <= seconds <= _MOST_GRANT_S:
        raise ValueError(
            f"write the seconds a call is granted at a time, {_LEAST_GRANT_S} to {_MOST_GRANT_S}, "
            f"such as {GRANT_S}"
        )
    return seconds


def _secrets(text: str) -> str:
    if not is_path(text) or text.endswith("/"):
        raise ValueError("write the absolute path of a directory, such as /etc/trunkward/live")
    return text


def _place(text: str) -> str:
    if not is_path(text) or text.endswith("/"):
        raise ValueError("write the absolute path of a directory, such as /etc/trunkward/announcements")
    return text


type Port = Annotated[int, AfterValidator(_port)]
type Resolvers = Annotated[list[Annotated[Any, BeforeValidator(_resolver)]], Field(max_length=3)]


class MediaPart(Part):
    """`node.media`."""

    address: Annotated[Any, BeforeValidator(_addresses)] = None
    ports: Annotated[tuple[int, int], BeforeValidator(_ports)] = (30_000, 39_999)
    unsafe_unanchored: bool = False


class ProbesPart(Part):
    """`node.probes`."""

    every_s: Annotated[int, Field(ge=0, le=3600)] = 30
    down_after: Annotated[int, Field(ge=1, le=100)] = 3
    up_after: Annotated[int, Field(ge=1, le=100)] = 2


class LivePart(Part):
    """`node.live`."""

    host: Annotated[Any, BeforeValidator(host_and_port)] = None
    socket: File | None = None
    ca: File | None = None
    secrets: Annotated[str, AfterValidator(_secrets)]
    nodes: list[Name] | None = Field(default=None, min_length=1, max_length=64)


class NodePart(Part):
    """`node`."""

    name: DnsName
    contact_host: Annotated[Any, BeforeValidator(_contact_hosts)] = None
    address: Annotated[Any, BeforeValidator(_addresses)]
    tls_port: Port = 5061
    plain_port: Port = 5060
    tls12_port: Port = 5062
    media: MediaPart = MediaPart()
    resolvers: Resolvers = Field(default_factory=list)
    probes: ProbesPart = ProbesPart()
    identity: IdentityPart
    policy_administrator: PolicyAdministratorPart | None = None
    number_plan: NumberPlanPart
    realm: DnsName | None = None
    gates: Annotated[int, Field(ge=1, le=64)] = 2
    retention: Days = 365
    ladder_retention: Days = 30
    signature_retention: Days = SIGNATURES_DAYS
    journal_retention: Days | None = None
    evidence_retention: Days = EVIDENCE_DAYS
    certificate: Annotated[ServerCertificatePart, LOCAL_OR_SERVER] = ServerCertificatePart()
    max_call_s: MaxCall = MAX_CALL_S
    grant_s: Annotated[int, AfterValidator(_grant)] = GRANT_S
    unsafe_trusted_clock: bool = False
    destinations: File | None = None
    announcements: Annotated[str, AfterValidator(_place)] | None = None
    do_not_originate: File | None = None
    unsafe_fictional_numbers: bool = False
    unsafe_test_signatures: bool = False
    currency: Currency = "EUR"
    routing: Annotated[Routing, Field(strict=False)] = Routing.PRIORITY
    margin: Money = "0"
    spend_ring_s: Annotated[int, Field(ge=5, le=180)] = 60
    alerts: AlertsPart = AlertsPart()
    id: Name | None = None
    verification: NodeVerificationPart = NodeVerificationPart()
    live: LivePart | None = None


# ---- what does not go together -------------------------------------------------------------------


def wrong_in_node(node: NodePart, *, tls12: bool) -> Wrong:
    """Its ports, addresses, certificate and home; `tls12`: whether there is a listener for TLS 1.2."""
    if node.tls_port == node.plain_port:
        yield ("node", "plain_port"), "the same as tls_port; write another"
    for name in ("tls_port", "plain_port"):
        if tls12 and node.tls12_port == getattr(node, name):
            yield ("node", "tls12_port"), f"the same as {name}; write another"
    spoken = _versions(node.address)
    if node.media.address is not None and _versions(node.media.address) != spoken:
        wanted = " and ".join(f"an IPv{version} address" for version in sorted(spoken))
        yield ("node", "media", "address"), f"other IP versions than node.address has; write {wanted}"
    if node.contact_host is not None and (why := _no_contact(node)):
        yield ("node", "contact_host"), why
    if node.journal_retention is not None and node.journal_retention < node.signature_retention:
        said = f"less than signature_retention, {node.signature_retention}: numbers would outlive their proof"
        yield ("node", "journal_retention"), said
    low, high = node.media.ports
    for name in ("tls_port", "plain_port", *(["tls12_port"] if tls12 else [])):
        if low <= getattr(node, name) <= high:
            yield ("node", name), "inside node.media.ports; write another"
    yield from wrong_in_certificate(
        ("node", "certificate"), node.certificate, (node.tls_port, node.plain_port)
    )
    yield from wrong_in_identity(("node", "identity"), node.identity, node.policy_administrator)
    yield from wrong_in_alerts(node.alerts)
    yield from wrong_in_number_plan(("node", "number_plan"), node.number_plan)
    if node.live is not None:
        yield from _wrong_in_live(node.live, node.id or node.name)


def _wrong_in_live(live: LivePart, own_name: str) -> Wrong:
    if live.nodes and own_name not in live.nodes:
        yield ("node", "live", "nodes"), f"{own_name}, this node, is not among them; write all, or none"
    if (live.host is None) == (live.socket is None):
        yield ("node", "live"), "write either host (over TLS) or socket"
    elif live.socket is not None and live.ca is not None:
        yield ("node", "live", "ca"), "a socket has no certificate; leave it out"


def _no_contact(node: NodePart) -> str:
    """Why `contact_host` cannot be shown to every peer, "" when it can."""
    addresses = [str(address) for address in node.address]
    if len(addresses) == 1:
        return "a list, but node.address is one; write one name or address" if node.contact_host[1:] else ""
    if not is_address(node.contact_host[0]) or sorted(node.contact_host) == sorted(addresses):
        return ""
    return "node.address has two addresses, and peers of both versions: write a name, or both addresses"


def _versions(addresses: Iterable[Address]) -> set[int]:
    return {address.version for address in addresses}


def unreachable(host: Host, node: NodePart) -> str:
    """Why a node cannot connect to a peer's host, "" when it can."""
    if host.is_name or ip_address(host.host).version in _versions(node.address):
        return ""
    return f"an IPv{ip_address(host.host).version} address, and node.address has none of that version"


# ---- what is declared ----------------------------------------------------------------------------


def node_of(node: NodePart) -> NodeSettings:
    """The node."""
    low, high = node.media.ports
    plan = node.number_plan
    return NodeSettings(
        name=node.name,
        contact_hosts=node.contact_host or (node.name,),
        addresses=node.address,
        tls_port=node.tls_port,
        plain_port=node.plain_port,
        tls12_port=node.tls12_port,
        media_addresses=node.media.address or node.address,
        media_port_min=low,
        media_port_max=high,
        spc=node.identity.spc,
        x5u=node.identity.x5u,
        signing=signing_of(node.identity),
        policy_administrator=administrator_of(node.policy_administrator),
        country=plan.country,
        region=region_of(plan),
        emergency_numbers=tuple(plan.emergency or emergency_of(plan.country, plan.region or "")),
        gates=node.gates,
        certificate=certificate_of(node.certificate),
        max_call_s=node.max_call_s,
        grant_s=node.grant_s,
        realm=node.realm or node.name,
        resolvers=tuple(node.resolvers),
        probes=Probes(
            every_s=node.probes.every_s, down_after=node.probes.down_after, up_after=node.probes.up_after
        ),
        unsafe_unanchored_media=node.media.unsafe_unanchored,
        unsafe_trusted_clock=node.unsafe_trusted_clock,
        destinations_file=node.destinations or "",
        announcements=node.announcements or "",
        do_not_originate_file=node.do_not_originate or "",
        unsafe_fictional_numbers=node.unsafe_fictional_numbers,
        unsafe_test_signatures=node.unsafe_test_signatures,
        currency=node.currency,
        routing=Routing(node.routing),
        margin_nano=nano(node.margin),
        spend_ring_s=node.spend_ring_s,
        alerts=alerting_of(node.alerts),
        id=node.id or "",
        verification=settings_of(node.verification),
        live=_live_of(node.live) if node.live is not None else None,
        ledger_nodes=tuple(node.live.nodes or ()) if node.live is not None else (node.id or node.name,),
    )


def _live_of(live: LivePart) -> SharedLive:
    if live.socket is not None:
        return SharedLive(where=live.socket, secrets=live.secrets)
    return SharedLive(where=str(live.host), secrets=live.secrets, ca_file=live.ca or "")
