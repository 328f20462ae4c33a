"""`carriers`, as a person may write them."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from trunkward.control.addresses import DnsName, Networks, dns_name, host_and_port
from trunkward.control.certificate_keys import LOCAL_OR_CLIENT, ClientCertificatePart, files_of
from trunkward.control.keys import Name, Part, Suites, Wrong, is_path, twice_in
from trunkward.control.node_keys import NodePart, unreachable
from trunkward.control.spend_keys import SpendPart, spending_of, wrong_in_spend
from trunkward.control.verification_keys import VerificationPart, verification_of
from trunkward.control.yaml_lines import PathKey
from trunkward.media.suites import ALLOWED
from trunkward.numbering.e164 import is_prefix
from trunkward.sip.transport import Transport
from trunkward.trunks.model import SESSION_TIMER_S, Carrier, Host, MediaPolicy

_LEAST_SESSION_S, _MOST_SESSION_S = 90, 7200

#: The prefix that every number has.
EVERY_NUMBER = "+"

# ---- what may be written -------------------------------------------------------------------------


def _carrier_host(value: Any) -> Host:
    """`host:port`, or a domain alone, whose servers DNS names."""
    if isinstance(value, str) and ":" not in value and not re.fullmatch(r"[0-9.]*", value):
        return Host(host=dns_name(value))
    try:
        return host_and_port(value)
    except ValueError as problem:
        raise ValueError(f"{problem}; or a domain alone, such as north.example.net") from None


def _prefix(text: str) -> str:
    if text != EVERY_NUMBER and not is_prefix(text):
        raise ValueError(
            'a prefix is \'+\' and the first digits of E.164 numbers, such as "+1202"; "+" is every number'
        )
    return text


def _ca(text: str) -> str:
    if text != "local" and not is_path(text):
        raise ValueError(
            "write local, or the absolute path of a PEM file, such as /etc/trunkward/north-ca.pem"
        )
    return text


def _session_timer(seconds: int) -> int:
    # RFC 4028 section 4: not less than 90 s
    if seconds and not _LEAST_SESSION_S <= seconds <= _MOST_SESSION_S:
        raise ValueError(
            f"write the seconds of the session timer it is offered, {_LEAST_SESSION_S} to "
            f"{_MOST_SESSION_S}, or 0 for none"
        )
    return seconds


type Hosts = Annotated[
    list[Annotated[Any, BeforeValidator(_carrier_host)]], Field(min_length=1, max_length=16)
]


class CarrierPart(Part):
    """One of `carriers`."""

    name: Name
    hosts: Hosts
    transport: Annotated[Transport, Field(strict=False)]
    media: Annotated[MediaPolicy, Field(strict=False)] = MediaPolicy.SRTP
    prefixes: list[Annotated[str, AfterValidator(_prefix)]] = Field(default_factory=list)
    networks: Networks
    tls_names: list[DnsName] = Field(default_factory=list)
    ca: Annotated[str, AfterValidator(_ca)] = "local"
    client_certificate: Annotated[ClientCertificatePart, LOCAL_OR_CLIENT] = ClientCertificatePart()
    srtp: Suites = Field(default_factory=lambda: list(ALLOWED))
    emergency: bool = False
    enabled: bool = True
    trusted: bool = True
    spend: SpendPart = SpendPart()
    deck: Name | None = None
    session_timer_s: Annotated[int, AfterValidator(_session_timer)] = SESSION_TIMER_S
    verification: VerificationPart = VerificationPart()

    @property
    def certified_names(self) -> tuple[str, ...]:
        """Names its certificate may carry: those written, else the domains it is found by (RFC 5922 7.3)."""
        if self.transport is not Transport.TLS:
            return ()
        if self.tls_names:
            return tuple(self.tls_names)
        if all(host.is_name and not host.port for host in self.hosts):
            return tuple(dict.fromkeys(host.host for host in self.hosts))
        return ()


# ---- what does not go together -------------------------------------------------------------------


def wrong_in_carriers(carriers: list[CarrierPart], node: NodePart) -> Wrong:
    """Each carrier by itself, and those that nothing tells from each other."""
    for index, carrier in enumerate(carriers):
        yield from _wrong_in_carrier(("carriers", index), carrier, node)
    yield from _same_source(carriers)


def _wrong_in_carrier(path: PathKey, carrier: CarrierPart, node: NodePart) -> Wrong:
    for index, host in enumerate(carrier.hosts):
        if why := unreachable(host, node):
            yield (*path, "hosts", index), why
    if carrier.transport is not Transport.TLS:
        yield from _wrong_without_tls(path, carrier)
    elif not carrier.certified_names:
        yield (
            path,
            "a TLS carrier needs tls_names: the names of which its certificate must carry one (RFC 5922)",
        )
    if carrier.media is MediaPolicy.RTP and "srtp" in carrier.model_fields_set:
        yield (*path, "srtp"), "this carrier has no SRTP; leave it out, or write media: srtp"
    if not carrier.prefixes and not carrier.emergency:
        yield path, "takes no numbers: write prefixes, or emergency: true"
    yield from twice_in((*path, "prefixes"), carrier.prefixes, "this prefix stands here already")
    yield from twice_in((*path, "srtp"), carrier.srtp, "this suite stands here already")
    yield from wrong_in_spend((*path, "spend"), carrier.spend)
    if carrier.spend != SpendPart() and carrier.deck is None:
        yield (
            (*path, "spend"),
            "what it costs is not known: write the deck it sells by (trunkward deck import)",
        )


def _wrong_without_tls(path: PathKey, carrier: CarrierPart) -> Wrong:
    if carrier.media is MediaPolicy.SRTP:
        yield (
            (*path, "media"),
            f"SRTP keys need TLS (RFC 4568 section 7), not {carrier.transport}: write tls, or media: rtp",
        )
    for name, written in (
        ("tls_names", carrier.tls_names),
        ("ca", carrier.ca != "local"),
        ("client_certificate", carrier.client_certificate.files),
    ):
        if written:
            yield (*path, name), "only for transport: tls; leave it out"
    for index, network in enumerate(carrier.networks):
        if network.prefixlen == 0:
            # nothing but its address tells this peer from any other
            yield (
                (*path, "networks", index),
                "the whole Internet, for a peer without a certificate: name its networks",
            )


def _same_source(carriers: list[CarrierPart]) -> Wrong:
    """Nothing but its address tells a carrier without TLS from another one."""
    plain = [(i, c) for i, c in enumerate(carriers) if c.enabled and c.transport is not Transport.TLS]
    for place, (index, carrier) in enumerate(plain):
        for _, earlier in plain[:place]:
            for at, network in enumerate(carrier.networks):
                if carrier.transport is earlier.transport and _overlaps(network, earlier.networks):
                    said = f"also carrier {earlier.name}'s, and without TLS only the address tells them apart"
                    yield ("carriers", index, "networks", at), f"{said}: write networks that do not overlap"


def _overlaps(network: Any, others: list[Any]) -> bool:
    return any(network.version == other.version and network.overlaps(other) for other in others)


# ---- what is declared ----------------------------------------------------------------------------


def carrier_of(carrier: CarrierPart) -> Carrier:
    """A carrier."""
    local = carrier.transport is Transport.TLS and carrier.ca == "local"
    return Carrier(
        name=carrier.name,
        hosts=tuple(carrier.hosts),
        transport=Transport(carrier.transport),
        media=MediaPolicy(carrier.media),
        prefixes=tuple(carrier.prefixes),
        networks=tuple(carrier.networks),
        tls_names=carrier.certified_names,
        srtp_suites=tuple(carrier.srtp),
        certificate_issued_here=local,
        ca_file="" if carrier.ca == "local" else carrier.ca,
        client_certificate=files_of(carrier.client_certificate.files),
        emergency=carrier.emergency,
        enabled=carrier.enabled,
        trusted=carrier.trusted,
        spending=spending_of(carrier.spend),
        deck=carrier.deck or "",
        session_timer_s=carrier.session_timer_s,
        verification=verification_of(carrier.verification),
    )
