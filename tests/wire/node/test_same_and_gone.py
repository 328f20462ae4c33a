"""Two trunks with one Call-ID, a host with a wrong certificate before the right one, a customer who has gone."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sipkit.transport import Address
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import (
    CARRIER_MARKS,
    CUSTOMER_MARKS,
    NORTH,
    NORTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    forgotten,
    place,
    reoffer,
    run,
    tls_carrier,
)
from wire.records.parties import eventually

BETA_NUMBER = "+12025550121"
PAIR = (Address(host="127.0.0.1", port=25081), Address(host="127.0.0.1", port=25082))
PAIR_NUMBER = "+15055550177"

BETA = f"""
      - name: beta
        networks: [127.0.0.1/32]
        client_certificate: issued
        numbers: ["{BETA_NUMBER}"]

carriers:
  - name: pair
    hosts: [{PAIR[0]}, {PAIR[1]}]
    transport: tls
    prefixes: ["+1505"]
    networks: [127.0.0.1/32]
    tls_names: [pair.example.net]
    ca: local
"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    before, found, after = EXAMPLE.read_text(encoding="utf-8").partition("\ncarriers:")
    assert found
    running = start_node(before.rstrip() + BETA + after)
    yield running
    stop_node(running)


def test_one_call_id_from_two_trunks(node: Node) -> None:
    """Summary: two trunks call with the same Call-ID at once: two calls, each its own media, end and record."""
    call_id = "the-same@10.9.8.7"

    async def scenario() -> None:
        acme, beta, carrier = customer_agent(), customer_agent(), carrier_agent()
        async with tls_carrier(node, carrier):
            flows = await connect(node, acme), await connect(node, beta, "beta")
            one, two = await asyncio.gather(
                place(acme, flows[0], NORTH_NUMBER, call_id=call_id, from_tag="one"),
                place(
                    beta,
                    flows[1],
                    NORTH_NUMBER,
                    call_id=call_id,
                    from_tag="two",
                    sender=f"<sip:{BETA_NUMBER}@inner.acme>",
                ),
            )
            there = {}
            for _ in range(2):
                taken = await carrier.incoming()
                there[taken.invite.get("P-Asserted-Identity").partition(":")[2][:12]] = taken
            assert (await one.final()).status == (await two.final()).status == 200
            assert set(there) == {"+12025550101", BETA_NUMBER}
            for taken in there.values():
                await taken.confirmed()
            assert (await one.bye()).status == 200
            assert await there["+12025550101"].ended() == "peer-bye"
            # the other one does not notice
            assert (await two.reinvite(reoffer(two))).status == 200
            assert (await there[BETA_NUMBER].reinvite(reoffer(there[BETA_NUMBER]))).status == 200
            assert (await there[BETA_NUMBER].bye()).status == 200
            assert await two.ended() == "peer-bye"

    run(node, scenario)

    def ended() -> list[dict[str, Any]]:
        return [call for call in node.calls() if call["call_id"] == call_id and call["ended_at"]]

    eventually(lambda: len(ended()) >= 2, 20, "the records of both")
    found = ended()
    assert len(found) == 2
    assert {(c["trunk"], c["ending"], c["ended_by"]) for c in found} == {
        ("acme-hq", "bye", "caller"),
        ("beta", "bye", "callee"),
    }
    assert not faults_in(node.log("kamailio"))


def test_the_next_host_after_a_wrong_certificate(node: Node) -> None:
    """Summary: a carrier's first host shows another's certificate, so its second takes the call; the first saw no INVITE."""

    async def scenario() -> None:
        customer, impostor, carrier = customer_agent(), carrier_agent(), carrier_agent()
        async with (
            tls_carrier(node, impostor, PAIR[0], node.credential("acme-hq")),
            tls_carrier(node, carrier, PAIR[1], node.credential("pair")),
        ):
            flow = await connect(node, customer)
            call = await place(customer, flow, PAIR_NUMBER)
            assert (await call.final()).status == 200
            await (await carrier.incoming()).confirmed()
            assert (await call.bye()).status == 200
        assert {s.message.method for s in impostor.trace if not s.sent} == {"OPTIONS"}

    run(node, scenario)
    assert not faults_in(node.log("kamailio"))


def test_a_customer_whose_connection_has_gone(node: Node) -> None:
    """Summary: customer gone: its carrier's re-INVITE, UPDATE and BYE get 503 no-route-left at once; the BYE ends it."""

    async def scenario() -> str:
        customer = customer_agent()
        carrier = carrier_agent(contact=f"sip:gw@{NORTH};transport=tls")
        async with tls_carrier(node, carrier):
            flow = await connect(node, customer)
            call = await place(customer, flow, NORTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            await flow.close()
            await forgotten(node, flow.local)
            for ask in (there.reinvite(reoffer(there)), there.update(reoffer(there)), there.bye()):
                began = time.monotonic()
                reply = await ask
                assert (reply.status, reply.get("Reason")) == (503, 'SIP;cause=503;text="no-route-left"')
                assert time.monotonic() - began < 3.5  # nobody was waited for: tm does so for four seconds
            assert not carrier.saw(CUSTOMER_MARKS)
            assert not customer.saw(CARRIER_MARKS)
            ended.append(call.invite.call_id)
        return ""

    ended: list[str] = []
    run(node, scenario)
    record = node.record(ended[0], ended=True)
    assert (record["ending"], record["ended_by"]) == ("bye", "callee")
    assert not faults_in(node.log("kamailio"))
