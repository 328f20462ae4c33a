"""Every reason not to show a certificate that came from elsewhere, and when a good one is renewed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trunkward.control import shown_certificate as shown
from trunkward.control.pki import SipNames
from trunkward.control.shown_certificate import CertificateRefused, Lifetime, Use, check_chain

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAMES = SipNames(
    common_name="sbc.example.com", dns=("sbc.example.com",), addresses=(ip_address("192.0.2.10"),)
)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Chain:
    """A root, an intermediate, and what they issue; keys are made once."""

    def __init__(self) -> None:
        self.root_key, self.middle_key, self.key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        self.root = self.issue("root", self.root_key, "root", self.root_key, authority=True)
        self.middle = self.issue("middle", self.middle_key, "root", self.root_key, authority=True)

    @staticmethod
    def issue(
        subject: str, key: Key, issuer: str, issuer_key: Key, *, authority: bool = False,
        names: tuple[str, ...] = (), usage: tuple[x509.ObjectIdentifier, ...] = (),
        begins: datetime = NOW - timedelta(days=1), ends: datetime = NOW + timedelta(days=46),
    ) -> x509.Certificate:  # fmt: skip
        builder = (
            x509.CertificateBuilder()
            .subject_name(named(subject)).issuer_name(named(issuer)).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )  # fmt: skip
        if names:
            sans = [x509.IPAddress(ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        return builder.sign(issuer_key, SHA256())

    def own(
        self, names: tuple[str, ...] = ("sbc.example.com", "192.0.2.10"),
        usage: tuple[x509.ObjectIdentifier, ...] = (SERVER,),
        begins: datetime = NOW - timedelta(days=1), ends: datetime = NOW + timedelta(days=46),
    ) -> x509.Certificate:  # fmt: skip
        return self.issue(
            "sbc", self.key, "middle", self.middle_key, names=names, usage=usage, begins=begins, ends=ends
        )


CHAIN = Chain()


def check(
    *chain: x509.Certificate, key: Key = CHAIN.key, names: SipNames | None = NAMES, use: Use = Use.SERVER
) -> Lifetime:
    return check_chain(chain, key.public_key(), names, use=use, now=NOW)


def test_a_good_chain_lasts_as_long_as_what_ends_first() -> None:
    assert check(CHAIN.own(), CHAIN.middle).ends == NOW + timedelta(days=46)
    assert check(CHAIN.own(), CHAIN.middle, CHAIN.root).length == timedelta(days=47)
    soon = NOW + timedelta(hours=1)
    short = CHAIN.issue("middle", CHAIN.middle_key, "root", CHAIN.root_key, authority=True, ends=soon)
    assert check(CHAIN.own(), short).ends == soon


def check_weak() -> Lifetime:
    key = ec.generate_private_key(ec.SECP192R1())
    weak = CHAIN.issue("sbc", key, "middle", CHAIN.middle_key, names=("sbc.example.com",))
    return check(weak, key=key)


REFUSED: dict[str, tuple[str, Callable[[], object]]] = {
    "another key": ("key-mismatch", lambda: check(CHAIN.own(), key=CHAIN.root_key)),
    "the issuer first": ("authority", lambda: check(CHAIN.middle, CHAIN.own(), key=CHAIN.middle_key)),
    "a weak key": ("weak-key", check_weak),
    "not in order": ("chain-order", lambda: check(CHAIN.own(), CHAIN.root, CHAIN.middle)),
    "a link left out": ("chain-order", lambda: check(CHAIN.own(), CHAIN.root)),
    "another's certificate above": ("chain-order", lambda: check(CHAIN.own(), CHAIN.own())),
    "at its end": ("expired", lambda: check(CHAIN.own(ends=NOW), CHAIN.middle)),
    "not begun": ("not-yet-valid", lambda: check(CHAIN.own(begins=NOW + timedelta(seconds=1)), CHAIN.middle)),
    "without the address": ("names-missing", lambda: check(CHAIN.own(names=("sbc.example.com",)))),
    "a wildcard only": ("names-missing", lambda: check(CHAIN.own(names=("*.example.com", "192.0.2.10")))),
    "no name at all": ("names-missing", lambda: check(CHAIN.own(names=()))),
    "for clients only": ("usage", lambda: check(CHAIN.own(usage=(CLIENT,)))),
    "for servers only, shown as a client": ("usage", lambda: check(CHAIN.own(), use=Use.CLIENT)),
    "no PEM": ("no-certificate", lambda: shown.read_chain(b"-----BEGIN NOTHING-----")),
    "empty": ("no-certificate", lambda: shown.read_chain(b"")),
    "too many": ("too-long", lambda: shown.read_chain(shown.chain_pem([CHAIN.own()] * 9))),
    "too large": ("too-large", lambda: shown.read_chain(b"#" * 70_000)),
    "no key": ("no-key", lambda: shown.read_private_key(shown.chain_pem([CHAIN.own()]))),
    "a locked key": (
        "key-encrypted",
        lambda: shown.read_private_key(
            CHAIN.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    reason, attempt = REFUSED[case]
    with pytest.raises(CertificateRefused) as refused:
        attempt()
    assert refused.value.reason == reason
    assert str(refused.value)


def test_sha_1_is_refused_where_it_is_relied_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # nobody signs with SHA-1 any more, this library included: SHA-256 stands in for it
    monkeypatch.setattr(shown, "SHA1", SHA256)
    with pytest.raises(CertificateRefused) as refused:
        check(CHAIN.own(), CHAIN.middle)
    assert refused.value.reason == "weak-hash"
    assert "CN=sbc" in str(refused.value)


def test_what_it_may_be() -> None:
    ends = NOW + timedelta(days=46)
    assert check(CHAIN.own(usage=()), use=Use.CLIENT).ends == ends
    assert check(CHAIN.own(usage=(SERVER, CLIENT)), use=Use.CLIENT).ends == ends
    given = CHAIN.own(names=("carrier-issued.example.net",), usage=(CLIENT,))
    assert check(given, names=None, use=Use.CLIENT).ends == ends


def test_a_pair_is_read_back() -> None:
    chain = (CHAIN.own(), CHAIN.middle)
    assert shown.read_chain(b"a comment\n" + shown.chain_pem(chain)) == chain
    pem = CHAIN.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = shown.read_private_key(pem)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == CHAIN.key.public_key()


@pytest.mark.parametrize(
    ("lifetime", "earliest", "latest"),
    [
        (timedelta(days=90), timedelta(days=55.5), timedelta(days=60)),
        (timedelta(days=47), timedelta(days=28), timedelta(days=31.4)),
        (timedelta(days=6), timedelta(days=3.7), timedelta(days=4)),
    ],
)
def test_renewed_with_a_third_left_or_a_little_more(
    lifetime: timedelta, earliest: timedelta, latest: timedelta
) -> None:
    life = Lifetime(begins=NOW, ends=NOW + lifetime)
    second = timedelta(seconds=1)
    assert NOW + earliest - second <= life.renewal(1) < life.renewal(0) <= NOW + latest + second
    assert life.left(life.renewal(0)) == pytest.approx(1 / 3)
    assert life.left(NOW - second) == 1
    assert life.left(NOW + lifetime + second) == 0
