from dataclasses import replace
from typing import Any

import pytest

from trunkward.calltest.identity_check import Dialled, IdentityFault, check_identity, raw_to_der
from trunkward.calltest.parties import LabShaken
from unit.calltest.tokens import CLAIMS, HEADER, NOW_S, base64url, canonical, token

DIALLED = Dialled(orig="12025550101", dest="12025550142", attest="A", at_s=NOW_S)


def test_a_good_token_passes_every_check(shaken: LabShaken) -> None:
    found = check_identity((token(shaken, HEADER, CLAIMS),), DIALLED, shaken)
    assert found.faults == ()
    assert (len(found.passed), found.attest, found.spc) == (5, "A", "709J")


@pytest.mark.parametrize(
    ("header", "claims", "fault"),
    [
        ({"alg": "none"}, {}, "JOSE header"),
        ({"extra": 1}, {}, "JOSE header"),
        ({"x5u": "http://cert.example.com/shaken.pem"}, {}, "not an https URL"),
        ({}, {"attest": "B"}, "attest is 'B'"),
        ({}, {"orig": {"tn": "12025550199"}}, "orig is"),
        ({}, {"dest": {"tn": ["12025550143"]}}, "dest is"),
        ({}, {"iat": int(NOW_S) - 61}, "iat"),
        ({}, {"iat": str(int(NOW_S))}, "iat"),
        ({}, {"origid": "acme-hq"}, "not a UUID"),
        ({}, {"mky": []}, "claims are"),
    ],
)
def test_each_wrong_field_is_named(
    shaken: LabShaken, header: dict[str, Any], claims: dict[str, Any], fault: str
) -> None:
    found = check_identity((token(shaken, HEADER | header, CLAIMS | claims),), DIALLED, shaken)
    assert any(fault in text for text in found.faults)


def test_a_changed_payload_breaks_the_signature(shaken: LabShaken) -> None:
    head, _, rest = token(shaken, HEADER, CLAIMS | {"attest": "B"}).partition(".")
    _, _, tail = rest.partition(".")
    forged = f"{head}.{base64url(canonical(CLAIMS))}.{tail}"
    (fault,) = check_identity((forged,), DIALLED, shaken).faults
    assert fault.startswith("ES256 signature by openssl")


def test_another_authority_breaks_the_chain(shaken: LabShaken) -> None:
    other = replace(shaken, authority=shaken.authority.with_name("otherca.pem"))
    (fault,) = check_identity((token(shaken, HEADER, CLAIMS),), DIALLED, other).faults
    assert fault.startswith("certificate chain by openssl")


def test_another_provider_code_is_named(shaken: LabShaken) -> None:
    found = check_identity((token(shaken, HEADER, CLAIMS),), DIALLED, replace(shaken, spc="999Z"))
    assert found.faults == ("provider code: the certificate is for 709J, expected 999Z",)


@pytest.mark.parametrize("values", [(), ("a.b.c", "a.b.c"), ("not a token",), ("e30.e30",)])
def test_none_two_or_broken_headers_are_faults(shaken: LabShaken, values: tuple[str, ...]) -> None:
    assert check_identity(values, DIALLED, shaken).faults


def test_der_keeps_numbers_positive_and_short() -> None:
    raw = b"\x00" * 31 + b"\x01" + b"\x80" + b"\x00" * 31
    assert raw_to_der(raw).hex() == "30260201010221" + "0080" + "00" * 31
    with pytest.raises(IdentityFault, match="63 bytes"):
        raw_to_der(b"\x01" * 63)
