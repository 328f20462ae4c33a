"""The posture table, cell by cell on live calls: each dependency taken away in each way, then brought back.

What a cell says is looked up in the table itself and then seen on the wire. After each loss the part comes back by
itself or is let go on, calls are as before, and no other part was started anew.
"""

import asyncio
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from sipkit.call import Call, HeaderLines
from sipkit.provider import Provider
from trunkward.admission.posture import Calls, Effect, Lost, effect
from wire.conftest import Node
from wire.node.test_gate_failures import FakeGate
from wire.posture.beside_rtpengine import BesideRtpengine
from wire.records.parties import CALLED, DOMAIN, OWN, Parties, eventually, parties, running_call, signed
from wire.verification.conftest import authority_of

PARTS = ("valkey", "rtpengine", "signer", "fetcher", "worker", "gate-0", "gate-1", "kamailio", "web")
GATES = ("gate-0", "gate-1")
WHOSE = {
    Lost.GATES: GATES,
    Lost.REDIS: ("valkey",),
    Lost.SIGNER: ("signer",),
    Lost.FETCHER: ("fetcher",),
    Lost.WORKER: ("worker",),
    Lost.RTPENGINE: ("rtpengine",),
}


SIGNER_LOST = ("signer-timeout", "signer-silent", "signer-unreachable", "signer-lost")
type Way = Callable[[Node, tuple[str, ...]], AbstractContextManager[None]]


# ---- ways to take a part away; leaving the context brings it back --------------------------------
@contextmanager
def killed(node: Node, parts: tuple[str, ...]) -> Iterator[None]:
    """kill -9, and nobody there to start it again until it is to come back."""
    with node.killed(*parts):
        yield


@contextmanager
def frozen(node: Node, parts: tuple[str, ...]) -> Iterator[None]:
    """SIGSTOP: connections are taken, nothing is answered."""
    for part in parts:
        node.signal(part, signal.SIGSTOP)
    try:
        yield
    finally:
        for part in parts:
            node.signal(part, signal.SIGCONT)


@contextmanager
def _sockets_away(node: Node, parts: tuple[str, ...]) -> Iterator[list[Path]]:
    places = {
        "signer": "signer/signer.sock",
        "fetcher": "fetcher/fetcher.sock",
        "valkey": "live/valkey.sock",
    }
    paths = [node.run / places.get(part, f"gate/{part.removeprefix('gate-')}.sock") for part in parts]
    with frozen(node, parts):  # connections that exist are not to help
        kept = [path.rename(path.with_suffix(".kept")) for path in paths]
        try:
            yield paths
        finally:
            for path, old in zip(paths, kept, strict=True):
                old.rename(path)


@contextmanager
def refusing(node: Node, parts: tuple[str, ...]) -> Iterator[None]:
    """Nobody listens where it did."""
    with _sockets_away(node, parts):
        yield


@contextmanager
def slow(node: Node, parts: tuple[str, ...]) -> Iterator[None]:
    """Somebody listens, and answers later than anyone waits."""

    def late(_attempt: object) -> None:
        time.sleep(10.0)

    with _sockets_away(node, parts) as paths:
        fakes = [FakeGate(path, late) for path in paths]
        try:
            yield
        finally:
            for fake in fakes:
                fake.close()


@contextmanager
def saying_no(_node: Node, _parts: tuple[str, ...]) -> Iterator[None]:
    """Somebody on rtpengine's port takes nothing."""
    with BesideRtpengine(lambda _request: b'{"result": "error", "error-reason": "no"}', after_s=0.0):
        yield


@contextmanager
def answering_late(_node: Node, _parts: tuple[str, ...]) -> Iterator[None]:
    """rtpengine does as it is told, and answers later than anyone waits."""
    with BesideRtpengine(None, after_s=0.3):
        yield


@contextmanager
def database_locked(node: Node, _parts: tuple[str, ...]) -> Iterator[None]:
    """Another process writes to the records database, and does not come to an end."""
    connection = sqlite3.connect(
        node.state / "db" / "records.db", isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


@contextmanager
def database_refusing(node: Node, _parts: tuple[str, ...]) -> Iterator[None]:
    """It takes no record."""

    def execute(statement: str) -> None:
        with closing(sqlite3.connect(node.state / "db" / "records.db", timeout=10)) as connection:
            connection.execute(statement)

    execute("CREATE TRIGGER no BEFORE INSERT ON shipped BEGIN SELECT RAISE(ABORT, 'no'); END")
    try:
        yield
    finally:
        execute("DROP TRIGGER no")


#: Every way in which each dependency is taken away. The clock: tests/wire/records/test_clock.py; DNS:
#: tests/wire/verification/test_dns_lost.py.
WAYS = [
    (Lost.GATES, killed),
    (Lost.GATES, frozen),
    (Lost.GATES, refusing),
    (Lost.GATES, slow),
    (Lost.REDIS, killed),
    (Lost.REDIS, frozen),
    (Lost.REDIS, refusing),
    (Lost.REDIS, slow),
    (Lost.SIGNER, killed),
    (Lost.SIGNER, frozen),
    (Lost.SIGNER, refusing),
    (Lost.SIGNER, slow),
    (Lost.FETCHER, killed),
    (Lost.FETCHER, frozen),
    (Lost.FETCHER, refusing),
    (Lost.FETCHER, slow),
    (Lost.WORKER, killed),
    (Lost.WORKER, frozen),
    (Lost.WORKER, database_locked),
    (Lost.WORKER, database_refusing),
    (Lost.RTPENGINE, killed),
    (Lost.RTPENGINE, frozen),
    (Lost.RTPENGINE, saying_no),
    (Lost.RTPENGINE, answering_late),
]


# ---- the columns ---------------------------------------------------------------------------------
async def outbound(lab: Parties) -> Call:
    return await lab.call()


async def inbound(lab: Parties, headers: HeaderLines = ()) -> Call:
    return await lab.north.call(
        f"sip:{OWN}@{DOMAIN}",
        lab.north_flow,
        sender=f"<sip:{CALLED}@north.example.net>",
        headers=headers,
    )


def signed_by_somebody(node: Node) -> HeaderLines:
    """A signature that would be good, with a certificate nobody here has seen: only the fetcher could get it."""
    url = f"https://certificates.example.net/{len(PLACED_SO_FAR)}.pem"
    provider = Provider(url=url, authority=authority_of(node))
    return [("Identity", provider.identity(CALLED, OWN))]


async def emergency(lab: Parties) -> Call:
    return await lab.call(called="911")


#: Call-ID, what was lost, and what kind of call it was.
PLACED_SO_FAR: list[tuple[str, Lost, Calls]] = []
#: Why, with the fetcher taken away in whichever way.
UNVERIFIED = ("fetcher-unreachable", "fetcher-lost", "fetcher-timeout")
PLACED = {Calls.OUTBOUND: outbound, Calls.INBOUND: inbound, Calls.EMERGENCY: emergency}


async def as_the_cell_says(lab: Parties, call: Call, wanted: Effect, direction: Calls) -> None:
    """Asserts what became of a new call, and hangs up one that goes."""
    began = time.monotonic()
    final = await call.final()
    if wanted is Effect.REFUSED:
        assert final.status == 503, direction
        assert final.get("Reason"), direction
        assert final.get("Retry-After"), direction
        return
    assert final.status == 200, direction
    callee = lab.customer if direction is Calls.INBOUND else lab.north
    there = await callee.incoming()
    await there.confirmed()
    if wanted is Effect.GOES_UNVERIFIED:
        assert ";verstat=No-TN-Validation@" in there.invite.get("From")
        # what a gate waits for a fetcher that says nothing, and what a busy machine takes
        assert there.trace[0].at_s - began < 6.0, "no longer than it takes to know that it is lost"
    if direction is Calls.OUTBOUND:
        assert signed(lab, call) == (wanted is not Effect.GOES_UNSIGNED)
        # as little as that is, a busy machine may take seconds
        assert there.trace[0].at_s - began < 3.0, "it waited for what is lost"
    if direction is Calls.EMERGENCY:
        # without the media engine its carrier sees the caller's own description
        own = "127.0.0.1" if wanted is Effect.GOES_UNANCHORED else "127.0.0.10"
        assert f"c=IN IP4 {own}\r\n" in there.invite.body.decode()
    assert (await call.bye()).status == 200
    assert await there.ended() == "peer-bye"


async def running_goes(call: Call, wanted: Effect) -> None:
    """Asserts what the cell says of a running call: of its requests here, of its end in the tests of that."""
    reinvite = await call.reinvite(call.local_sdp)
    assert reinvite.status == (503 if wanted is Effect.MEDIA_LOST else 200)
    assert (await call.request("INFO")).status == 200
    assert (await call.bye()).status == 200


@asynccontextmanager
async def taken_away(node: Node, lost: Lost, how: Way) -> AsyncIterator[None]:
    context = how(node, WHOSE[lost])
    await asyncio.to_thread(context.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


@pytest.mark.parametrize(
    ("lost", "how"), WAYS, ids=[f"{lost.name.lower()}-{how.__name__}" for lost, how in WAYS]
)
def test_row(node: Node, lost: Lost, how: Way) -> None:
    """Summary: with the dependency taken away in this way each kind of call gets what its cell says; back again, all is as before."""
    before, media = pids(node), set(node.media())

    async def scenario() -> None:
        async with parties(node) as lab:
            await recovered(
                lab
            )  # from the test before: a carrier that went and came is left alone for a while
            running = await running_call(lab)
            other = await running_call(lab)
            async with taken_away(node, lost, how):
                for column, place in PLACED.items():
                    if effect(lost, column) is Effect.GOES_UNVERIFIED:
                        call = await inbound(lab, signed_by_somebody(node))
                    else:
                        call = await place(lab)
                    await as_the_cell_says(lab, call, effect(lost, column), column)
                    PLACED_SO_FAR.append((call.invite.call_id, lost, column))
                await running_goes(running, effect(lost, Calls.RUNNING))
            await recovered(lab)
            # what ran all the time is as it was; its media came back with a re-INVITE, where it was gone
            await running_goes(other, Effect.UNAFFECTED)
        if how is not saying_no:  # what is asked of it, it does, if late: no refused call keeps ports
            await asyncio.to_thread(eventually, lambda: set(node.media()) <= media, 20, "no media is left")

    asyncio.run(scenario())
    node.wait_ready()
    after = pids(node)
    others = {part for part in PARTS if after[part] != before[part]}
    if how is frozen:  # who gives no sign of life for long is killed: it depends on how long all this took
        others -= set(WHOSE[lost])
    assert others == (set(WHOSE[lost]) if how is killed else set())


async def recovered(lab: Parties, within_s: float = 30.0) -> None:
    """Places calls until one goes as ever: signed, with media through the node; nothing is restarted for it."""
    until = time.monotonic() + within_s
    while True:
        call = await lab.call()
        good = (await call.final()).status == 200
        if good:
            there = await lab.north.incoming()
            good = signed(lab, call) and "c=IN IP4 127.0.0.10\r\n" in there.invite.body.decode()
            assert (await call.bye()).status == 200
        if good:
            return
        assert time.monotonic() < until, "calls are not as before"
        await asyncio.sleep(0.3)


def pids(node: Node) -> dict[str, int]:
    """The process of each part, as the supervisor has it, once it thinks that all of them run."""
    return eventually(lambda: _pids(node), 40, "every part runs")


def _pids(node: Node) -> dict[str, int]:
    command = [str(Path(sys.executable).parent / "supervisorctl"), "-c", str(node.run / "supervisord.conf")]
    said = subprocess.run(
        [*command, "status"], capture_output=True, text=True, check=False, timeout=30
    ).stdout
    found = {part: int(pid) for part, pid in re.findall(r"^(\S+)\s+RUNNING\s+pid (\d+)", said, re.MULTILINE)}
    return found if set(found) == set(PARTS) else {}


def test_every_dependency_of_the_nodes_own_is_taken_away() -> None:
    """Summary: no row of the table is left out here but the clock's and that of DNS, which have tests of their own."""
    assert {lost for lost, _ in WAYS} == set(Lost) - {Lost.CLOCK, Lost.DNS}


def test_every_one_of_these_calls_is_on_record(node: Node) -> None:
    """Summary: after all these losses each call that went has its decision and its outcome, each refused one its refusal, once, with what was lost in it."""
    placed = {call_id for call_id, _, _ in PLACED_SO_FAR}

    def shipped() -> bool:
        kept = node.calls()
        over = all(call["ended_at"] for call in kept if call["verdict"] == "admit")
        return over and placed <= {call["call_id"] for call in kept}

    eventually(shipped, 40, "all records, and all outcomes")
    records = {call["call_id"]: call for call in node.calls()}
    assert len(node.calls()) == len({call["record_id"] for call in node.calls()})
    for call_id, lost, column in PLACED_SO_FAR:
        cell = effect(lost, column)
        record = records[call_id]
        if cell is Effect.REFUSED and lost is Lost.GATES:  # by the edge itself
            assert (record["verdict"], record["reason"]) == ("reject", "gate-unavailable"), column
            assert (record["status"], record["gate"]) == (503, -1), column
            continue
        if cell is Effect.REFUSED and lost is Lost.REDIS:  # by a gate that could not count it
            assert (record["verdict"], record["reason"]) == ("reject", "limits-unavailable"), column
            assert (record["status"], record["blame"]) == (503, "us"), column
            continue
        if cell is Effect.REFUSED:  # judged, and then there was no way
            assert (record["verdict"], record["ending"], record["end_code"]) == ("admit", "failed", 503)
            continue
        assert (record["verdict"], record["ending"]) == ("admit", "bye"), (lost, column)
        if cell is Effect.GOES_UNVERIFIED:
            assert record["verification"]["verstat"] == "No-TN-Validation"
            assert record["verification"]["why"] in UNVERIFIED, lost
        if cell is Effect.GOES_UNSIGNED:
            assert record["attest"] == "", lost
            assert record["attest_reason"] in SIGNER_LOST
        # by the edge itself, or by a gate on the policy it had
        assert record["gate"] == -1 if cell is Effect.GOES_FROM_TABLE else record["policy_version"] == 1
