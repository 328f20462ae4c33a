"""Calls that are held: the next one is refused, and those that run are ended where that was said."""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from sipkit.agent import answer_at_once
from sipkit.call import Call
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import (
    ACME_NUMBER,
    NORTH_NUMBER,
    PBX,
    SBC_PLAIN,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    run,
    south_agent,
    tls_carrier,
    udp_carrier,
)
from wire.records.parties import eventually
from wire.running.test_dead_mans_switch import nothing_is_left, talk

BRITISH = "+442079460123"
#: Seconds: a round of the edge, and what a busy machine adds; nothing else ends a call within a grant of a minute.
ENDED_S = 20.0


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """One whose trunk may call Britain, by carrier north; a grant lasts a minute, as usual."""
    config = EXAMPLE.read_text(encoding="utf-8")
    config = config.replace('prefixes: ["+1202"]', 'prefixes: ["+1202", "+44"]')
    config = config.replace(
        "        client_certificate: issued\n",
        "        client_certificate: issued\n        destinations: {allow: [US, GB]}\n"
        "        spend: {call: 5, hour: 10, day: 30, month: 300}\n",
    )
    running = start_node(config)
    yield running
    stop_node(running)


async def rings(call: Call) -> None:
    call.ring()


async def told(node: Node, *words: str, code: int = 0) -> str:
    """What a command says."""
    done: subprocess.CompletedProcess[str] = await asyncio.to_thread(node.trunkward, *words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_held_cut_and_released(node: Node) -> None:
    """Summary: a hold of calls abroad refuses the next and with --cut ends those that run within seconds, home, inbound and emergency calls go on; one that rang is ended at its answer; --all ends and refuses what comes in; release takes calls again; actor and reason are in the history."""

    async def scenario() -> None:
        customer, north, south, pbx = customer_agent(), carrier_agent(), south_agent(), customer_agent()
        async with (
            tls_carrier(node, north),
            udp_carrier(south) as at_south,
            tls_carrier(node, pbx, PBX, node.credential("acme-hq")),
        ):
            flow = await connect(node, customer)
            home = await talk(customer, flow, north, NORTH_NUMBER)
            abroad = await talk(customer, flow, north, BRITISH)
            emergency = await talk(customer, flow, north, "911")
            inbound = await talk(south, south.own(at_south.flow(SBC_PLAIN)), pbx, ACME_NUMBER)
            north.on_call = rings
            ringing = await place(customer, flow, BRITISH)
            there = await north.incoming()
            await ringing.received(180)
            north.on_call = answer_at_once
            # held without an end for what runs
            await told(node, "hold", "trunk:acme-hq", "--international", "--why", "Latvia")
            refused = await place(customer, flow, BRITISH)
            assert (await refused.final()).status == 403
            assert not abroad.call.is_over
            # with an end
            held_at = time.monotonic()
            said = await told(
                node, "hold", "tenant:acme", "--international", "--cut", "--why", "the same everywhere"
            )
            assert "tenant:acme held: calls abroad, running ones ended (the same everywhere)" in said
            for side in (abroad.call, abroad.there):
                assert await side.ended(ENDED_S) == "peer-bye"
            took = time.monotonic() - held_at
            bye = abroad.bye(abroad.there)
            assert bye.get("Reason") == 'Q.850;cause=31;text="held"'
            record = await asyncio.to_thread(node.record, abroad.call.invite.call_id, ended=True)
            assert (record["ended_by"], record["cut"]) == ("us", "held")
            # nobody answers a call abroad for long
            there.answer()
            await ringing.answered()
            for side in (ringing, there):
                assert await side.ended(ENDED_S) == "peer-bye"
            # calls at home are another thing
            assert not any(one.is_over for one in (home.call, emergency.call, inbound.call))
            print(f"held and ended after {took:.1f} s, the command's own time included")
            # everything
            await told(node, "hold", "trunk:acme-hq", "--all", "--cut", "--why", "all of it")
            for side in (home.call, home.there, inbound.call, inbound.there):
                assert await side.ended(ENDED_S) == "peer-bye"
            assert not emergency.call.is_over
            closed = await place(south, south.own(at_south.flow(SBC_PLAIN)), ACME_NUMBER)
            assert (await closed.final()).status == 480
            help_call = await talk(customer, flow, north, "911")
            for one in (emergency, help_call):
                assert (await one.call.bye()).status == 200
            # and back
            await told(node, "release", "trunk:acme-hq", "--why", "the PBX is clean")
            assert "is not held; held now: tenant:acme" in await told(
                node, "release", "trunk:acme-hq", "--why", "again", code=2
            )
            back = await talk(customer, flow, north, NORTH_NUMBER)
            assert (await (await place(customer, flow, BRITISH)).final()).status == 403
            await told(node, "release", "tenant:acme", "--why", "the PBX is clean")
            far = await talk(customer, flow, north, BRITISH)
            for one in (back, far):
                assert (await one.call.bye()).status == 200
            await nothing_is_left(node)

    run(node, scenario)
    history = node.trunkward("history", "--json", "--limit", "6")
    assert [json.loads(line)["summary"] for line in history.stdout.splitlines()][:2] == [
        "tenant:acme released (the PBX is clean)",
        "trunk:acme-hq released (the PBX is clean)",
    ]

    def explained() -> list[str]:
        return node.trunkward("calls", "--reason", "international-held", "--json").stdout.splitlines()

    eventually(lambda: len(explained()) >= 2, 20, "both refused calls on record")
    assert len(explained()) == 2
    assert not faults_in(node.log("kamailio"))


def test_a_cap_is_raised_and_shown(node: Node) -> None:
    """Summary: spend raise is a version in force on the running node, shown with its end, reason and actor by spend caps, ended by --end; refusals change nothing."""
    done = node.trunkward(
        *("spend", "raise", "trunk:acme-hq", "--window", "day", "--to", "80", "--for", "2h"),
        *("--why", "ticket 4711"),
    )
    assert done.returncode == 0, done.stderr
    assert "trunk:acme-hq may spend 80.00 a day until " in done.stderr
    declared = json.loads((node.state / "config" / "declared.json").read_text())
    assert [(one["owner"], one["to_micro"]) for one in declared["raises"]] == [("trunk:acme-hq", 80_000_000)]
    told = json.loads(node.trunkward("spend", "caps", "--json").stdout)
    (shown,) = told["caps"]
    assert (shown["caps"]["day"], shown["raises"][0]["to"], shown["raises"][0]["why"]) == (
        "30.00",
        "80.00",
        "ticket 4711",
    )
    assert 7000 < shown["raises"][0]["until"] - time.time() <= 7200
    assert "30.00 -> 80.00" in node.trunkward("spend", "caps").stdout
    refused = node.trunkward(
        *("spend", "raise", "trunk:acme-hq", "--window", "day", "--to", "70", "--for", "2h", "--why", "x")
    )
    assert (refused.returncode, "a raise only raises" in refused.stderr) == (2, True)
    ended = node.trunkward("spend", "raise", "trunk:acme-hq", "--end", "--why", "over")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(node.trunkward("spend", "caps", "--json").stdout) == {"caps": [], "holds": []}
