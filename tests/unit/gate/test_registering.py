"""A REGISTER through the gate: what is kept, and what becomes of it when something is lost."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from sipkit.certificates import ThrowawayAuthority
from trunkward.admission.ports import Unavailable
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.attempt import TlsFacts
from trunkward.calls.registration import FlowEnded, RegisterAttempt, Registered, RegisterVerdict
from trunkward.calls.verdict import Reject
from trunkward.control.node_file import read_node_file
from trunkward.gate.chain import Chains
from trunkward.gate.credentials import Verifier
from trunkward.gate.peer import peer_identity
from trunkward.gate.recorder import RecordNotWritten
from trunkward.gate.registering import Registering
from trunkward.gate.strangers import Strangers
from trunkward.records.model import Event, EventRecord, Record
from unit.admission.conftest import EXAMPLE
from unit.admission.registrations import CONTACT, INSTANCE, register, registering
from unit.gate.kept_here import KeptHere


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFacts:
    """What the edge tells of the PBX's connection."""
    credential = ThrowawayAuthority(tmp_path_factory.mktemp("ca")).issue("pbx.example.com")
    return TlsFacts(
        version="TLSv1.3",
        cipher="x",
        peer_certificate=credential.certificate.read_text(),
        peer_verified=False,
    )


@pytest.fixture
def policy(tls: TlsFacts) -> Snapshot:
    """With that PBX's trunk."""
    shown = peer_identity(tls)
    assert shown is not None
    declared = read_node_file(EXAMPLE.read_text(), "examples/node.yaml")
    return registering(declared, certificate_sha256=shown.certificate_sha256)


def _desk(
    policy: Callable[[], Snapshot | None], kept: KeptHere, written: list[Record] | None = None
) -> Registering:
    written = [] if written is None else written
    return Registering(
        policy=policy,
        verifier=Verifier(b"k" * 32, lambda: 7),
        chains=Chains(),
        live=kept,
        gate=1,
        strangers=Strangers(1, written.extend),
        write=written.extend,
    )


def _judged(desk: Registering, attempt: RegisterAttempt) -> RegisterVerdict:
    return asyncio.run(desk.judge(attempt))


def test_it_is_kept_and_a_new_place_is_told_once(policy: Snapshot, tls: TlsFacts) -> None:
    kept = KeptHere()
    desk = _desk(lambda: policy, kept)
    with capture_logs() as said:
        for cseq in (1, 2):
            verdict = _judged(desk, register(cseq=cseq, tls=tls))
            assert isinstance(verdict, Registered)
            assert verdict.bindings == kept.kept["acme-hq"]
    assert said == [], "the first is nowhere else"
    with capture_logs() as said:
        _judged(desk, register(cseq=3, tls=tls, source_ip="127.0.0.21"))
    assert [(line["event"], line["source"]) for line in said] == [
        ("registered from another place", "127.0.0.21")
    ]


def test_what_is_refused_changes_nothing(policy: Snapshot, tls: TlsFacts) -> None:
    kept = KeptHere()
    desk = _desk(lambda: policy, kept)
    _judged(desk, register(cseq=2, tls=tls))
    before = dict(kept.kept)
    for attempt, status in (
        (register(cseq=2, tls=tls), 500),
        (register(cseq=3, tls=tls, expires="1"), 423),
        (register(cseq=3), 403),
    ):
        verdict = _judged(desk, attempt)
        assert isinstance(verdict, Reject)
        assert verdict.status == status
    assert kept.kept == before


def _broken() -> Snapshot:
    raise ZeroDivisionError


def test_what_is_lost_is_a_503(policy: Snapshot, tls: TlsFacts) -> None:
    kept = KeptHere()
    kept.lost = Unavailable(what="redis", why="redis-lost")
    for desk, reason in (
        (_desk(lambda: policy, kept), "registrations-unavailable"),
        (_desk(lambda: None, kept), "policy-not-loaded"),
        (_desk(_broken, kept), "internal-error"),
    ):
        verdict = _judged(desk, register(tls=tls))
        assert isinstance(verdict, Reject)
        assert (verdict.status, verdict.reason.value) == (503, reason)


def test_with_its_connection_a_binding_goes(policy: Snapshot, tls: TlsFacts) -> None:
    kept = KeptHere()
    desk = _desk(lambda: policy, kept)
    _judged(desk, register(tls=tls))
    asyncio.run(desk.ended(FlowEnded(trunk="acme-hq", flow="another")))
    assert [one.flow for one in kept.kept["acme-hq"].bindings] == ["flow1"]
    asyncio.run(desk.ended(FlowEnded(trunk="acme-hq", flow="flow1")))
    assert not kept.kept["acme-hq"].bindings
    kept.lost = Unavailable(what="redis", why="redis-lost")
    asyncio.run(desk.ended(FlowEnded(trunk="acme-hq", flow="flow1")))


def test_a_new_place_is_an_event_on_record(policy: Snapshot, tls: TlsFacts) -> None:
    written: list[Record] = []
    desk = _desk(lambda: policy, KeptHere(), written)
    at_home = f'<{CONTACT}>;+sip.instance="{INSTANCE}";reg-id=1'
    for cseq in (1, 2):
        _judged(desk, register(at_home, cseq=cseq, tls=tls))
    _judged(desk, register(cseq=3, tls=tls, source_ip="127.0.0.21"))
    first, second = written
    assert isinstance(first, EventRecord)
    assert isinstance(second, EventRecord)
    assert (first.event, first.tenant, first.trunk) == (Event.REGISTERED, "acme", "acme-hq")
    assert second.event is Event.REGISTERED_ELSEWHERE
    assert (first.source, first.network, first.user_agent) == ("127.0.0.1", "127.0.0.0/24", "PBX/1")
    assert (first.instance, first.contact) == (INSTANCE, CONTACT)
    assert first.since == first.at > 0
    assert len(first.certificate_sha256) == 64
    assert (second.source, second.instance) == ("127.0.0.21", "")


def test_a_stranger_is_counted(policy: Snapshot) -> None:
    written: list[Record] = []
    strangers = Strangers(1, written.extend)
    desk = Registering(
        policy=lambda: policy,
        verifier=Verifier(b"k" * 32, lambda: 7),
        chains=Chains(),
        live=KeptHere(),
        gate=1,
        strangers=strangers,
        write=written.extend,
    )
    for cseq in (1, 2):
        assert isinstance(_judged(desk, register(cseq=cseq, source_ip="192.0.2.9")), Reject)
    strangers.tell(0.0, at_once=True)
    (told,) = written
    assert isinstance(told, EventRecord)
    assert (told.event, told.count, told.recorded) == (Event.STRANGERS_REFUSED, 2, 0)
    assert told.network == "192.0.2.0/24"


def test_what_a_known_trunk_was_refused_is_counted_with_why(policy: Snapshot, tls: TlsFacts) -> None:
    written: list[Record] = []
    desk = _desk(lambda: policy, KeptHere(), written)
    for cseq in (1, 2):
        attempt = register(to_uri="sip:bob@sbc.example.com", cseq=cseq, tls=tls)
        assert isinstance(_judged(desk, attempt), Reject)
    # told what it may ask for, it asks again: that is no fault
    assert isinstance(_judged(desk, register(cseq=3, tls=tls, expires="1")), Reject)
    desk._strangers.tell(0.0, at_once=True)
    (told,) = written
    assert isinstance(told, EventRecord)
    assert (told.event, told.tenant, told.trunk) == (Event.REGISTRATION_REFUSED, "acme", "acme-hq")
    assert (told.reason, told.count, told.source) == ("address-of-another", 2, "127.0.0.1")
    assert told.detail.endswith("is neither the username nor a number of trunk acme-hq")
    assert told.remedy.startswith("register as sip:")


def test_a_full_disk_refuses_no_registration(policy: Snapshot, tls: TlsFacts) -> None:
    def full(_: list[Record]) -> None:
        raise RecordNotWritten("No space left on device")

    desk = Registering(
        policy=lambda: policy,
        verifier=Verifier(b"k" * 32, lambda: 7),
        chains=Chains(),
        live=KeptHere(),
        gate=1,
        strangers=Strangers(1, full),
        write=full,
    )
    assert isinstance(_judged(desk, register(tls=tls)), Registered)
