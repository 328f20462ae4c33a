from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trunkward.calltest import identity_check
from trunkward.calltest.identity_check import Dialled, IdentityFault, check_identity, raw_to_der
from trunkward.calltest.parties import LabShaken
from unit.calltest.tokens import CLAIMS, HEADER, NOW_S, X5U, base64url, canonical, token

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


@pytest.mark.parametrize(
    ("said", "instead", "fault"),
    [
        (f"info=<{X5U}>", "info=<https://cert.example.com/other.pem>", "info 'https://cert.example.com/other.pem'"),
        (f"info=<{X5U}>;", "", "info None differs from x5u"),
        ("ppt=shaken", "ppt=div", "header parameters"),
        (";ppt=shaken", "", "header parameters"),
        ("alg=ES256", "alg=none", "header parameters"),
        # RFC 8224 section 4.1: `alg` may be left out
        ("alg=ES256;", "", ""),
    ],
)  # fmt: skip
def test_each_wrong_parameter_is_named(shaken: LabShaken, said: str, instead: str, fault: str) -> None:
    value = token(shaken, HEADER, CLAIMS)
    assert value.count(said) == 1
    found = check_identity((value.replace(said, instead),), DIALLED, shaken)
    assert [text.partition(fault)[0] for text in found.faults] == (["JOSE header: "] if fault else [])


def test_another_url_than_expected_is_named(shaken: LabShaken) -> None:
    elsewhere = "https://cert.example.com/other.pem"
    value = token(shaken, HEADER | {"x5u": elsewhere}, CLAIMS).replace(X5U, elsewhere)
    found = check_identity((value,), DIALLED, shaken)
    assert found.faults == (f"JOSE header: x5u {elsewhere!r}, expected {X5U!r}",)
    # where nobody expects any
    assert check_identity((value,), DIALLED, replace(shaken, x5u=None, spc=None)).faults == ()


@pytest.mark.parametrize(("late_s", "faults"), [(-60, 0), (60, 0), (-61, 1), (61, 1)])
def test_iat_is_within_a_minute_of_the_call(shaken: LabShaken, late_s: int, faults: int) -> None:
    value = token(shaken, HEADER, CLAIMS | {"iat": int(NOW_S) + late_s})
    assert len(check_identity((value,), DIALLED, shaken).faults) == faults


@pytest.mark.parametrize(
    ("header", "payload", "fault"),
    [
        (b"[]", canonical(CLAIMS), "header is not a JSON object"),
        (canonical(HEADER), b"{", "payload is not JSON"),
        (canonical(HEADER), b'{"attest": "A"}', "payload is not in the deterministic form"),
        (b'{"typ":"passport","alg":"ES256"}', canonical(CLAIMS), "header is not in the deterministic form"),
    ],
)
def test_a_token_that_cannot_be_read_says_why(
    shaken: LabShaken, header: bytes, payload: bytes, fault: str
) -> None:
    value = f"{base64url(header)}.{base64url(payload)}.{base64url(bytes(64))};info=<{X5U}>;ppt=shaken"
    (found,) = check_identity((value,), DIALLED, shaken).faults
    assert found.startswith(fault)


def test_what_is_no_base64url_says_so(shaken: LabShaken) -> None:
    (found,) = check_identity((f"e30.a.{base64url(bytes(64))};ppt=shaken",), DIALLED, shaken).faults
    assert found.startswith("payload is not base64url")


def test_a_certificate_without_a_code_is_named(shaken: LabShaken) -> None:
    without = replace(shaken, certificate=shaken.authority, spc=None)
    found = check_identity((token(shaken, HEADER, CLAIMS),), DIALLED, without)
    assert found.spc == ""
    assert found.faults[-1] == (
        "provider code: the certificate has no TNAuthList with one service provider code"
    )


def test_a_certificate_that_cannot_be_read_is_a_fault_and_no_exception(shaken: LabShaken) -> None:
    nowhere = replace(shaken, certificate=shaken.certificate.with_name("nowhere.pem"))
    found = check_identity((token(shaken, HEADER, CLAIMS),), DIALLED, nowhere)
    assert found.passed == ("JOSE header", "claims")
    assert (len(found.faults), found.spc) == (3, "")


@pytest.mark.parametrize("openssl", ["/nowhere/openssl", "sleeps"])
def test_an_openssl_that_does_not_answer_is_a_fault(
    shaken: LabShaken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, openssl: str
) -> None:
    value = token(shaken, HEADER, CLAIMS)
    sleeps = tmp_path / "sleeps"
    sleeps.write_text("#!/bin/sh\nexec sleep 9\n")
    sleeps.chmod(0o755)
    monkeypatch.setattr(identity_check, "OPENSSL", str(tmp_path / openssl))
    monkeypatch.setattr(identity_check, "OPENSSL_DEADLINE_S", 0.1)
    assert len(check_identity((value,), DIALLED, shaken).faults) == 3
