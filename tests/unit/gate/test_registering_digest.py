"""A REGISTER of a trunk that demands digest: asked for credentials, once each, and wrong ones are refused alike."""

import asyncio
import re
import time

import msgspec
import pytest

from trunkward.admission.ports import Unavailable
from trunkward.admission.rows import SecretRow
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.registration import RegisterAttempt, Registered, RegisterVerdict
from trunkward.calls.verdict import Challenge, Reject
from trunkward.digest.algorithm import Algorithm, ha1_of, response_of
from trunkward.gate.chain import Chains
from trunkward.gate.credentials import Verifier
from trunkward.gate.registering import Registering
from trunkward.gate.strangers import Strangers
from trunkward.records.model import Record
from unit.admission.registrations import register
from unit.gate.kept_here import KeptHere
from unit.gate.test_credentials import MASTER, sealed
from unit.gate.test_credentials import policy_of as with_digest

URI = "sip:sbc.example.com"


@pytest.fixture
def policy() -> Snapshot:
    """Its trunk registers, and demands network and digest."""
    return with_digest(SecretRow(1, sealed("swordfish"), b"", None), registers=True)


@pytest.fixture
def kept() -> KeptHere:
    return KeptHere(now=time.time())


def _desk(policy: Snapshot, kept: KeptHere) -> Registering:
    written: list[Record] = []
    return Registering(
        policy=lambda: policy,
        verifier=Verifier(MASTER, lambda: kept.epoch),
        chains=Chains(),
        live=kept,
        gate=1,
        strangers=Strangers(1, written.extend),
        write=written.extend,
    )


def _judged(desk: Registering, attempt: RegisterAttempt) -> RegisterVerdict:
    return asyncio.run(desk.judge(attempt))


def _nonce(verdict: RegisterVerdict) -> str:
    assert isinstance(verdict, Challenge)
    assert verdict.status == 401
    [(name, value)] = verdict.headers
    assert name == "WWW-Authenticate"
    found = re.search('nonce="([^"]+)"', value)
    assert found is not None
    return found[1]


def _with(nonce: str, password: str = "swordfish", username: str = "acme", nc: int = 1) -> RegisterAttempt:
    realm = "sbc.example.com"
    response = response_of(
        *(Algorithm.SHA256, ha1_of(Algorithm.SHA256, username, realm, password)),
        method="REGISTER",
        uri=URI,
        nonce=nonce,
        nc=f"{nc:08x}",
        cnonce="0a4f113b",
    )
    shown = (
        f'Digest username="{username}", realm="{realm}", nonce="{nonce}", uri="{URI}", response="{response}",'
        f' algorithm=SHA-256, cnonce="0a4f113b", qop=auth, nc={nc:08x}'
    )
    plain = register(ruri=URI, to_uri="sip:acme@sbc.example.com", cseq=nc)
    return register(
        ruri=URI,
        to_uri="sip:acme@sbc.example.com",
        cseq=nc,
        headers=plain.headers | {"authorization": [shown]},
    )


def test_asked_then_taken_and_never_twice(policy: Snapshot, kept: KeptHere) -> None:
    desk = _desk(policy, kept)
    nonce = _nonce(_judged(desk, register(ruri=URI)))
    assert isinstance(_judged(desk, _with(nonce)), Registered)
    assert isinstance(_judged(desk, _with(nonce, nc=2)), Registered)
    again = _judged(desk, _with(nonce, nc=2))
    assert isinstance(again, Challenge)
    assert again.reason.value == "credentials-replayed"
    assert "stale=true" in dict(again.headers)["WWW-Authenticate"]


def test_wrong_ones_change_nothing_and_all_sound_alike(policy: Snapshot, kept: KeptHere) -> None:
    desk = _desk(policy, kept)
    nonce = _nonce(_judged(desk, register(ruri=URI)))
    answers = []
    for attempt in (_with(nonce, password="wrong"), _with(nonce, username="nobody")):
        verdict = _judged(desk, attempt)
        assert isinstance(verdict, Reject)
        answers.append((verdict.status, verdict.phrase, verdict.headers))
    assert answers == [(403, "Forbidden", [])] * 2
    assert not kept.kept


def test_without_valkey_nobody_knows_whether_they_were_used(policy: Snapshot, kept: KeptHere) -> None:
    desk = _desk(policy, kept)
    nonce = _nonce(_judged(desk, register(ruri=URI)))
    kept.lost = Unavailable(what="redis", why="redis-lost")
    verdict = _judged(desk, _with(nonce))
    assert isinstance(verdict, Reject)
    assert (verdict.status, verdict.reason.value) == (503, "registrations-unavailable")


def test_after_a_loss_everybody_is_asked_anew(policy: Snapshot, kept: KeptHere) -> None:
    desk = _desk(policy, kept)
    nonce = _nonce(_judged(desk, register(ruri=URI)))
    assert isinstance(_judged(desk, _with(nonce)), Registered)
    kept.used.clear()
    kept.epoch += 1
    again = [_judged(desk, _with(nonce, nc=nc)) for nc in (1, 2)]
    for one in again:
        assert isinstance(one, Challenge)
        assert one.reason.value == "credentials-stale"
        assert "stale=true" in dict(one.headers)["WWW-Authenticate"]
    assert isinstance(_judged(desk, _with(_nonce(again[1]), nc=3)), Registered)


def test_what_was_registered_with_a_secret_that_is_gone_is_gone(kept: KeptHere) -> None:
    old, new = SecretRow(3, sealed("swordfish"), b"", None), SecretRow(7, sealed("new"), b"", None)
    before = _desk(with_digest(old, registers=True), kept)
    first = _judged(before, _with(_nonce(_judged(before, register(ruri=URI)))))
    assert isinstance(first, Registered)
    assert [one.proof for one in first.bindings.bindings] == ["secret 3"]
    # while both are good it stands beside a second PBX's, which has the new one
    both = _desk(with_digest(new, old, registers=True), kept)
    after = _judged(both, _second(_nonce(_judged(both, register(ruri=URI))), nc=1))
    assert isinstance(after, Registered)
    assert [one.proof for one in after.bindings.bindings] == ["secret 7", "secret 3"]
    alone = _desk(with_digest(new, registers=True), kept)
    last = _judged(alone, _second(_nonce(_judged(alone, register(ruri=URI))), nc=2))
    assert isinstance(last, Registered)
    assert [one.proof for one in last.bindings.bindings] == ["secret 7"]


def _second(nonce: str, nc: int) -> RegisterAttempt:
    attempt = _with(nonce, password="new", nc=nc)
    return msgspec.structs.replace(
        attempt,
        headers=attempt.headers | {"contact": ["<sip:acme@192.0.2.8:5066>"]},
        call_id="another",
        flow="another",
    )
