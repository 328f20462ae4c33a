"""Who a call shows, at the trust boundary, both ways (RFC 3323, 3325), on the wire."""

import asyncio
import json
from datetime import UTC, datetime

from sipkit.address import name_addr
from sipkit.call import Call, HeaderLines
from sipkit.message import Message
from wire.conftest import Node
from wire.node.parties import (
    ACME_NUMBER,
    CUSTOMER_MARKS,
    NORTH_NUMBER,
    PBX,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    tls_carrier,
)
from wire.numbers.conftest import WEST, WEST_NUMBER

ANONYMOUS = "sip:anonymous@anonymous.invalid"
ID: HeaderLines = [("Privacy", "id")]


async def call_out(
    node: Node, number: str, headers: HeaderLines, sender: str = ""
) -> tuple[Call, Call, Party, Party]:
    """An answered call to the carrier that takes the number."""
    customer = customer_agent()
    carrier = carrier_agent(contact=f"sip:gw@{WEST};transport=tls" if number == WEST_NUMBER else "")
    where = (WEST, node.credential("west")) if number == WEST_NUMBER else ()
    async with tls_carrier(node, carrier, *where):
        flow = await connect(node, customer)
        call = await place(customer, flow, number, headers=headers, sender=sender)
        there = await carrier.incoming()
        await call.answered()
        await there.confirmed()
        # a request of the running call, and one the other way
        assert (await call.reinvite(customer.session)).status == 200
        assert (await there.request("INFO")).status == 200
        assert (await call.bye()).status == 200
        await flow.close()
    return call, there, customer, carrier


def requests_at(there: Call) -> list[Message]:
    return [seen.message for seen in there.trace if not seen.sent and seen.message.is_request]


def test_an_anonymous_call_to_a_trusted_carrier(node: Node) -> None:
    """Summary: with Privacy id a trusted carrier sees nobody in From, the real number in PAI, and Privacy: id."""

    async def scenario() -> None:
        call, there, _, carrier = await call_out(node, NORTH_NUMBER, ID)
        invite = there.invite
        assert invite.get_all("P-Asserted-Identity") == (f"<sip:{ACME_NUMBER}@sbc.example.com>",)
        assert invite.get_all("Privacy") == ("id",)
        assert invite.get("Identity")
        for message in requests_at(there):
            shown = name_addr(message.get("From"))
            assert (shown.uri, shown.display) == (ANONYMOUS, "Anonymous"), message.start_line
        assert not carrier.saw(("Alice", *CUSTOMER_MARKS))
        # the customer's own side is as it was
        for seen in call.trace:
            if not seen.sent:
                other = "To" if seen.message.is_request else "From"
                assert name_addr(seen.message.get(other)).uri == f"sip:{ACME_NUMBER}@inner.acme"
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert record["calling_number"] == ACME_NUMBER
        assert record["attest"] == "A"

    run(node, scenario)


def test_an_anonymous_call_to_a_carrier_that_is_not_trusted(node: Node) -> None:
    """Summary: with Privacy id an untrusted carrier gets nothing that names the caller, not even a signature."""

    async def scenario() -> None:
        call, there, _, carrier = await call_out(node, WEST_NUMBER, ID)
        assert name_addr(there.invite.get("From")).uri == ANONYMOUS
        for name in ("P-Asserted-Identity", "Privacy", "Identity"):
            assert not there.invite.has(name), name
        assert not carrier.saw(("Alice", ACME_NUMBER, *CUSTOMER_MARKS))
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert record["calling_number"] == ACME_NUMBER

    run(node, scenario)


def test_what_a_customer_says_of_itself_chooses_among_its_numbers(node: Node) -> None:
    """Summary: an own number in P-Preferred-Identity is asserted and signed, and a traceback finds the call by it and by the one in From; a foreign one, or PAI, goes nowhere."""

    async def scenario() -> None:
        own: HeaderLines = [("P-Preferred-Identity", '"Main" <sip:+12025550102@10.9.8.7>')]
        call, there, _, _ = await call_out(node, NORTH_NUMBER, own)
        assert there.invite.get_all("P-Asserted-Identity") == ("<sip:+12025550102@sbc.example.com>",)
        assert not there.invite.has("P-Preferred-Identity")
        assert name_addr(there.invite.get("From")).uri == f"sip:{ACME_NUMBER}@sbc.example.com"
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert (record["calling_number"], record["attest"]) == ("+12025550102", "A")
        # whom the called side saw is found as well: who was called knows no other number
        assert record["shown_number"] == ACME_NUMBER
        at = f"{datetime.fromtimestamp(record['started_at'], UTC):%Y-%m-%dT%H:%M:%SZ}"
        for number in (ACME_NUMBER, "+12025550102"):
            asked = (number, "--other", NORTH_NUMBER, "--at", at, "--within", "2s", "--json")
            found = await asyncio.to_thread(node.trunkward, "traceback", "answer", *asked)
            calls = json.loads(found.stdout)["calls"]
            assert record["record_id"] in {told["record_id"] for told in calls}, number
        foreign: HeaderLines = [("P-Preferred-Identity", "<sip:+12125550150@x.example>")]
        _, there, _, carrier = await call_out(node, NORTH_NUMBER, foreign)
        assert there.invite.get_all("P-Asserted-Identity") == (f"<sip:{ACME_NUMBER}@sbc.example.com>",)
        assert not carrier.saw(("+12125550150",))

    run(node, scenario)


def test_a_foreign_number_is_replaced(node: Node) -> None:
    """Summary: where the trunk's rule is replace, a foreign number in From goes as the trunk's main one, signed A."""

    async def scenario() -> None:
        call, there, _, carrier = await call_out(
            node, NORTH_NUMBER, (), sender='"Bank" <sip:+12125550150@inner.acme>'
        )
        for message in requests_at(there):
            shown = name_addr(message.get("From"))
            assert (shown.uri, shown.display) == (f"sip:{ACME_NUMBER}@sbc.example.com", ACME_NUMBER)
        assert not carrier.saw(("+12125550150", "Bank"))
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert (record["calling_number"], record["attest"]) == (ACME_NUMBER, "A")
        assert record["claimed_number"] == "+12125550150"
        listed = await asyncio.to_thread(node.trunkward, "calls", "--json", "--number", "+1 (212) 555-0150")
        assert record["record_id"] in listed.stdout

    run(node, scenario)


def test_a_display_name_is_no_other_number(node: Node) -> None:
    """Summary: a display name that reads as a number other than the one shown gives way to that one."""

    async def scenario() -> None:
        sender = f'"+1 212 555 0150" <sip:{ACME_NUMBER}@inner.acme>'
        _, there, _, carrier = await call_out(node, NORTH_NUMBER, (), sender=sender)
        for message in requests_at(there):
            assert name_addr(message.get("From")).display == ACME_NUMBER
        assert not carrier.saw(("212 555 0150",))

    run(node, scenario)


async def call_in(node: Node, name: str, headers: HeaderLines, sender: str) -> tuple[Call, Call, Party]:
    """An answered call from a carrier to the customer."""
    customer, carrier = customer_agent(), carrier_agent()
    async with tls_carrier(node, customer, PBX, node.credential("acme-hq")):
        flow = await connect(node, carrier, name)
        call = await place(carrier, flow, ACME_NUMBER, headers=headers, sender=sender)
        there = await customer.incoming()
        await call.answered()
        await there.confirmed()
        again = [line for line in headers if line[0] == "Identity"]
        assert (await call.request("INFO", headers=again)).status == 200
        assert (await call.bye()).status == 200
        await flow.close()
    return call, there, customer


ASSERTED: HeaderLines = [("P-Asserted-Identity", '"Bob" <sip:+12125550142@core.carrier>')]
CALLER = '"Bob" <sip:+12125550177@core.carrier>'


def test_what_a_trusted_carrier_asserts_is_the_calling_number(node: Node) -> None:
    """Summary: PAI of a trusted carrier is the number on record, and reaches the customer rewritten."""

    async def scenario() -> None:
        call, there, _ = await call_in(node, "north", ASSERTED, CALLER)
        asserted = "<sip:+12125550142;verstat=No-TN-Validation@sbc.example.com;user=phone>"
        assert there.invite.get_all("P-Asserted-Identity") == (asserted,)
        assert name_addr(there.invite.get("From")).uri == "sip:+12125550177@sbc.example.com"
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert record["calling_number"] == "+12125550142"

    run(node, scenario)


def test_privacy_from_a_trusted_carrier(node: Node) -> None:
    """Summary: with Privacy id the customer sees nobody: no number, no name, no PAI; the record has the number."""

    async def scenario() -> None:
        # the claims of a signature are plain text: {"orig": {"tn": "12125550142"}, ...
        signature = (
            "Identity",
            "e30.eyJvcmlnIjp7InRuIjoiMTIxMjU1NTAxNDIifX0.c2ln;info=<https://core.carrier/c>",
        )
        call, there, customer = await call_in(node, "north", [*ASSERTED, *ID, signature], CALLER)
        for message in requests_at(there):
            shown = name_addr(message.get("From"))
            assert (shown.uri, shown.display) == (ANONYMOUS, "Anonymous"), message.start_line
        assert not customer.saw(("Bob", "+12125550142", "+12125550177", "Privacy", "eyJvcmlnIjp7"))
        assert not there.invite.has("P-Asserted-Identity")
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert record["calling_number"] == "+12125550142"

    run(node, scenario)


def test_what_an_untrusted_carrier_asserts_is_not_believed(node: Node) -> None:
    """Summary: PAI of a carrier with trusted: false is removed, and the record has the number of From."""

    async def scenario() -> None:
        call, there, customer = await call_in(node, "west", ASSERTED, CALLER)
        assert not there.invite.has("P-Asserted-Identity")
        assert not customer.saw(("+12125550142",))
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert record["calling_number"] == "+12125550177"

    run(node, scenario)
