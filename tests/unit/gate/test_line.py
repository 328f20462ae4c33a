"""The line: a record for every verdict, one attempt one record id."""

import asyncio
from copy import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from structlog.testing import capture_logs

import trunkward.gate.line as line_module
from sipkit.places import TABLE
from trunkward.admission.ports import PeerIdentity
from trunkward.admission.snapshot import Snapshot, compile_snapshot
from trunkward.calls.attempt import CallAttempt
from trunkward.calls.verdict import Challenge, Reject
from trunkward.control.node_file import read_node_file
from trunkward.gate.counts import Counts
from trunkward.gate.credentials import Verifier
from trunkward.gate.line import Line
from trunkward.gate.metrics import GateMetrics, counted
from trunkward.gate.recorder import Recorder, RecordNotWritten
from trunkward.gate.server import Decision, Unreadable
from trunkward.gate.signing import Signers
from trunkward.gate.strangers import SINGLY
from trunkward.gate.verifying import Verifying
from trunkward.live.client import LiveClient
from trunkward.records.model import DecisionRecord, EventRecord, Record
from trunkward.records.segment import SegmentCorrupt, decode
from trunkward.settings import Place
from trunkward.sip.transport import Transport
from trunkward.trunks.callers import CallerRule
from trunkward.trunks.model import IdentifiedBy
from unit.gate.kept_here import KeptHere
from unit.gate.unverified import unverified

NOWHERE = Place(where="/nowhere", authorities=Path("/nowhere"))
EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
ATTEMPT = CallAttempt(
    id="0123456789abcdef" * 2, at=1.0, source_ip="192.0.2.1", source_port=5061, transport="tls",  # type: ignore[arg-type]
    local_ip="192.0.2.2", local_port=5061, ruri="sip:1@example.com", from_uri="sip:2@example.com",
    to_uri="sip:1@example.com", call_id="c", from_tag="t",
)  # fmt: skip


class _Disk(Recorder):
    """A recorder in memory, whose disk can be full."""

    def __init__(self) -> None:
        self.written: list[Record] = []
        self.full = False
        self._together = []

    def _append(self, data: bytes) -> None:
        if self.full:
            raise RecordNotWritten("No space left on device")
        for record, _ in decode(data, 0):
            assert not isinstance(record, SegmentCorrupt)
            self.written.append(record)


class _Clock:
    def synchronised(self) -> bool:
        return True


def _line(
    disk: _Disk,
    policy: Any = lambda: None,
    counts: Counts | None = None,
    verifying: Verifying | None = None,
) -> Line:
    return Line(
        index=3,
        policy=policy,
        signers=Signers(lambda _: Path("/nowhere")),
        origid_secret=b"s" * 32,
        clock=_Clock(),
        recorder=disk,
        counts=counts or Counts(LiveClient(NOWHERE, "gate", Path("/nowhere"))),
        verifier=Verifier(b"k" * 32, lambda: 7),
        verifying=verifying or unverified(),
        registrar=KeptHere(),
    )


def _judged(line: Line, attempt: CallAttempt | Unreadable) -> Decision:
    decided = asyncio.run(line.judge(attempt, lambda: True))
    assert isinstance(decided, Decision)
    return decided


def _broken() -> None:
    raise ZeroDivisionError


def test_a_refusal_nobody_judged_is_recorded_like_any_other() -> None:
    for policy, reason in ((lambda: None, "policy-not-loaded"), (_broken, "internal-error")):
        disk = _Disk()
        verdict = _judged(_line(disk, policy), ATTEMPT).verdict
        assert isinstance(verdict, Reject)
        assert (verdict.status, verdict.reason.value) == (503, reason)
        [record] = disk.written
        assert isinstance(record, DecisionRecord)
        assert (record.reason, record.call_id, record.gate) == (reason, "c", 3)
        assert record.record_id == verdict.record_id


def test_an_attempt_asked_twice_has_one_record_id() -> None:
    assert {_judged(_line(_Disk()), ATTEMPT).verdict.record_id for _ in range(2)} == {ATTEMPT.id}
    # what is no id of the edge's is not taken over
    strange = msgspec.structs.replace(ATTEMPT, id="../../etc")
    assert _judged(_line(_Disk()), strange).verdict.record_id.isalnum()


def test_an_attempt_nobody_can_read_is_recorded() -> None:
    disk = _Disk()
    verdict = _judged(_line(disk), Unreadable(id="f" * 32, problem="rubbish")).verdict
    assert verdict.id == "f" * 32
    assert [r.record_id for r in disk.written if isinstance(r, DecisionRecord)] == ["f" * 32]


def test_without_a_record_there_is_no_other_verdict() -> None:
    for policy in (lambda: None, _broken):
        disk = _Disk()
        disk.full = True
        decided = _judged(_line(disk, policy), ATTEMPT)
        assert isinstance(decided.verdict, Reject)
        # whatever it would have been: this is what tells the edge to write it down
        assert (decided.verdict.status, decided.verdict.reason.value) == (503, "record-not-written")
        assert (decided.verdict.record_id, decided.record) == (ATTEMPT.id, None)


def test_a_call_that_was_judged_has_no_other_verdict_either() -> None:
    policy = Snapshot(compile_snapshot(read_node_file(EXAMPLE, "node.yaml"), {}, 1, TABLE))
    disk = _Disk()
    stranger = msgspec.structs.replace(ATTEMPT, transport=Transport.TLS)
    assert _judged(_line(disk, lambda: policy), stranger).record in disk.written
    disk.full = True
    decided = _judged(_line(disk, lambda: policy), stranger)
    assert (decided.verdict.reason.value, decided.record) == ("record-not-written", None)


def test_a_challenge_has_a_nonce_and_no_record() -> None:
    declared = read_node_file(EXAMPLE, "node.yaml")
    trunk = replace(declared.trunks[0], identified_by=(IdentifiedBy.DIGEST,), networks=(), username="acme")
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), {}, 1, TABLE))
    disk = _Disk()
    decided = _judged(_line(disk, lambda: policy), msgspec.structs.replace(ATTEMPT, transport=Transport.TLS))
    assert isinstance(decided.verdict, Challenge)
    ((name, value),) = decided.verdict.headers
    assert (decided.verdict.status, name) == (407, "Proxy-Authenticate")
    assert value.startswith('Digest realm="sbc.example.com", nonce="')
    # each call of a trunk with digest begins with one: it would double all of them
    assert (decided.record, disk.written) == (None, [])


def test_of_challenges_to_one_source_one_a_minute_is_told() -> None:
    metrics = GateMetrics()
    told = [metrics.is_new_challenge("192.0.2.1", now_s) for now_s in (0.0, 59.0, 61.0, 62.0, 122.0)]
    assert told == [True, False, True, False, True]
    assert metrics.is_new_challenge("192.0.2.2", 62.0)
    for number in range(10_000):
        metrics.is_new_challenge(str(number), 63.0)
    assert len(metrics._challenged) < 5000


def test_an_attempt_nobody_waits_for_leaves_no_trace() -> None:
    disk = _Disk()
    asked: list[None] = []
    line = _line(disk, lambda: asked.append(None))
    for attempt in (ATTEMPT, Unreadable(id="f" * 32)):
        assert asyncio.run(line.judge(attempt, lambda: False)) is None
    assert asked == disk.written == []


def test_a_verdict_that_was_not_read_is_withdrawn() -> None:
    disk = _Disk()
    decided = _judged(_line(disk), ATTEMPT)
    _line(disk).withdraw(decided)
    first, second = disk.written
    assert isinstance(first, DecisionRecord)
    assert isinstance(second, DecisionRecord)
    assert (first.reason, second.reason) == ("policy-not-loaded", "deadline-exceeded")
    assert (second.verdict, second.status, second.routes) == ("reject", 503, [])
    # the stamp decides which of an attempt's records holds: a gate asked later has a later one
    assert (second.record_id, second.at) == (first.record_id, first.at)
    disk.full = True
    _line(disk).withdraw(decided)


@pytest.mark.parametrize(("carrier", "said"), [(True, "emergency call"), (False, "emergency call REFUSED")])
def test_an_emergency_call_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, said: str, *, carrier: bool
) -> None:
    read = read_node_file(EXAMPLE, "examples/node.yaml")
    trunks = tuple(replace(trunk, certificate_sha256="ab" * 32) for trunk in read.trunks)
    carriers = tuple(replace(one, emergency=carrier) for one in read.carriers)
    policy = Snapshot(compile_snapshot(replace(read, trunks=trunks, carriers=carriers), {}, 1, TABLE))
    monkeypatch.setattr(line_module, "peer_identity", lambda *_: PeerIdentity(certificate_sha256="ab" * 32))
    attempt = structs.replace(
        ATTEMPT,
        transport=Transport.TLS,
        source_ip="127.0.0.1",
        ruri="sip:9-1-1@sbc.example.com",
        from_uri="sip:+12025550101@pbx.acme.example.com",
    )
    before = dict(counted._emergencies)
    with capture_logs() as logged:
        decision = _judged(_line(_Disk(), lambda: policy), attempt)
    assert [entry for entry in logged if "emergency" in entry["event"]] == [
        {
            "event": said,
            "log_level": "warning",
            "trunk": "acme-hq",
            "callback": "+12025550101",
            "shown": "+12025550101",
            "called": "911",
            "reason": decision.verdict.reason,
            "record_id": decision.verdict.record_id,
        }
    ]
    kind = "admit" if carrier else "reject"
    assert counted._emergencies[kind] == before[kind] + 1


@pytest.mark.parametrize(
    ("called", "ways"),
    [("sip:+12125550142@sbc.example.com", ["network", "certificate"]), ("sip:911@sbc.example.com", [])],
)
def test_who_a_refused_call_was_of_is_on_record_with_what_proved_it(
    monkeypatch: pytest.MonkeyPatch, called: str, ways: list[str]
) -> None:
    """A number that is not its own; and a call for help, of which no credentials are asked, and no carrier takes it."""
    read = read_node_file(EXAMPLE, "examples/node.yaml")
    proofs = (IdentifiedBy.NETWORK, IdentifiedBy.CERTIFICATE) if ways else (IdentifiedBy.DIGEST,)
    trunks = tuple(
        replace(
            trunk, certificate_sha256="ab" * 32, username="acme", identified_by=proofs, caller=CallerRule()
        )
        for trunk in read.trunks
    )
    carriers = tuple(replace(one, emergency=False) for one in read.carriers)
    policy = Snapshot(compile_snapshot(replace(read, trunks=trunks, carriers=carriers), {}, 1, TABLE))
    monkeypatch.setattr(line_module, "peer_identity", lambda *_: PeerIdentity(certificate_sha256="ab" * 32))
    attempt = structs.replace(
        ATTEMPT, transport=Transport.TLS, source_ip="127.0.0.1", ruri=called,
        from_uri="sip:+18005551234@pbx.acme.example.com",
    )  # fmt: skip
    record = _judged(_line(_Disk(), lambda: policy), attempt).record
    assert record is not None
    assert (record.verdict, record.source_name, record.attestation) == ("reject", "acme-hq", None)
    customer = next(trunk for trunk in trunks if trunk.name == "acme-hq").customer
    assert customer is not None
    assert (record.authenticated_by, record.customer) == (ways, customer.reference)


def strange(**changed: Any) -> CallAttempt:
    """From nobody's address, without a certificate."""
    return structs.replace(ATTEMPT, transport=Transport.TLS, source_ip="192.0.2.77", **changed)


def test_of_a_flood_of_strangers_the_first_are_on_record_and_the_others_counted() -> None:
    policy = Snapshot(compile_snapshot(read_node_file(EXAMPLE, "node.yaml"), {}, 1, TABLE))
    disk = _Disk()
    line = _line(disk, lambda: policy)
    answers = set()
    for number in range(SINGLY + 100):
        decided = _judged(line, strange(id=f"{number:032x}"))
        assert isinstance(decided.verdict, Reject)
        assert (decided.record is None) == (decided.verdict.record_id == "") == (number >= SINGLY)
        answers.add((decided.verdict.status, decided.verdict.phrase, tuple(decided.verdict.headers)))
    assert answers == {(403, "Forbidden", ())}
    assert len(disk.written) == SINGLY
    line.tell_of_strangers(at_once=True)
    told = disk.written[-1]
    assert isinstance(told, EventRecord)
    assert (told.count, told.recorded, told.network) == (SINGLY + 100, SINGLY, "192.0.2.0/24")


@pytest.mark.parametrize("digest_elsewhere", [False, True])
def test_a_trunks_certificate_from_elsewhere_is_on_record_also_when_it_is_challenged(
    monkeypatch: pytest.MonkeyPatch, *, digest_elsewhere: bool
) -> None:
    """Its PBX may know of no credentials: without a record nobody finds its calls. Bounded as refusals are."""
    declared = read_node_file(EXAMPLE, "node.yaml")
    trunk = declared.trunks[0]
    other = replace(trunk, name="other", numbers=(), certificate_sha256="", username="other",
                    identified_by=(IdentifiedBy.DIGEST,))  # fmt: skip
    trunks = (replace(trunk, certificate_sha256="ab" * 32), *([other] if digest_elsewhere else []))
    policy = Snapshot(compile_snapshot(replace(declared, trunks=trunks), {}, 1, TABLE))
    monkeypatch.setattr(line_module, "peer_identity", lambda *_: PeerIdentity(certificate_sha256="ab" * 32))
    disk = _Disk()
    line = _line(disk, lambda: policy)
    for number in range(SINGLY + 5):
        attempt = strange(id=f"{number:032x}", ruri="sip:2125550142@x", from_uri="sip:+12025550101@x")
        assert isinstance(_judged(line, attempt).verdict, Challenge if digest_elsewhere else Reject)
    assert len(disk.written) == SINGLY
    told = disk.written[0]
    assert isinstance(told, DecisionRecord)
    assert (told.trunk, told.tenant, told.claimed) == ("", "", "acme-hq")
    assert (told.calling_number, told.called_number) == ("+12025550101", "+12125550142")
    last = told.findings[-1]
    assert (last.check, last.detail) == ("source", "trunk acme-hq, from none of its networks")
    assert last.remedy == "add 192.0.2.77 to networks of trunk acme-hq"
    line.tell_of_strangers(at_once=True)
    event = disk.written[-1]
    assert isinstance(event, EventRecord)
    assert (event.count, event.claimed, event.remedy) == (SINGLY + 5, {"acme-hq": SINGLY + 5}, last.remedy)


def test_whatever_a_stranger_sends_he_is_told_the_same() -> None:
    policy = Snapshot(compile_snapshot(read_node_file(EXAMPLE, "node.yaml"), {}, 1, TABLE))
    disk = _Disk()
    line = _line(disk, lambda: policy)
    told = set()
    for method in ("INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "BYE"):
        verdict = _judged(line, strange(method=method)).verdict
        assert isinstance(verdict, Reject)
        told.add((verdict.status, verdict.phrase, tuple(verdict.headers)))
    assert told == {(403, "Forbidden", ())}
    # what is no call is no call's record
    assert len(disk.written) == 1


def test_where_digest_is_a_way_every_method_is_challenged() -> None:
    declared = read_node_file(EXAMPLE, "node.yaml")
    trunk = replace(declared.trunks[0], identified_by=(IdentifiedBy.DIGEST,), networks=(), username="acme")
    policy = Snapshot(compile_snapshot(replace(declared, trunks=(trunk,)), {}, 1, TABLE))
    for method in ("INVITE", "OPTIONS", "MESSAGE"):
        verdict = _judged(_line(_Disk(), lambda: policy), strange(method=method)).verdict
        assert isinstance(verdict, Challenge)
        assert (verdict.status, len(verdict.headers)) == (407, 1)


def test_the_edge_answers_what_a_peer_sends_and_nothing_is_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    read = read_node_file(EXAMPLE, "examples/node.yaml")
    trunks = tuple(replace(trunk, certificate_sha256="ab" * 32) for trunk in read.trunks)
    policy = Snapshot(compile_snapshot(replace(read, trunks=trunks), {}, 1, TABLE))
    monkeypatch.setattr(line_module, "peer_identity", lambda *_: PeerIdentity(certificate_sha256="ab" * 32))
    disk, before = _Disk(), dict(counted._verdicts)
    known = structs.replace(ATTEMPT, transport=Transport.TLS, source_ip="127.0.0.1", method="OPTIONS")
    decided = _judged(_line(disk, lambda: policy), known)
    assert (decided.verdict.reason, decided.record, disk.written) == ("method-refused", None, [])
    # nor where nobody can judge: it is not a call of anybody's
    assert _judged(_line(disk), known).record is None
    assert disk.written == []
    assert counted._verdicts == before
