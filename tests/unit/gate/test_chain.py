"""A client certificate leads to a trunk's own authority, or to nobody."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sipkit.places import TABLE
from trunkward.admission.identify import Stranger, identify
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt, TlsFacts
from trunkward.control.node_file import read_node_file
from trunkward.engines.pause import Pause
from trunkward.gate import chain as module
from trunkward.gate import peer as peer_module
from trunkward.gate.chain import Chains
from trunkward.gate.peer import peer_identity
from trunkward.sip.transport import Transport
from trunkward.trunks.model import Carrier

NOW = datetime(2026, 11, 25, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[3] / "examples" / "node.yaml"
ATTEMPT = CallAttempt(
    id="a",
    at=NOW.timestamp(),
    source_ip="127.0.0.31",
    source_port=40000,
    transport=Transport.TLS,
    local_ip="127.0.0.10",
    local_port=5061,
    ruri="sip:+12025550101@sbc.example.com",
    from_uri="sip:+13035550142@north.example.net",
    to_uri="sip:+12025550101@sbc.example.com",
    call_id="c",
    from_tag="t",
)
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


class Party:
    """A name with its key and certificate."""

    def __init__(self, name: str, by: "Party | None" = None, *, ca: bool = False, **made: Any) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(by.name if by else self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=made.get("days", 30)))
        )
        if ca or "basic" in made:
            builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        for names in made.get("names", ()):
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if purposes := made.get("purposes"):
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if permitted := made.get("permitted"):
            limit = x509.NameConstraints([x509.DNSName(permitted)], None)
            builder = builder.add_extension(limit, critical=True)
        self.certificate = builder.sign((by or self).key, SHA256())
        self.pem = self.certificate.public_bytes(Encoding.PEM).decode()


ROOT = Party("Acme root", ca=True)
MIDDLE = Party("Acme issuing", ROOT, ca=True)
STRANGER = Party("Acme root", ca=True)  # the same name, another key
DNS = [[x509.DNSName("pbx.acme.example.com")]]


def leads(party: Party, pem: str, at: datetime = NOW, chains: Chains | None = None) -> bool:
    sha256 = party.certificate.fingerprint(SHA256()).hex()
    return (chains or Chains()).leads(party.certificate, sha256, "id", pem, at.timestamp())


@pytest.mark.parametrize(
    ("make", "pem", "good"),
    [
        (lambda: Party("pbx", ROOT, names=DNS), ROOT.pem, True),
        (lambda: Party("pbx", ROOT), ROOT.pem, True),
        (lambda: Party("pbx", ROOT, purposes=[CLIENT]), STRANGER.pem + ROOT.pem, True),
        (lambda: Party("pbx", MIDDLE, names=DNS), ROOT.pem + MIDDLE.pem, True),
        # whoever a person puts there is trusted, a root or not
        (lambda: Party("pbx", MIDDLE, names=DNS), MIDDLE.pem, True),
        # the PBX's own alone comes from Kamailio
        (lambda: Party("pbx", MIDDLE, names=DNS), ROOT.pem, False),
        (lambda: Party("pbx", ROOT, names=DNS), STRANGER.pem, False),
        (lambda: Party("pbx", Party("pbx", ROOT), names=DNS), ROOT.pem, False),
        (lambda: Party("pbx", names=DNS), ROOT.pem, False),
        (lambda: Party("pbx", ROOT, purposes=[ExtendedKeyUsageOID.SERVER_AUTH]), ROOT.pem, False),
        (lambda: Party("pbx", ROOT, ca=True), ROOT.pem, False),
        (lambda: Party("pbx", ROOT, days=-0.5), ROOT.pem, False),
    ],
)
def test_where_it_leads(make: Callable[[], Party], pem: str, good: bool) -> None:
    assert leads(make(), pem) is good


def test_an_authority_for_some_names_is_none_for_others() -> None:
    # RFC 5280 section 4.2.1.10
    limited = Party("Acme limited", ROOT, ca=True, permitted="west.example.com")
    good = Party("pbx", limited, names=[[x509.DNSName("pbx.west.example.com")]])
    assert leads(good, ROOT.pem + limited.pem)
    assert not leads(Party("pbx", limited, names=DNS), ROOT.pem + limited.pem)


def test_it_is_looked_at_once_and_again_after_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[float] = []
    real = module._look

    def look(certificate: x509.Certificate, pem: str, now: float) -> tuple[bool, Pause]:
        looked.append(now)
        return real(certificate, pem, now)

    monkeypatch.setattr(module, "_look", look)
    chains, pbx = Chains(), Party("pbx", ROOT, names=DNS, days=2)
    for later in (0, 1, 2 * 86_400 - 1):
        assert leads(pbx, ROOT.pem, NOW + timedelta(seconds=later), chains)
    assert len(looked) == 1
    assert not leads(pbx, ROOT.pem, NOW + timedelta(days=2, seconds=1), chains)
    # one that did not is looked at again a minute later: what is not valid yet will be
    early = Party("pbx", ROOT, names=DNS)
    assert not leads(early, ROOT.pem, NOW - timedelta(days=1, seconds=30), chains)
    assert not leads(early, ROOT.pem, NOW - timedelta(days=1, seconds=1), chains)
    assert leads(early, ROOT.pem, NOW - timedelta(days=1) + timedelta(seconds=31), chains)
    # nor is one refused for as long as the clock was ahead in which it had ended
    late = Party("pbx", ROOT, names=DNS)
    assert not leads(late, ROOT.pem, NOW + timedelta(days=300), chains)
    assert leads(late, ROOT.pem, NOW, chains)


@pytest.mark.parametrize(
    ("names", "subjects"),
    [
        (DNS, ("pbx.acme.example.com",)),
        # RFC 5922 section 7.1: a SIP URI without a user is a domain's
        (
            [[x509.UniformResourceIdentifier("sip:acme.example.com"), x509.DNSName("b.example.com")]],
            ("acme.example.com", "b.example.com"),
        ),
        (
            [[x509.UniformResourceIdentifier("sip:alice@acme.example.com"), x509.DNSName("b.example.com")]],
            ("b.example.com",),
        ),
        ([[x509.UniformResourceIdentifier("https://acme.example.com")]], ("acme-pbx",)),
        ((), ("acme-pbx",)),
    ],
)
def test_whom_it_is_for(names: Any, subjects: tuple[str, ...]) -> None:
    pbx = Party("acme-pbx", ROOT, names=names)
    identity = peer_identity(TlsFacts(version="TLSv1.3", cipher="x", peer_certificate=pbx.pem))
    assert identity is not None
    assert identity.subjects == subjects
    assert identity.authorities == frozenset()


def test_a_certificate_that_ends_while_its_connection_stands_proves_no_chain_any_more() -> None:
    """Kamailio has verified it when the connection began; a carrier's may stand for weeks."""
    tls = TlsFacts(version="TLSv1.3", cipher="x", peer_certificate=Party("a", ROOT).pem, peer_verified=True)
    end = (NOW + timedelta(days=30)).timestamp()
    verified = [one.chain_verified for at in (end - 1, end) if (one := peer_identity(tls, now=at))]
    assert verified == [True, False]


@pytest.mark.parametrize(("names", "read"), [(100, 100), (101, 0)])
def test_whoever_shows_more_names_than_anybody_has_shows_none(names: int, read: int) -> None:
    some = [x509.DNSName(f"{a}{b}.example.com") for a, b in product(ascii_lowercase, repeat=2)]
    pbx = Party("acme-pbx", ROOT, names=[some[:names]])
    identity = peer_identity(TlsFacts(version="TLSv1.3", cipher="x", peer_certificate=pbx.pem))
    assert identity is not None
    assert (len(identity.subjects), len(identity.dns_names)) == (read, read)


def carriers_by(**authorities: str) -> Snapshot:
    """The example's TLS carrier once for each name, told apart by their authorities' PEM alone."""
    read = read_node_file(EXAMPLE.read_text(), "examples/node.yaml")
    carriers = (replace(read.carriers[0], name=name, authority=pem) for name, pem in authorities.items())
    return Snapshot(compile_snapshot(replace(read, carriers=tuple(carriers)), {}, 1, TABLE))


@pytest.mark.parametrize(
    ("by", "authorities", "name"),
    [
        (ROOT, {"north": ROOT.pem}, "north"),
        (ROOT, {"north": STRANGER.pem}, ""),
        # of two carriers with one name in one network, the one whose authority it is
        (ROOT, {"east": STRANGER.pem, "north": ROOT.pem}, "north"),
        (STRANGER, {"east": STRANGER.pem, "north": ROOT.pem}, "east"),
        (MIDDLE, {"north": ROOT.pem + MIDDLE.pem}, "north"),
        (MIDDLE, {"north": ROOT.pem}, ""),
        # put in force by a version that wrote no authorities down
        (ROOT, {"north": ""}, "north"),
    ],
)
def test_a_carrier_is_known_by_its_own_authority(by: Party, authorities: dict[str, str], name: str) -> None:
    """Kamailio believes the authorities of all carriers: each could write another's name."""
    policy = carriers_by(**authorities)
    shown = Party("carrier", by, names=[[x509.DNSName("NORTH.example.net")]])
    for verified in (True, False):
        tls = TlsFacts(version="x", cipher="x", peer_certificate=shown.pem, peer_verified=verified)
        found = identify(ATTEMPT, peer_identity(tls, policy, Chains(), NOW.timestamp()), policy)
        assert (found.name if isinstance(found, Carrier) else "") == (name if verified else "")


def test_the_record_says_what_a_carriers_file_lacks() -> None:
    policy = carriers_by(north=STRANGER.pem)
    shown = Party("carrier", ROOT, names=[[x509.DNSName("north.example.net")]])
    tls = TlsFacts(version="x", cipher="x", peer_certificate=shown.pem, peer_verified=True)
    found = identify(ATTEMPT, peer_identity(tls, policy, Chains(), NOW.timestamp()), policy)
    assert isinstance(found, Stranger)
    assert "a name of carrier north" in found.why


def test_certificates_of_strangers_take_a_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    pem = Party("a", ROOT).pem
    monkeypatch.setattr(peer_module, "_MOST_BYTES", 20 * len(pem) * peer_module._TAKES)
    known = peer_module._Known()
    # the same certificate in other words: what stands round it in PEM is anybody's
    other = [f"{'x' * number}\n{pem}" for number in range(100)]
    for text in other:
        assert known.read(text, chain_verified=False) is not None
        assert known.read(other[0], chain_verified=False) is not None
        assert known.bytes <= peer_module._MOST_BYTES
        assert len(known._read) <= 20
    # the one that is asked for again and again stays
    assert (other[0], False) in known._read
    assert known.bytes == sum(len(text) * peer_module._TAKES for text, _ in known._read)
