"""Identity headers of others go through the node byte for byte, or their call does not (47 CFR 64.6302(a))."""

import asyncio
import time
from email.utils import formatdate

import pytest

from sipkit.call import Call
from sipkit.message import Message
from sipkit.passports import identity, shaken
from sipkit.transport import Flow
from wire.conftest import Node
from wire.node.parties import (
    ACME_NUMBER,
    NORTH_NUMBER,
    PBX,
    SBC_PLAIN,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    south_agent,
    tls_carrier,
    udp_carrier,
)
from wire.shaken.conftest import BRANCH, FOREIGN, FROM_ABROAD, FROM_UPSTREAM, SPARE
from wire.shaken.wire_bytes import arrived, bringing, lines_of

UPSTREAM = f'"Somebody" <sip:{FOREIGN}@up.example.net>'


def block(dest: str) -> bytes:
    """Every form a header may have: long, odd in case and blanks, compact, folded, and one that is no SHAKEN."""
    now = int(time.time())
    # too old: an error of its sender's, whether or not its certificate can be had
    first = shaken(FOREIGN[1:], dest[1:], iat=now - 3600, padded=2500)
    assert len(first) > 3000
    token, parameters = identity("rph", {"rph": {"auth": ["ets.0"]}}).split(";", 1)
    return (
        f"Identity: {first}\r\n"
        f"Date: {formatdate(now, usegmt=True)}\r\n"
        f"IDENTITY :  {token};  {parameters} \r\n"
        f"y: {shaken(FOREIGN[1:], dest[1:], iat=now, attest='B')}\r\n"
        f"Identity: {token}\r\n ;{parameters}\r\n\t;more=1\r\n"
        f"identity: rubbish, {token};{parameters}\r\n"
    ).encode()


def first_invite(party: Party) -> Message:
    """As it arrived."""
    return next(seen.message for seen in party.trace if seen.message.start_line.startswith("INVITE "))


async def in_transit(
    node: Node, lines: bytes, *, name: str = "upstream", host: str = FROM_UPSTREAM, sender: str = UPSTREAM
) -> tuple[Party, Party, Call]:
    """A call by way of carrier north, which does not take it, to the spare one, which has it over UDP."""

    async def refuses(there: Call) -> None:
        there.reply(503)

    caller, north = customer_agent(), carrier_agent(on_call=refuses)
    spare = south_agent()
    spare.contact_uri = f"sip:gw@{SPARE}"
    async with tls_carrier(node, north), udp_carrier(spare, SPARE):
        flow = await connect(node, caller, name, host)
        caller.on_wire = bringing(lines)
        call = await place(caller, flow, NORTH_NUMBER, sender=sender)
        there = await spare.incoming()
        await call.answered()
        await there.confirmed()
        assert (await call.reinvite(caller.session)).status == 200
        assert (await call.bye()).status == 200
        await flow.close()
    return north, spare, call


@pytest.mark.parametrize(
    ("name", "host", "rule"),
    [("upstream", FROM_UPSTREAM, "C-intermediate-unsigned"), ("abroad", FROM_ABROAD, "C-gateway")],
)
def test_in_transit_through_topology_hiding_media_and_a_second_carrier(
    node: Node, name: str, host: str, rule: str
) -> None:
    """Summary: Property 8: five Identity lines (3 KB long, compact, folded, odd) and their Date are the same bytes, in order, at a TLS carrier and, after its 503, at a UDP one; behind them stands our C, for one of them is not good."""

    async def scenario() -> None:
        lines = block(NORTH_NUMBER)
        north, spare, call = await in_transit(node, lines, name=name, host=host)
        for party in (north, spare):
            [found] = arrived(party)
            assert found[: len(lines_of(lines))] == lines_of(lines)
            assert len(found) == len(lines_of(lines)) + 1
            assert not party.saw(("10.9.8.7", "InnerPBX"))
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert (record["attest"], record["attestation"]["rule"]) == ("C", rule)
        assert record["calling_number"] == FOREIGN

    run(node, scenario)


def test_in_transit_who_calls_is_shown_as_it_came(node: Node) -> None:
    """Summary: From number and display name, and an asserted number, pass: the verifier compares the signature with them."""

    async def scenario() -> None:
        lines = block(NORTH_NUMBER) + f"P-Asserted-Identity: <sip:{FOREIGN}@core.up>\r\n".encode()
        sender = f'"+1 202 555 0123" <sip:{FOREIGN}@up.example.net>'
        _, spare, _ = await in_transit(node, lines, sender=sender)
        invite = first_invite(spare)
        assert invite.get("From").startswith(f'"+1 202 555 0123" <sip:{FOREIGN}@sbc.example.com>')
        assert invite.get_all("P-Asserted-Identity") == (f"<sip:{FOREIGN}@sbc.example.com>",)

    run(node, scenario)


async def from_south(node: Node, lines: bytes) -> tuple[Party, Party, Call]:
    """A call in over UDP; the main trunk does not take it, the one that stands in for it does, over TLS."""

    async def refuses(there: Call) -> None:
        there.reply(503)

    main, branch = customer_agent(on_call=refuses), customer_agent()
    south = south_agent()
    async with (
        tls_carrier(node, main, PBX, node.credential("acme-hq")),
        tls_carrier(node, branch, BRANCH, node.credential("acme-branch")),
        udp_carrier(south) as endpoint,
    ):
        flow: Flow = south.own(endpoint.flow(SBC_PLAIN))
        south.on_wire = bringing(lines)
        call = await place(south, flow, ACME_NUMBER, sender=f"<sip:{FOREIGN}@core.carrier>")
        there = await branch.incoming()
        await call.answered()
        await there.confirmed()
        assert (await call.bye()).status == 200
    return main, branch, call


def test_from_udp_to_tls_and_to_a_second_trunk(node: Node) -> None:
    """Summary: Property 8: the same lines in over UDP are the same bytes at a PBX over TLS, and at the one that stands in for it; the number called is the same there, so nothing was retargeted."""

    async def scenario() -> None:
        lines = block(ACME_NUMBER)
        main, branch, _ = await from_south(node, lines)
        for party in (main, branch):
            [found] = arrived(party)
            assert found == lines_of(lines)
            assert first_invite(party).uri.startswith(f"sip:{ACME_NUMBER}@")

    run(node, scenario)


GOOD = "Identity: {}\r\n"


def explained(node: Node, call_id: str) -> str:
    """What each check saw."""
    return node.trunkward("explain", call_id).stdout


@pytest.mark.parametrize(
    ("lines", "detail"),
    [
        (GOOD.format("x") * 11, "11 Identity headers"),
        ("y: x\r\n" * 6 + GOOD.format("x") * 5, "11 Identity headers"),
        (GOOD.format("x" * 8193), "of 8193 bytes"),
        (GOOD.format("x" * 8192) * 2 + "y: x\r\n", "of 16385 bytes"),
    ],
)
@pytest.mark.parametrize("transit", [True, False])
def test_more_than_is_carried_is_refused(node: Node, lines: str, detail: str, *, transit: bool) -> None:
    """Summary: eleven Identity headers, one of over 8 KiB, or over 16 KiB together: 438, identity-too-large; nothing is cut or left out."""

    async def scenario() -> None:
        if transit:
            party = customer_agent()
            flow = await connect(node, party, "upstream", FROM_UPSTREAM)
            party.on_wire = bringing(lines.encode())
            call = await place(party, flow, NORTH_NUMBER, sender=UPSTREAM)
        else:
            party = carrier_agent()
            flow = await connect(node, party, "north")
            party.on_wire = bringing(lines.encode())
            call = await place(party, flow, ACME_NUMBER)
        final = await call.final()
        assert final.status == 438
        assert 'SIP;cause=438;text="identity-too-large"' in final.get_all("Reason")
        record = await asyncio.to_thread(node.record, call.invite.call_id)
        assert record["reason"] == "identity-too-large"
        assert detail in await asyncio.to_thread(explained, node, call.invite.call_id)
        await flow.close()

    run(node, scenario)


def test_as_much_as_is_carried_passes(node: Node) -> None:
    """Summary: two Identity headers of 8 KiB each, and ten short ones, arrive whole."""

    async def scenario() -> None:
        for lines in ((GOOD.format("x" * 8192) * 2).encode(), (GOOD.format("x") * 10).encode()):
            north, spare, _ = await in_transit(node, lines)
            for party in (north, spare):
                [found] = arrived(party)
                # and ours behind them, with its Date: they have not the form of SHAKEN
                assert found[: len(lines_of(lines))] == lines_of(lines)
                assert len(found) == len(lines_of(lines)) + 2

    run(node, scenario)


@pytest.mark.parametrize(
    "lines",
    [
        "Identity: forged;info=<https://inner.acme>\r\n",
        "y: forged;info=<https://inner.acme>\r\n",
        "y: forged1\r\nIdentity: forged2\r\nY : forged3\r\n",
        "IDENTITY\t: a\r\n forged\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n",
    ],
)
def test_a_customers_own_never_passes(node: Node, lines: str) -> None:
    """Summary: whatever form a customer's Identity has, carriers get the node's alone, with a Date of the same second."""

    async def scenario() -> None:
        customer, north = customer_agent(), carrier_agent()
        async with tls_carrier(node, north):
            flow = await connect(node, customer)
            customer.on_wire = bringing(lines.encode())
            call = await place(customer, flow, NORTH_NUMBER)
            there = await north.incoming()
            await call.answered()
            await there.confirmed()
            await call.bye()
            await flow.close()
        [found] = arrived(north)
        assert [line.split(b":")[0] for line in found] == [b"Date", b"Identity"]
        assert not north.saw(("forged", "Jan 2000"))

    run(node, scenario)


@pytest.mark.parametrize("name", ["Identity", "y"])
def test_in_a_running_call_none_passes(node: Node, name: str) -> None:
    """Summary: an Identity in a later request of a call stays on its side, in both forms."""

    async def scenario() -> None:
        customer, north = customer_agent(), carrier_agent()
        async with tls_carrier(node, north):
            flow = await connect(node, customer)
            call = await place(customer, flow, NORTH_NUMBER)
            there = await north.incoming()
            await call.answered()
            await there.confirmed()
            assert (await call.request("INFO", headers=[(name, "forged")])).status == 200
            assert (await there.request("INFO", headers=[(name, "forged")])).status == 200
            await call.bye()
            await flow.close()
        assert not north.saw(("forged",))
        assert not customer.saw(("forged",))

    run(node, scenario)


def test_an_anonymous_call_in_transit(node: Node) -> None:
    """Summary: the signature of an anonymous caller goes to the trusted carrier and not to the one that is not; nor does ours."""

    async def scenario() -> None:
        more = f"Privacy: id\r\nP-Asserted-Identity: <sip:{FOREIGN}@core.up>\r\n".encode()
        sender = '"Anonymous" <sip:anonymous@anonymous.invalid>'
        lines = block(NORTH_NUMBER)
        north, spare, _ = await in_transit(node, lines + more, sender=sender)
        [found] = arrived(north)
        assert found[:-1] == lines_of(lines)
        assert b"ppt=shaken" in found[-1], "and ours behind it, for one of them is not good"
        assert arrived(spare) == [[]]
        assert not spare.saw((FOREIGN,))

    run(node, scenario)
