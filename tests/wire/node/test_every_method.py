"""Who is nobody is told the same whatever he sends; a flood of him is counted, and fills nothing."""

import asyncio
import json
import signal

from wire.conftest import Node
from wire.node.parties import (
    NORTH_NUMBER,
    Party,
    connect,
    customer_agent,
    place,
    run,
)
from wire.records.parties import eventually

URI = "sip:sbc.example.com"
METHODS = ("OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "NOTIFY")
FLOOD = 300


async def told(party: Party, flow: object, method: str) -> tuple[int, tuple[str, ...]]:
    """The status and the names of the headers."""
    reply = await party.request(method, URI, flow)  # type: ignore[arg-type]
    return reply.status, tuple(sorted({name for name, _ in reply.headers}))


async def invited(party: Party, flow: object, number: str = NORTH_NUMBER) -> tuple[int, tuple[str, ...]]:
    reply = await (await place(party, flow, number)).final()  # type: ignore[arg-type]
    return reply.status, tuple(sorted({name for name, _ in reply.headers}))


def test_a_stranger_gets_one_answer_and_a_peer_what_it_asks_for(node: Node) -> None:
    """Summary: over TLS every method of a stranger gets the 403 an INVITE gets, with the same headers; trunk and carrier get 200 to OPTIONS, 405 to the rest, and no record of it."""

    async def scenario() -> None:
        nobody, elsewhere, customer, carrier = (customer_agent() for _ in range(4))
        for party, flow in (
            (nobody, await connect(node, nobody, name="")),
            (elsewhere, await connect(node, elsewhere, host="127.0.0.2")),
        ):
            answers = {await told(party, flow, method) for method in METHODS} | {await invited(party, flow)}
            ((status, names),) = answers
            assert status == 403
            assert not {"Allow", "Reason", "Warning", "Supported", "Contact"} & set(names)
        for party, name in ((customer, "acme-hq"), (carrier, "north")):
            flow = await connect(node, party, name=name)
            asked = [await told(party, flow, method) for method in METHODS]
            assert [status for status, _ in asked] == [200, 405, 405, 405, 405, 405]
            assert all("Allow" in names for _, names in asked)

    before = len(node.calls())
    run(node, scenario)
    node.wait_ready()
    # two of the strangers' calls, and nothing of what is none
    assert len(node.calls()) - before <= 2


def test_without_gates_a_trunk_still_hears_that_somebody_is_there(node: Node) -> None:
    """Summary: all gates dead: a trunk's OPTIONS gets 200, so that its PBX does not give it up (911 goes); a stranger's 503."""

    async def scenario() -> None:
        customer, nobody = customer_agent(), customer_agent()
        flow, other = await connect(node, customer), await connect(node, nobody, name="")
        with node.killed("gate-0", "gate-1"):
            assert (await told(customer, flow, "OPTIONS"))[0] == 200
            assert (await told(nobody, other, "OPTIONS"))[0] == 503

    try:
        run(node, scenario)
    finally:
        node.wait_ready()


def test_a_flood_of_strangers_is_counted(node: Node) -> None:
    """Summary: 300 calls of a stranger: the first of each gate are on record, all are in its events with their count; none has messages."""

    def counted() -> tuple[int, int]:
        answer = node.trunkward("events", "--event", "strangers-refused", "--limit", "0", "--json")
        assert answer.returncode == 0, answer.stderr
        events = [json.loads(line) for line in answer.stdout.splitlines()]
        return sum(e["count"] for e in events), sum(e.get("recorded", 0) for e in events)

    async def scenario() -> None:
        nobody = customer_agent(keeps_messages=False)
        flow = await connect(node, nobody, name="")
        for _ in range(FLOOD // 10):
            finals = await asyncio.gather(
                *[(await place(nobody, flow, NORTH_NUMBER)).final() for _ in range(10)]
            )
            assert {final.status for final in finals} == {403}

    node.trunkward("events")
    records, (count, recorded) = len(node.calls()), counted()
    run(node, scenario)
    for gate in ("gate-0", "gate-1"):
        # one that ends tells what it has counted
        node.signal(gate, signal.SIGTERM)
    node.wait_ready()
    eventually(lambda: len(node.calls()) - records >= 20, 20, "the records of them")
    eventually(lambda: counted()[0] - count >= FLOOD, 20, "the events of all of them")
    new = len(node.calls()) - records
    assert new <= 40 + 40, new
    assert counted()[1] - recorded <= 80
    newest = node.trunkward("events", "--event", "strangers-refused", "--limit", "1").stdout
    (shown,) = [line for line in newest.splitlines() if "refused" in line]
    assert "127.0.0.0/24" in shown
