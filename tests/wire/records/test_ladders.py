"""`trunkward calls show`: real calls as ladders, routes tried, who ended them, and what the edge decided alone."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from sipkit import Call, UserAgent
from sipkit.transport import Address, listen_stream, server_context
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.records.conftest import supervise
from wire.records.parties import NORTH, Parties, eventually, parties, speak

BUSY = Address(host="127.0.0.31", port=26010)
#: Tried at `busy` first, then at `north` under another name.
FAILS_OVER = "+12075550142"
CARRIERS = f"""
  - name: busy
    hosts: [{BUSY}]
    transport: tls
    prefixes: ["+1207"]
    networks: [127.0.0.31/32]
    tls_names: [busy.example.net]
    ca: local

  - name: spare
    hosts: [{NORTH}]
    transport: tls
    prefixes: ["+1207"]
    networks: [127.0.0.32/32]
    tls_names: [north.example.net]
    ca: local
"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """The example, a carrier that refuses every call, and another way to north for the same numbers."""
    running = start_node(EXAMPLE.read_text(encoding="utf-8") + CARRIERS)
    yield running
    stop_node(running)


def _run(node: Node, scenario: Callable[[Parties], Any]) -> str:
    async def run() -> str:
        async with parties(node) as lab:
            call: Call = await scenario(lab)
            return call.invite.call_id

    return asyncio.run(run())


def _shown(node: Node, call_id: str, messages: int, *, ended: bool = True) -> dict[str, Any]:
    """The record with its messages, once the worker has shipped as many as there must be, and its end.

    They are written by several processes, each into files of its own, and shipped file by file.
    """

    def look() -> dict[str, Any] | None:
        answered = node.trunkward("calls", "show", call_id, "--json")
        told = json.loads(answered.stdout) if answered.returncode == 0 else {"messages": []}
        there = len(told["messages"]) >= messages and (told["ended_at"] or not ended)
        return told if there else None

    found = eventually(look, 20, f"{messages} messages of {call_id}")
    assert found is not None
    return found


def _arrows(shown: dict[str, Any], side: str) -> list[str]:
    return [
        f"{'>' if m['way'] == 'in' else '<'}{m['what']}{' ' + m['of'] if m['of'] not in ('', 'INVITE') else ''}"
        f"{' ' + m['media'] if m['media'] else ''}"
        for m in shown["messages"]
        if m["side"] == side
    ]


def test_a_call_that_fails_over_rings_is_held_and_hung_up(node: Node) -> None:
    """Summary: 503 at the first carrier, ringing and answer at the second, hold, BYE: the record has both routes, the ladder each message."""

    async def refuses(call: Call) -> None:
        call.reply(503, headers=[("Reason", 'Q.850;cause=34;text="no circuit"')])

    async def rings(call: Call) -> None:
        call.ring()
        await asyncio.sleep(0.3)
        call.answer()

    async def scenario(lab: Parties) -> Call:
        async with AsyncExitStack() as stack:
            busy = UserAgent("<sip:busy@busy.example.net>", session=speak, on_call=refuses)
            tls = server_context(node.credential("busy"), node.authority)
            listener = await listen_stream(BUSY, busy.receive, tls=tls)
            stack.push_async_callback(listener.close)
            lab.north.on_call = rings
            call = await lab.call(called=FAILS_OVER)
            await call.answered()
            await (await lab.north.incoming()).confirmed()
            held = call.local_sdp.replace("a=sendrecv", "a=sendonly")
            assert "a=sendonly" in held
            assert (await call.reinvite(held)).status == 200
            assert (await call.bye()).status == 200
            return call

    call_id = _run(node, scenario)
    shown = _shown(node, call_id, 21)
    assert shown["tried"] == [{"peer": "busy", "status": 503}]
    assert (shown["peer"], shown["ending"], shown["tenant"], shown["end_code"]) == (
        "spare",
        "bye",
        "acme",
        200,
    )
    assert shown["ring_s"] > 0.2
    assert shown["started_at"] < shown["ringing_at"] < shown["answered_at"] < shown["ended_at"]
    assert _arrows(shown, "caller") == [
        ">INVITE sdp", "<100", "<180", "<200 sdp", ">ACK", ">INVITE hold", "<200 hold", ">ACK", ">BYE", "<200 BYE",
    ]  # fmt: skip
    callee = [arrow for arrow in _arrows(shown, "callee") if arrow != ">100"]
    assert callee == [
        "<INVITE sdp", ">503", "<INVITE sdp", ">180", ">200 sdp", "<ACK", "<INVITE hold", ">200 hold", "<ACK", "<BYE", ">200 BYE",
    ]  # fmt: skip
    assert [m["why"] for m in shown["messages"] if m["what"] == "503"] == ["Q.850 34"]
    assert [m["why"] for m in shown["messages"] if m["what"] == "INVITE" and m["why"]] == ["busy", "spare"]
    text = node.trunkward("calls", "show", shown["record_id"][:12]).stdout
    assert "tried before: busy, 503" in text
    assert "admit: admitted, signed A" in text
    assert (
        text.index("INVITE [sdp] to busy")
        < text.index("503 Service Unavailable Q.850 34")
        < text.index("BYE")
    )
    sides = {leg["side"]: leg for leg in shown["legs"]}
    assert sides["caller"]["peer"] == "acme-hq"
    assert all(leg["protocol"] == "RTP/SAVP" for leg in sides.values())
    # two silent agents: nothing was heard nor reported, and nothing is made up
    assert not any({"codec", "mos", "jitter_ms"} & set(leg) for leg in sides.values())


def test_a_call_that_is_given_up(node: Node) -> None:
    """Summary: CANCEL while it rings: the ladder has CANCEL before the 487s, the outcome says cancelled and how long it rang."""

    async def rings(call: Call) -> None:
        call.ring()

    async def scenario(lab: Parties) -> Call:
        lab.north.on_call = rings
        call = await lab.call()
        await call.received(180)
        await asyncio.sleep(0.2)
        assert (await call.cancel()).status == 200
        assert (await call.final()).status == 487
        return call

    shown = _shown(node, _run(node, scenario), 9)
    assert (shown["ending"], shown["end_code"], shown["ended_by"]) == ("cancelled", 487, "caller")
    assert shown["ring_s"] >= 0.2
    assert shown["duration_s"] is None
    assert _arrows(shown, "caller") == [">INVITE sdp", "<100", "<180", ">CANCEL", "<487"]
    assert [arrow for arrow in _arrows(shown, "callee") if arrow != ">100"][:2] == ["<INVITE sdp", ">180"]
    assert {">487", ">200 CANCEL"} <= set(_arrows(shown, "callee"))


def test_a_call_that_is_refused(node: Node) -> None:
    """Summary: no carrier for the number: INVITE, 100, 404 with the reason, and the verdict between them."""

    async def scenario(lab: Parties) -> Call:
        call = await lab.call(called="+14045550100")
        assert (await call.final()).status == 404
        return call

    shown = _shown(node, _run(node, scenario), 3, ended=False)
    assert (shown["verdict"], shown["reason"], shown["legs"], shown["peer"]) == (
        "reject",
        "no-route",
        [],
        None,
    )
    assert _arrows(shown, "caller") == [">INVITE sdp", "<100", "<404"]
    assert shown["messages"][-1]["why"] == "no-route"


def test_what_the_edge_decides_alone_has_its_record(node: Node) -> None:
    """Summary: no gate: a refused call has a decision of the edge's, an emergency call one record with its outcome; no gate needed."""
    refused: list[str] = []

    async def scenario(lab: Parties) -> Call:
        for gate in ("gate-0", "gate-1"):
            await asyncio.to_thread(supervise, node, "stop", gate)
        try:
            call = await lab.call()
            assert (await call.final()).status == 503
            refused.append(call.invite.call_id)
            emergency, _ = await lab.whole_call(called="911")
        finally:
            for gate in ("gate-0", "gate-1"):
                await asyncio.to_thread(supervise, node, "start", gate)
        return emergency

    emergency = _run(node, scenario)
    shown = _shown(node, refused[0], 3, ended=False)
    assert (shown["verdict"], shown["reason"], shown["status"], shown["gate"]) == (
        "reject",
        "gate-unavailable",
        503,
        -1,
    )
    assert _arrows(shown, "caller") == [">INVITE sdp", "<100", "<503"]
    assert node.record(emergency, ended=True)["reason"] == "admitted-emergency"
    told = _shown(node, emergency, 8)
    assert (told["trunk"], told["called_number"], told["gate"], told["ending"]) == (
        "acme-hq",
        "911",
        -1,
        "bye",
    )
    assert _arrows(told, "caller")[0] == ">INVITE sdp"
    assert len([call for call in node.calls() if call["call_id"] in (emergency, refused[0])]) == 2
    node.wait_ready()


def test_lines_hold_nothing_of_the_peers(node: Node) -> None:
    """Summary: after all of the above no message line has a number, an address, a name or a key of anybody in it."""
    text = "".join(file.read_text() for file in (node.run / "ladder").glob("*.jsonl"))
    assert text.count("\n[") > 20
    for trace in ("+1", "127.0.0", "sip:", "inline:", "tag", "pbx", "no circuit", "example"):
        assert trace not in text, trace


def test_a_list_that_is_followed(node: Node) -> None:
    """Summary: `calls --follow --json` tells of a call when it is judged and again when it has ended, and ends with Ctrl-C."""

    async def scenario(lab: Parties) -> Call:
        following = await asyncio.create_subprocess_exec(
            *("trunkward", "calls", "--follow", "--json", "--limit", "1", "--trunk", "acme-hq"),
            env=node.environment,
            stdout=asyncio.subprocess.PIPE,
        )
        assert following.stdout is not None
        try:
            assert await asyncio.wait_for(following.stdout.readline(), 30)  # it has begun
            call, _ = await lab.whole_call()
            told: list[dict[str, Any]] = []
            while not told or not told[-1]["ending"]:
                line = json.loads(await asyncio.wait_for(following.stdout.readline(), 30))
                told += [line] if line["call_id"] == call.invite.call_id else []
            assert 1 <= len(told) <= 2  # shipped together, or one after the other
        finally:
            following.send_signal(2)
            assert await asyncio.wait_for(following.wait(), 30) == 130
        return call

    _run(node, scenario)
