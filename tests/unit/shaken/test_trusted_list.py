"""Property 20: the only trust there is comes from a list whose signature was verified."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID
from hypothesis import given
from hypothesis import strategies as st

from stirkit import pki
from stirkit.pki import NOW, NOW_S
from stirkit.tokens import GONE, b64, changed, compact, token
from trunkward.shaken.trusted_list import ListRefused, TrustedList, read_trusted_list

X5U = "https://authority.example.com/administrator.pem"


def entry(certificate: pki.Issued) -> str:
    return base64.b64encode(certificate.x509.public_bytes(Encoding.DER)).decode()


def text(header: dict[str, Any] | None = None, key: pki.Key | None = None, **claims: Any) -> str:
    head = changed({"alg": "ES256", "typ": "JWT", "x5u": X5U}, header or {})
    body = {"version": 1, "sequence": 5, "exp": NOW_S + 3600, "trustList": [entry(pki.root())]}
    return token(key or pki.administrator().key, head, changed(body, claims))


def opened(value: str, now_s: float = NOW_S, known: int = 0) -> TrustedList:
    return read_trusted_list(value.encode(), [pki.administrator().x509], now_s, known=known)


def reason(value: str, **more: Any) -> str:
    with pytest.raises(ListRefused) as refused:
        opened(value, **more)
    return refused.value.reason


def test_good_list() -> None:
    found = opened(text())
    assert found.roots == (pki.root().x509,)
    assert (found.sequence, found.expires_s) == (5, NOW_S + 3600)


def test_certificates_in_pem_are_read_too() -> None:
    assert opened(text(trustList=[pki.pem(pki.root()).decode()])).roots == (pki.root().x509,)
    lines = base64.encodebytes(pki.root().x509.public_bytes(Encoding.DER)).decode()
    assert opened(text(trustList=[lines])).roots == (pki.root().x509,)


def test_signature_of_somebody_else() -> None:
    assert reason(text(key=pki.root().key)) == "list-signature"


def test_list_changed_under_its_signature() -> None:
    head, _, signature = text().split(".")
    body = {"sequence": 5, "exp": NOW_S + 3600, "trustList": [entry(pki.authority().issue())]}
    assert reason(f"{head}.{b64(compact(body))}.{signature}") == "list-signature"


def test_signature_is_looked_at_before_the_content() -> None:
    head, _, signature = text().split(".")
    assert reason(f"{head}.{b64(b'no json')}.{signature}") == "list-signature"


def test_administrator_with_another_key() -> None:
    other = replace(pki.administrator().plan, key=pki.new_key(ec.SECP384R1())).issue()
    with pytest.raises(ListRefused, match="list-signature"):
        read_trusted_list(text().encode(), [other.x509], NOW_S)


@pytest.mark.parametrize(
    ("plan", "refused"),
    [
        (pki.administrator().plan, False),
        (replace(pki.administrator().plan, not_after=NOW), False),
        (replace(pki.administrator().plan, not_after=NOW - timedelta(seconds=1)), True),
        (replace(pki.administrator().plan, not_before=NOW + timedelta(seconds=1)), True),
        (pki.administrator().plan.having(pki.usage("crl_sign"), critical=True), True),
        (pki.administrator().plan.without(ExtensionOID.KEY_USAGE), True),
    ],
    ids=[
        "good",
        "its last second",
        "ended",
        "not yet valid",
        "for lists of revocations alone",
        "for nothing",
    ],
)
def test_the_administrators_certificate_may_sign_now(plan: pki.Plan, refused: bool) -> None:
    """As for revocation lists: a key that was stolen and whose certificate has ended signs nothing."""
    named = [plan.issue().x509]
    if not refused:
        assert read_trusted_list(text().encode(), named, NOW_S).sequence == 5
        return
    with pytest.raises(ListRefused, match="list-signer-unfit"):
        read_trusted_list(text().encode(), named, NOW_S)
    # beside another of the same key that may, it does no harm
    both = [*named, pki.administrator().x509]
    assert read_trusted_list(text().encode(), both, NOW_S).sequence == 5


def test_any_certificate_of_the_administrator_will_do() -> None:
    """It renews its own: a person names the next one beside the one in use. Without any no list is good."""
    now, later = pki.administrator().x509, replace(pki.administrator().plan, key=pki.new_key()).issue().x509
    for named in ([later, now], [now, later]):
        assert read_trusted_list(text().encode(), named, NOW_S).sequence == 5
    for wrong in ([later], []):
        with pytest.raises(ListRefused, match="list-signature"):
            read_trusted_list(text().encode(), wrong, NOW_S)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda: text({"alg": "none"}), "list-algorithm"),
        (lambda: text({"alg": "HS256"}), "list-algorithm"),
        (lambda: text({"alg": GONE}), "list-algorithm"),
        (lambda: text({"crit": ["x"]}), "list-algorithm"),
        (lambda: text({"x5u": GONE}), "list-signer"),
        (lambda: text(exp=GONE), "list-malformed"),
        (lambda: text(exp=str(NOW_S + 1)), "list-malformed"),
        (lambda: text(sequence="5"), "list-malformed"),
        (lambda: text(trustList=GONE), "list-malformed"),
        (lambda: text(trustList=[]), "list-malformed"),
        (lambda: text(trustList="x"), "list-malformed"),
        (lambda: text(trustList=[entry(pki.root()), "AAAA"]), "list-malformed"),
        (lambda: text(trustList=[entry(pki.root()), 1]), "list-malformed"),
        (lambda: text(exp=NOW_S - 1), "list-expired"),
        (lambda: "", "list-malformed"),
        (lambda: "a.b", "list-malformed"),
        (lambda: text() + "=", "list-malformed"),
        (lambda: text() + ".x", "list-malformed"),
        (lambda: text() + "\N{LATIN SMALL LETTER U WITH DIAERESIS}", "list-malformed"),
    ],
)
def test_each_list_that_is_not_taken(value: Any, expected: str) -> None:
    assert reason(value()) == expected


def test_end_to_the_second_and_no_way_back() -> None:
    assert opened(text(exp=NOW_S)).expires_s == NOW_S
    assert opened(text(), known=5).sequence == 5
    assert reason(text(), known=6) == "list-older"


LIST = text()


@given(
    st.text(max_size=300)
    | st.builds(lambda at, c: LIST[:at] + c + LIST[at + 1 :], st.integers(0, 600), st.characters())
)
def test_no_text_is_taken_for_it(value: str) -> None:
    try:
        found = opened(value)
    except ListRefused:
        return
    assert value.strip() == LIST
    assert found.sequence == 5
