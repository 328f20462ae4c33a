"""What the signer signs and what it refuses, request by request."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from trunkward.engines.signer_wire import Refused, Signed
from trunkward.shaken import base64url
from trunkward.shaken.es256 import verify_es256
from trunkward.signer import desk as desk_module
from trunkward.signer.desk import SigningDesk
from trunkward.signer.identity import IdentityUnfit, load_identity

ORIGID = "123e4567-e89b-82d3-a456-426655440000"


@pytest.fixture
def desk(house: Any) -> SigningDesk:
    return SigningDesk(load_identity(house.identity(), datetime.fromtimestamp(house.now_s, UTC)))


def request(**changed: Any) -> bytes:
    fields: dict[str, Any] = {
        "id": "7",
        "trunk": "alpha",
        "tenant": "acme",
        "orig": "12025550100",
        "dest": ["12025550110"],
        "level": "B",
        "origid": ORIGID,
        "record_id": "rec-1",
    }
    return json.dumps(fields | changed).encode()


def test_a_with_evidence(desk: SigningDesk, house: Any) -> None:
    answer, entry = desk.answer(request(level="A", evidence=house.token()), house.now_s + 0.9)
    assert isinstance(answer, Signed)
    token, *parameters = answer.identity.split(";")
    header, payload, signature = token.split(".")
    assert json.loads(base64url.decode(payload)) == {
        "attest": "A",
        "dest": {"tn": ["12025550110"]},
        # The signer's clock, in whole seconds.
        "iat": house.now_s,
        "orig": {"tn": "12025550100"},
        "origid": ORIGID,
    }
    assert json.loads(base64url.decode(header))["x5u"] == "https://cert.example.com/709J/1.pem"
    assert parameters == ["info=<https://cert.example.com/709J/1.pem>", "alg=ES256", "ppt=shaken"]
    verify_es256(
        desk.identity.certificate.public_key(),  # type: ignore[arg-type]
        f"{header}.{payload}".encode(),
        base64url.decode(signature),
    )
    assert answer.date == "Mon, 23 Nov 2026 12:00:00 GMT"
    assert answer.serial == f"{desk.identity.certificate.serial_number:x}"
    assert entry["kind"] == "signed"
    assert (entry["record_id"], entry["evidence_id"], entry["evidence_version"]) == ("rec-1", "num-1", 2)


def test_b_needs_no_evidence(desk: SigningDesk, house: Any) -> None:
    answer, entry = desk.answer(request(), house.now_s)
    assert isinstance(answer, Signed)
    assert answer.attest == "B"
    assert entry["evidence_id"] is None


@pytest.mark.parametrize(
    ("changed", "token", "reason"),
    [
        ({}, None, "evidence-missing"),
        ({}, {"trunk": "beta"}, "evidence-of-other-trunk"),
        ({"trunk": "beta"}, {}, "evidence-of-other-trunk"),
        ({}, {"tn": "12025550101"}, "evidence-for-other-number"),
        ({"orig": "12025550199"}, {}, "evidence-for-other-number"),
        ({}, {"not_after": 1_795_435_200}, "evidence-expired"),
        ({}, "nonsense", "evidence-malformed"),
    ],
)
def test_a_without_good_evidence_is_refused_not_lowered(
    desk: SigningDesk, house: Any, changed: dict[str, Any], token: Any, reason: str
) -> None:
    evidence = house.token(**token) if isinstance(token, dict) else token
    for _ in range(2):
        # The second time the token comes from the cache.
        answer, entry = desk.answer(request(level="A", evidence=evidence, **changed), house.now_s)
        assert answer == Refused(id="7", error=reason)
        assert (entry["kind"], entry["error"], entry["record_id"]) == ("refused", reason, "rec-1")


def test_cached_evidence_still_expires(desk: SigningDesk, house: Any) -> None:
    wanted = request(level="A", evidence=house.token(not_after=house.now_s + 10))
    assert isinstance(desk.answer(wanted, house.now_s + 9)[0], Signed)
    assert desk.answer(wanted, house.now_s + 10)[0] == Refused(id="7", error="evidence-expired")


def test_evidence_cache_is_bounded(desk: SigningDesk, house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "EVIDENCE_CACHE_SIZE", 2)
    for number in range(5):
        tn = f"1202555010{number}"
        wanted = request(level="A", orig=tn, evidence=house.token(tn=tn))
        assert isinstance(desk.answer(wanted, house.now_s)[0], Signed)
    assert len(desk._opened) == 2


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"level": "C"}, "request-malformed"),
        ({"level": "a"}, "request-malformed"),
        ({"iat": 1}, "request-malformed"),
        ({"x5u": "https://example.com/"}, "request-malformed"),
        ({"dest": "12025550110"}, "request-malformed"),
        ({"dest": ["1"] * 11}, "request-malformed"),
        ({"orig": None}, "request-malformed"),
        ({"trunk": "x" * 129}, "request-malformed"),
        ({"dest": []}, "dest-missing"),
        ({"dest": ["+12025550110"]}, "number-not-canonical"),
        ({"orig": "anonymous"}, "number-has-foreign-character"),
        ({"orig": "+12025550100"}, "number-not-canonical"),
        ({"origid": "acme"}, "origid-invalid"),
    ],
)
def test_claims_it_does_not_sign(desk: SigningDesk, house: Any, changed: dict[str, Any], reason: str) -> None:
    answer, entry = desk.answer(request(**changed), house.now_s)
    assert answer == Refused(id="7", error=reason)
    assert entry["error"] == reason


@pytest.mark.parametrize("frame", [b"", b"{", b"[]", b"null", b"\xff", b'{"id":7}', b"[" * 5000])
def test_garbage_is_answered_without_an_id(desk: SigningDesk, house: Any, frame: bytes) -> None:
    assert desk.answer(frame, house.now_s)[0] == Refused(id="", error="request-malformed")


def test_expiry_is_seen_at_its_second_without_any_recheck(desk: SigningDesk, house: Any) -> None:
    end = desk.identity.certificate.not_valid_after_utc.timestamp()
    assert isinstance(desk.answer(request(), end)[0], Signed)
    assert desk.answer(request(), end + 1)[0] == Refused(id="7", error="certificate-expired")
    start = desk.identity.certificate.not_valid_before_utc.timestamp()
    assert desk.answer(request(), start - 1)[0] == Refused(id="7", error="certificate-not-yet-valid")


def test_recheck_stops_and_resumes(desk: SigningDesk, house: Any) -> None:
    house.files.shaken_key.chmod(0o640)
    unfit = desk.recheck(house.now_s)
    assert unfit is not None
    assert unfit.reason == "key-file-open-to-others"
    assert desk.answer(request(), house.now_s)[0] == Refused(id="7", error="key-file-open-to-others")
    house.files.shaken_key.chmod(0o600)
    assert desk.recheck(house.now_s) is None
    assert isinstance(desk.answer(request(), house.now_s)[0], Signed)


def test_answers_decode_as_they_were_encoded(desk: SigningDesk, house: Any) -> None:
    answer, _ = desk.answer(request(), house.now_s)
    assert msgspec.json.decode(msgspec.json.encode(answer), type=Signed) == answer


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda h: h.files.shaken_key.chmod(0o604), "key-file-open-to-others"),
        (lambda h: h.files.shaken_key.chmod(0o620), "key-file-open-to-others"),
        (lambda h: h.files.shaken_key.unlink(), "file-unreadable"),
        (lambda h: h.files.shaken_key.write_text("nonsense"), "key-unreadable"),
        (lambda h: h.files.shaken_key.write_bytes(h.files.node_key.read_bytes()), "certificate-key-mismatch"),
        (lambda h: h.files.shaken_key.write_bytes(h.files.evidence_key.read_bytes()), "certificate-not-p256"),
        (lambda h: h.files.shaken.write_text(""), "certificate-unreadable"),
        (lambda h: h.files.evidence_public_key.write_text(""), "evidence-key-unreadable"),
        (
            lambda h: h.files.shaken_authority.write_bytes(h.files.sip_authority.read_bytes()),
            "chain-not-trusted",
        ),
    ],
)
def test_it_does_not_start(house: Any, spoil: Any, reason: str) -> None:
    spoil(house)
    with pytest.raises(IdentityUnfit) as unfit:
        load_identity(house.identity(), datetime.fromtimestamp(house.now_s, UTC))
    assert unfit.value.reason == reason
    assert "PRIVATE KEY" not in str(unfit.value)


@pytest.mark.parametrize(
    ("changed", "later", "reason"),
    [
        ({"spc": "809J"}, timedelta(), "certificate-spc-mismatch"),
        ({"x5u": "http://cert.example.com/1.pem"}, timedelta(), "x5u-invalid"),
        ({}, timedelta(days=366), "certificate-expired"),
        ({}, timedelta(days=-1), "certificate-not-yet-valid"),
    ],
)
def test_it_does_not_start_with(house: Any, changed: dict[str, str], later: timedelta, reason: str) -> None:
    with pytest.raises(IdentityUnfit) as unfit:
        load_identity(house.identity(**changed), datetime.fromtimestamp(house.now_s, UTC) + later)
    assert unfit.value.reason == reason
