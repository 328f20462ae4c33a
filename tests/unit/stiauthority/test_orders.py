"""What the test authority refuses, and that it refuses it before anything is issued."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from trunkward.control.pki import request_signing_certificate
from trunkward.shaken import jwt
from trunkward.shaken.authority_token import atc_claim, identifier_value
from trunkward.stiauthority.home import Home
from trunkward.stiauthority.orders import Account, CertificationAuthority, Order, Problem, Status

SPC = "000T"
URL = "https://sti-pa.example.net/download/v1/crl"
ACCOUNT_KEY, KEY, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home.at(tmp_path_factory.mktemp("sti"), hosts=("localhost", "127.0.0.1"), revocations_url=URL)


@pytest.fixture
def authority(home: Home) -> CertificationAuthority:
    return CertificationAuthority(home=home, revocations_url=URL)


@pytest.fixture
def account(authority: CertificationAuthority) -> Account:
    return authority.open_account(ACCOUNT_KEY.public_key(), [])


def ordered(authority: CertificationAuthority, account: Account, spc: str = SPC) -> Order:
    return authority.open_order(account, [{"type": "TNAuthList", "value": identifier_value(spc)}])


def token(home: Home, **changed: object) -> str:
    """What the policy administrator says; `signer`, `exp`, `spc`, `account`, or parts of `atc` may be others."""
    atc = atc_claim(str(changed.pop("spc", SPC)), changed.pop("account", ACCOUNT_KEY).public_key())  # type: ignore[attr-defined]
    signer = changed.pop("signer", home.administrator.key)
    end = changed.pop("exp", int((datetime.now(UTC) + timedelta(hours=1)).timestamp()))
    claims = {"exp": end, "jti": changed.pop("jti", "1"), "atc": atc | changed}
    return jwt.sign({"typ": "JWT", "x5u": "https://sti-pa.example.net/c"}, claims, signer)  # type: ignore[arg-type]


def request(key: ec.EllipticCurvePrivateKey = KEY, spc: str = SPC) -> bytes:
    pem = request_signing_certificate(key, spc, None)
    return x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER)


def test_a_whole_order(authority: CertificationAuthority, account: Account, home: Home) -> None:
    order = ordered(authority, account)
    with pytest.raises(Problem, match="pending"):
        authority.finalize(order, request())
    authority.prove(order, {"tkauth": token(home)})
    assert order.status is Status.READY
    authority.finalize(order, request())
    leaf, intermediate = x509.load_pem_x509_certificates(order.chain_pem.encode())
    assert leaf.public_key() == KEY.public_key()
    assert intermediate.subject == leaf.issuer
    assert home.root.certificate not in (leaf, intermediate)


@pytest.mark.parametrize(
    "identifiers",
    [
        None,
        [],
        [{"type": "dns", "value": "sbc.example.com"}],
        [{"type": "TNAuthList", "value": "nonsense"}],
        [{"type": "TNAuthList", "value": identifier_value(SPC)}] * 2,
        {"type": "TNAuthList", "value": identifier_value(SPC)},
    ],
)
def test_an_order_is_for_one_code(
    authority: CertificationAuthority, account: Account, identifiers: object
) -> None:
    with pytest.raises(Problem):
        authority.open_order(account, identifiers)


TOKENS: dict[str, tuple[Callable[[Home], object], str]] = {
    "none": (lambda _home: {}, "no tkauth or atc"),
    "no JWT": (lambda _home: {"tkauth": "x.y"}, "is none"),
    "signed by another": (lambda home: {"tkauth": token(home, signer=STRANGER)}, "not signed by the policy"),
    "ended": (lambda home: {"tkauth": token(home, exp=1)}, "ended at 1970"),
    "of another code": (lambda home: {"tkauth": token(home, spc="111T")}, "tkvalue"),
    "of another account": (lambda home: {"tkauth": token(home, account=STRANGER)}, "fingerprint"),
    "for an authority": (lambda home: {"tkauth": token(home, ca=True)}, "ca is True"),
    "of another type": (lambda home: {"tkauth": token(home, tktype="dns")}, "tktype"),
}


@pytest.mark.parametrize("case", TOKENS)
def test_a_token_that_proves_nothing(
    authority: CertificationAuthority, account: Account, home: Home, case: str
) -> None:
    response, why = TOKENS[case]
    order = ordered(authority, account)
    authority.prove(order, response(home))
    assert order.status is Status.INVALID
    assert order.problem is not None
    assert why in order.problem.detail
    with pytest.raises(Problem):
        authority.finalize(order, request())
    assert order.chain_pem == ""


def test_a_token_is_good_for_one_order(
    authority: CertificationAuthority, account: Account, home: Home
) -> None:
    response = {"atc": token(home, jti="once")}
    first, second = ordered(authority, account), ordered(authority, account)
    authority.prove(first, response)
    authority.prove(second, response)
    assert (first.status, second.status) == (Status.READY, Status.INVALID)


def unsigned() -> bytes:
    """A request whose signature is another's."""
    der = bytearray(request())
    der[-1] ^= 1
    return bytes(der)


def without_a_list() -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(KEY, SHA256()).public_bytes(Encoding.DER)


def with_a_name() -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    asked = x509.load_der_x509_csr(request()).extensions
    for extension in asked:
        builder = builder.add_extension(extension.value, critical=False)
    names = x509.SubjectAlternativeName([x509.DNSName("sbc.example.com")])
    return builder.add_extension(names, critical=False).sign(KEY, SHA256()).public_bytes(Encoding.DER)


def on_another_curve() -> bytes:
    key = ec.generate_private_key(ec.SECP384R1())
    return request(key)


REQUESTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "none": (lambda: b"", "no certificate request"),
    "not signed": (unsigned, "not signed with its own key"),
    "of another code": (lambda: request(spc="111T"), "not the one this order is for"),
    "for no code": (without_a_list, "has no TNAuthList"),
    "for names, too": (with_a_name, "extensions no SHAKEN certificate has"),
    "on another curve": (on_another_curve, "not on P-256"),
    "with the account's key": (lambda: request(ACCOUNT_KEY), "that of an ACME account"),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_request_that_is_refused(
    authority: CertificationAuthority, account: Account, home: Home, case: str
) -> None:
    """Property 11: among them the key of the account, which is no certificate's."""
    made, why = REQUESTS[case]
    order = ordered(authority, account)
    authority.prove(order, {"tkauth": token(home)})
    with pytest.raises(Problem, match=why):
        authority.finalize(order, made())
    assert order.chain_pem == ""


def test_one_account_does_not_see_another_s_orders(
    authority: CertificationAuthority, account: Account
) -> None:
    order = ordered(authority, account)
    other = authority.open_account(STRANGER.public_key(), [])
    with pytest.raises(Problem, match="no such order"):
        authority.order(order.name, other)


def test_a_nonce_is_good_once(authority: CertificationAuthority) -> None:
    nonce = authority.nonce()
    authority.use(nonce)
    with pytest.raises(Problem, match="used before"):
        authority.use(nonce)


def test_only_one_s_own_certificates_are_revoked_and_that_outlives_the_authority(
    tmp_path: Path,
) -> None:
    home = Home.at(tmp_path, hosts=("localhost",), revocations_url=URL)
    authority = CertificationAuthority(home=home, revocations_url=URL)
    account = authority.open_account(ACCOUNT_KEY.public_key(), [])
    other = authority.open_account(STRANGER.public_key(), [])
    order = ordered(authority, account)
    authority.prove(order, {"tkauth": token(home)})
    authority.finalize(order, request())
    leaf = x509.load_pem_x509_certificate(order.chain_pem.encode())
    der = leaf.public_bytes(Encoding.DER)
    with pytest.raises(Problem, match="not a certificate of this account"):
        authority.revoke(der, other)
    assert home.revoked() == []
    authority.revoke(der, account)
    with pytest.raises(Problem, match="already"):
        authority.revoke(der, account)
    again = Home.at(tmp_path, hosts=("localhost",), revocations_url=URL)
    assert [(one.serial, one.issuer) for one in again.revoked()] == [(leaf.serial_number, leaf.issuer)]
    assert again.root.certificate == home.root.certificate
