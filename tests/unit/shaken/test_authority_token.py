"""Authority tokens: what is asked for, and what is refused before it is sent anywhere."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from josepy.jwk import JWKEC

from trunkward.shaken import jwt
from trunkward.shaken.authority_token import (
    Form,
    TokenRefused,
    atc_claim,
    check_token,
    fingerprint,
    identifier_value,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ADMINISTRATOR, ACCOUNT, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
HEADER = {"typ": "JWT", "x5u": "https://sti-pa.example.net/certificate"}


def claims(**changed: object) -> dict[str, object]:
    end = int((NOW + timedelta(hours=1)).timestamp())
    return {"exp": end, "jti": "id6098364921", "atc": atc_claim("000T", ACCOUNT.public_key())} | changed


def check(text: str, now: datetime = NOW, spc: str = "000T") -> None:
    check_token(text, spc=spc, account=ACCOUNT.public_key(), now=now)


def signed(**changed: object) -> str:
    return jwt.sign(HEADER, claims(**changed), ADMINISTRATOR)


def test_what_is_asked_for() -> None:
    """RFC 9448 sections 3 and 5.4."""
    der = ACCOUNT.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = sha256(der).hexdigest().upper()
    pairs = ":".join(digest[at : at + 2] for at in range(0, 64, 2))
    assert fingerprint(ACCOUNT.public_key()) == f"SHA256 {pairs}"
    assert atc_claim("000T", ACCOUNT.public_key()) == {
        "tktype": "TNAuthList",
        "tkvalue": "MAigBhYEMDAwVA==",
        "ca": False,
        "fingerprint": f"SHA256 {pairs}",
    }
    assert identifier_value("000T") == "MAigBhYEMDAwVA"


def test_the_other_name_of_a_key() -> None:
    """RFC 7638 section 3: the members in their order, without spaces; held against the josepy library's."""
    digest = JWKEC(key=ACCOUNT.public_key()).thumbprint()
    assert fingerprint(ACCOUNT.public_key(), Form.JWK) == "SHA256 " + digest.hex(":").upper()


def test_a_good_one() -> None:
    found = check_token(signed(), spc="000T", account=ACCOUNT.public_key(), now=NOW)
    assert (found.jti, found.expires) == ("id6098364921", NOW + timedelta(hours=1))
    assert found.token.is_signed_by(ADMINISTRATOR.public_key())
    assert not found.token.is_signed_by(OTHER.public_key())
    assert not found.token.is_signed_by("no key")


def test_the_value_in_the_other_alphabet_is_the_same_value() -> None:
    for value in ("MAigBhYEMDAwVA", "MAigBhYEMDAwVA=="):
        check(signed(atc=atc_claim("000T", ACCOUNT.public_key()) | {"tkvalue": value}))


REFUSED: dict[str, tuple[str, str]] = {
    "no token": ("nonsense", "not three parts"),
    "two parts": ("e30.e30", "not three parts"),
    "no base64url": ("e30=.e30.AA", "authority token is none"),
    "no object": ("W10.e30.AA", "authority token is none"),
    "a claim twice": (f"{signed().split('.')[0]}.eyJhIjoxLCJhIjoxfQ.AA", "authority token is none"),
    "alg none": (f"eyJhbGciOiJub25lIn0.{signed().split('.')[1]}.AA", "signed with 'none'"),
    "crit": (jwt.sign({**HEADER, "crit": ["b64"]}, claims(), ADMINISTRATOR), "critical"),
    "no jti": (signed(jti=""), "lacks one of"),
    "no exp": (signed(exp=None), "lacks one of"),
    "exp in text": (signed(exp="1800000000"), "lacks one of"),
    "exp beyond time": (signed(exp=10**18), "ends at no time"),
    "no atc": (signed(atc=None), "lacks one of"),
    "ended": (signed(exp=int(NOW.timestamp())), "look at this machine's clock"),
    "another code": (signed(atc=atc_claim("111T", ACCOUNT.public_key())), "tkvalue"),
    "another account": (signed(atc=atc_claim("000T", OTHER.public_key())), "fingerprint"),
    "for an authority": (signed(atc=atc_claim("000T", ACCOUNT.public_key()) | {"ca": True}), "ca is True"),
    "another type": (signed(atc=atc_claim("000T", ACCOUNT.public_key()) | {"tktype": "x"}), "tktype"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    text, why = REFUSED[case]
    with pytest.raises(TokenRefused, match=why):
        check(text)
