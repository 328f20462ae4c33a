"""Who an attempt came from; all parties of the laboratory share one address."""

from collections.abc import Callable
from copy import replace
from ipaddress import ip_network

import pytest

from sipkit.places import TABLE
from trunkward.admission.identify import Stranger, identify
from trunkward.admission.ports import PeerIdentity, Proven
from trunkward.admission.rows import authority_id
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Declared, Host, IdentifiedBy

PBX = "ab" * 32
OTHER = "cd" * 32

type Attempt = Callable[..., CallAttempt]


def who(attempt: CallAttempt, peer: PeerIdentity | None, policy: Snapshot) -> str:
    found = identify(attempt, peer, policy)
    return "" if isinstance(found, Stranger) else found.name


@pytest.mark.parametrize(
    ("peer", "source_ip", "name"),
    [
        (PeerIdentity(certificate_sha256=PBX), "127.0.0.1", "acme-hq"),
        (PeerIdentity(certificate_sha256=PBX), "127.0.0.2", ""),
        (PeerIdentity(certificate_sha256=PBX), "::1", ""),
        (PeerIdentity(certificate_sha256=PBX), "not an address", ""),
        (PeerIdentity(certificate_sha256=OTHER), "127.0.0.1", ""),
        (None, "127.0.0.1", ""),
        (
            PeerIdentity(certificate_sha256=OTHER, dns_names=("NORTH.example.net",), chain_verified=True),
            "127.0.0.1",
            "north",
        ),
        (
            PeerIdentity(certificate_sha256=OTHER, dns_names=("north.example.net",), chain_verified=False),
            "127.0.0.1",
            "",
        ),
        (
            PeerIdentity(certificate_sha256=OTHER, dns_names=("x.north.example.net",), chain_verified=True),
            "127.0.0.1",
            "",
        ),
        (
            PeerIdentity(certificate_sha256=OTHER, dns_names=("*.example.net",), chain_verified=True),
            "127.0.0.1",
            "",
        ),
        (
            PeerIdentity(certificate_sha256=OTHER, dns_names=("north.example.net",), chain_verified=True),
            "127.0.0.9",
            "",
        ),
        # a trunk's certificate makes no carrier, whatever names it carries
        (
            PeerIdentity(certificate_sha256=PBX, dns_names=("north.example.net",), chain_verified=True),
            "127.0.0.2",
            "",
        ),
    ],
)
def test_on_tls(
    outbound: Attempt, policy: Snapshot, peer: PeerIdentity | None, source_ip: str, name: str
) -> None:
    assert who(outbound(source_ip=source_ip), peer, policy) == name


@pytest.mark.parametrize(
    ("transport", "source_ip", "port", "name"),
    [
        (Transport.UDP, "127.0.0.41", 35060, "south"),
        (Transport.UDP, "127.0.0.41", 40000, "south"),
        (Transport.UDP, "127.0.0.2", 35060, ""),
        (Transport.TCP, "127.0.0.41", 35060, ""),
        # neither the TLS carrier nor the trunk is known by its address alone
        (Transport.UDP, "127.0.0.41", 25061, "south"),
    ],
)
def test_on_the_plain_listener(
    inbound: Attempt, policy: Snapshot, transport: Transport, source_ip: str, port: int, name: str
) -> None:
    attempt = inbound(transport=transport, source_ip=source_ip, source_port=port)
    assert who(attempt, None, policy) == name


def test_of_several_plain_carriers_the_one_at_the_source_port(inbound: Attempt, declared: Declared) -> None:
    south = declared.carriers[1]
    east = replace(south, name="east", hosts=(Host(host="127.0.0.41", port=45060),))
    off = replace(south, name="off", hosts=(Host(host="127.0.0.41", port=45060),), enabled=False)
    policy = Snapshot(compile_snapshot(replace(declared, carriers=(off, south, east)), {}, 1, TABLE))
    assert who(inbound(source_port=45060), None, policy) == "east"
    assert who(inbound(source_port=35060), None, policy) == "south"
    assert who(inbound(source_port=5), None, policy) == "south"


def test_a_disabled_trunk_is_still_recognised(outbound: Attempt, declared: Declared) -> None:
    trunk = replace(declared.trunks[0], enabled=False, networks=(ip_network("127.0.0.0/8"),))
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), {}, 1, TABLE))
    assert who(outbound(), PeerIdentity(certificate_sha256=PBX), policy) == "acme-hq"


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        (PeerIdentity(certificate_sha256=OTHER), "no trunk or carrier has this certificate"),
        (None, "no certificate, and no trunk is recognised by this network alone"),
        # of a carrier that any authority may certify, and from none of its networks
        (
            PeerIdentity(certificate_sha256=OTHER, dns_names=("north.example.net",), chain_verified=True),
            "no trunk or carrier has this certificate",
        ),
    ],
)
def test_what_a_stranger_was_wanting_is_said(
    outbound: Attempt, policy: Snapshot, peer: PeerIdentity | None, why: str
) -> None:
    found = identify(outbound(source_ip="127.0.0.9"), peer, policy)
    assert isinstance(found, Stranger)
    assert found.why == why


AUTHORITY = "-----BEGIN CERTIFICATE-----\n"
NORTH = PeerIdentity(certificate_sha256=OTHER, dns_names=("North.example.net",), chain_verified=True)
BY_ITS_OWN = replace(NORTH, authorities=frozenset({authority_id(AUTHORITY)}))


@pytest.mark.parametrize(
    ("peer", "enabled", "name", "why"),
    [
        (BY_ITS_OWN, True, "north", ""),
        # Kamailio trusts the authorities of all carriers: another one's may write this one's name
        (NORTH, True, "", "a name of carrier north, on a certificate that does not lead to its ca"),
        (replace(NORTH, chain_verified=False), True, "", "no trunk or carrier has this certificate"),
        (BY_ITS_OWN, False, "", "no trunk or carrier has this certificate"),
    ],
)
def test_a_carriers_certificate_is_of_its_own_authority(
    outbound: Attempt, declared: Declared, peer: PeerIdentity, enabled: bool, name: str, why: str
) -> None:
    north = replace(declared.carriers[0], authority=AUTHORITY, enabled=enabled)
    carriers = (north, *declared.carriers[1:])
    policy = Snapshot(compile_snapshot(replace(declared, carriers=carriers), {}, 1, TABLE))
    assert who(outbound(), peer, policy) == name
    found = identify(outbound(), peer, policy)
    assert isinstance(found, Stranger) is bool(why)
    assert not isinstance(found, Stranger) or found.why.startswith(why)


def test_a_carrier_over_udp_is_nobodys_certificate(outbound: Attempt, declared: Declared) -> None:
    plain = replace(
        declared.carriers[0], transport=Transport.UDP, hosts=(Host(host="127.0.0.31", port=25060),)
    )
    policy = Snapshot(compile_snapshot(replace(declared, carriers=(plain,)), {}, 1, TABLE))
    assert who(outbound(), NORTH, policy) == ""


@pytest.mark.parametrize("shows", [True, False])
def test_whose_certificate_comes_from_elsewhere_is_on_record(
    outbound: Attempt, declared: Declared, *, shows: bool
) -> None:
    """A stolen key is told from a stranger."""
    policy = Snapshot(compile_snapshot(declared, {}, 1, TABLE))
    peer = PeerIdentity(certificate_sha256=PBX if shows else OTHER)
    found = identify(outbound(source_ip="127.0.0.2"), peer, policy)
    assert isinstance(found, Stranger)
    assert (found.claims, found.certified) == (("acme-hq", True) if shows else ("", False))


def test_who_proves_a_secret_from_elsewhere_has_shown_no_certificate(
    outbound: Attempt, declared: Declared
) -> None:
    ways = (IdentifiedBy.NETWORK, IdentifiedBy.DIGEST)
    trunk = replace(declared.trunks[0], identified_by=ways, certificate_sha256="", username="acme")
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), {}, 1, TABLE))
    proven = Proven(trunk="acme-hq", username="acme", nonce="n", nc=1, until=9e9, epoch=7, secret=3)
    found = identify(outbound(source_ip="127.0.0.2"), None, policy, proven)
    assert isinstance(found, Stranger)
    assert (found.claims, found.certified) == ("acme-hq", False)
