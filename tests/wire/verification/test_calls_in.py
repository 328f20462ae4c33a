"""Calls from carriers, verified end to end: what is fetched, what the customer is shown, what the carrier hears."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

import pytest

from sipkit.address import name_addr
from sipkit.call import Call, HeaderLines
from sipkit.provider import Provider
from trunkward.gate.verifying import MOST_WAIT_MS
from trunkward.trunks.verification import WAIT_MS
from wire.conftest import Node
from wire.health.conftest import ask
from wire.node.parties import (
    ACME_NUMBER,
    PBX,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    run,
    tls_carrier,
)
from wire.records.parties import eventually
from wire.verification.conftest import Verified, path_of

CALLING = "+12125550142"
SENDER = f"<sip:{CALLING}@core.carrier>"


async def call_in(
    verified: Verified,
    headers: HeaderLines,
    *,
    name: str = "north",
    sender: str = SENDER,
    call_id: str = "",
    from_tag: str = "",
    rings: bool = False,
) -> tuple[Call, Call | None, Party]:
    """A call from a carrier, hung up if it was answered; both sides of it."""
    node = verified.node

    async def answer(call: Call) -> None:
        if rings:
            call.ring()
            await asyncio.sleep(0.05)
        call.answer()

    customer, carrier = customer_agent(on_call=answer), carrier_agent()
    async with tls_carrier(node, customer, PBX, node.credential("acme-hq")):
        flow = await connect(node, carrier, name)
        call = await place(
            *(carrier, flow, ACME_NUMBER), headers=headers, sender=sender, call_id=call_id, from_tag=from_tag
        )
        final = await call.final()
        if final.status != 200:
            await flow.close()
            return call, None, customer
        there = await customer.incoming()
        await there.confirmed()
        # requests of the running call, both ways: nothing a customer is shown may break its dialog
        assert (await call.request("INFO")).status == 200
        assert (await there.request("INFO")).status == 200
        assert (await call.bye()).status == 200
        await flow.close()
    return call, there, customer


def why_of(node: Node, url: str) -> list[str]:
    """What the fetcher said of a URL."""
    lines = (line for line in node.log("fetcher").splitlines() if line.startswith("{") and line.endswith("}"))
    return [told["why"] for line in lines if (told := json.loads(line)).get("url") == url]


async def record_of(verified: Verified, call: Call) -> dict[str, Any]:
    return await asyncio.to_thread(verified.node.record, call.invite.call_id)


def signed(provider: Provider, **how: Any) -> HeaderLines:
    return [("Identity", provider.identity(how.pop("orig", CALLING), ACME_NUMBER, **how))]


def stir(call: Call) -> list[tuple[int, str]]:
    """`Reason: STIR` of each answer the caller got, with its status."""
    return [
        (seen.message.status, value)
        for seen in call.trace
        if not seen.sent and not seen.message.is_request
        for value in seen.message.get_all("Reason")
        if value.startswith("STIR")
    ]


def shown(there: Call | None) -> tuple[str, str]:
    """PAI and From as the customer sees them."""
    assert there is not None
    return there.invite.get("P-Asserted-Identity") or "", name_addr(there.invite.get("From")).uri


def test_a_signed_call(verified: Verified) -> None:
    """Summary: an unknown certificate is fetched while the call waits, and the customer sees TN-Validation-Passed; the next call asks nobody."""

    async def scenario() -> None:
        provider = verified.provider()
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            for level in ("A", "B", "C"):
                call, there, _ = await call_in(verified, signed(provider, level=level), rings=True)
                wanted = f"sip:{CALLING};verstat=TN-Validation-Passed@sbc.example.com;user=phone"
                assert shown(there) == ("", wanted)
                assert stir(call) == []
                record = await record_of(verified, call)
                assert record["verification"] == {
                    "verstat": "TN-Validation-Passed",
                    "attest": level,
                    "spc": "709J",
                    "origid": "4437c7eb-8f7a-4f0e-a863-f53a0e60251a",
                    "x5u": provider.url,
                }
            assert host.asked == {path_of(provider): 1}
            asserted = [("P-Asserted-Identity", f'"Bob" <sip:{CALLING}@core.carrier>'), *signed(provider)]
            _, there, _ = await call_in(verified, asserted, sender="<sip:+12125550177@core.carrier>")
            assert shown(there) == (
                f"<sip:{CALLING};verstat=TN-Validation-Passed@sbc.example.com;user=phone>",
                "sip:+12125550177@sbc.example.com",
            )

    run(verified.node, scenario)


def test_a_signature_that_is_not_good(verified: Verified) -> None:
    """Summary: Property 25: it goes on, marked, with one Reason: STIR and ppi for each bad PASSporT in the first provisional answer, and in no other."""

    async def scenario() -> None:
        provider = verified.provider()
        forger = Provider(url=provider.url, authority=verified.authority)
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            headers = [*signed(forger), *signed(provider, orig="+12125550199")]
            for rings in (True, False):
                call, there, _ = await call_in(verified, headers, rings=rings)
                assert shown(there)[1].startswith(f"sip:{CALLING};verstat=TN-Validation-Failed@")
                told = stir(call)
                assert [status for status, _ in told] == [180 if rings else 200] * 2
                assert all(value.startswith("STIR;cause=438;text=") and ";ppi=" in value for _, value in told)
                assert (await record_of(verified, call))["verification"]["errors"] == [
                    {"code": 438, "cause": "signature"},
                    {"code": 438, "cause": "orig-mismatch"},
                ]

    run(verified.node, scenario)


def test_policies(verified: Verified) -> None:
    """Summary: a carrier whose calls must be signed gets 428, 403 or 438 with SIP and STIR reasons; one whose failures pass is told, its customer is not."""

    async def scenario() -> None:
        provider = verified.provider()
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            call, there, _ = await call_in(verified, [], name="west")
            assert there is None
            assert (await call.final()).status == 428
            assert [value for _, value in stir(call)] == ['STIR;cause=428;text="Use Identity Header"']
            _, there, _ = await call_in(verified, signed(provider), name="west")
            assert "TN-Validation-Passed" in shown(there)[1]
            for headers, status, cause in (
                (signed(provider, iat=time.time() - 120), 403, "iat-outside-window"),
                (signed(provider, orig="+12125550199"), 438, "orig-mismatch"),
            ):
                call, there, _ = await call_in(verified, headers, name="west")
                assert there is None
                assert (await call.final()).status == status
                assert [code for code, _ in stir(call)] == [status]
                record = await record_of(verified, call)
                assert [error["cause"] for error in record["verification"]["errors"]] == [cause]
                assert record["blame"] == "carrier"
            await call_in(verified, signed(provider), name="north")  # known to both gates by now, perhaps
            call, there, _ = await call_in(verified, signed(provider, orig="+12125550199"), name="hasty")
            assert "No-TN-Validation" in shown(there)[1]
            assert [code for code, _ in stir(call)] == [200]

    run(verified.node, scenario)


SPOOFED = "TN-Validation-Passed"


@pytest.mark.parametrize(
    "sender",
    [
        f"<sip:{CALLING};verstat={SPOOFED}@core.carrier>",
        f"<sip:{CALLING};VerStat={SPOOFED}@core.carrier;user=phone>",
        f"<sip:{CALLING}@core.carrier;VERSTAT={SPOOFED}>",
        f"<tel:{CALLING};verstat={SPOOFED}>",
    ],
)
def test_what_a_carrier_says_of_itself_is_stripped(verified: Verified, sender: str) -> None:
    """Summary: Property 24: verstat in From, PAI and tel, in mixed case, and attestation headers reach no customer; ours is written once."""

    async def scenario() -> None:
        uri = sender.strip("<>")
        for name, asserted in (("north", True), ("north", False), ("west", True)):
            headers = [
                ("P-Attestation-Indicator", "A"),
                ("P-Origination-ID", "spoofed-id"),
                ("Attestation-Info", "A"),
                ("Origination-Id", "spoofed-id"),
                *([("P-Asserted-Identity", f"<{uri}>")] if asserted else []),
            ]
            if (
                name == "west"
            ):  # unsigned calls of it are refused, so this one is stale and refused; nothing goes
                call, there, customer = await call_in(verified, headers, name=name, sender=sender)
                assert there is None
                assert not customer.raw
                continue
            call, there, customer = await call_in(verified, headers, name=name, sender=sender)
            assert there is not None
            assert not customer.saw((SPOOFED, "P-Attestation", "Attestation-Info", "spoofed-id"))
            heads = "\n".join(str(line) for line in there.invite.headers)
            assert heads.lower().count("verstat") == 1
            assert "verstat=No-TN-Validation" in heads
            assert call.is_over

    run(verified.node, scenario)


def test_an_anonymous_call(verified: Verified) -> None:
    """Summary: privacy is not broken by verification: no number, no verstat and no signature reach the customer; the record has them."""

    async def scenario() -> None:
        provider = verified.provider()
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            headers = [
                ("P-Asserted-Identity", f"<sip:{CALLING}@core.carrier>"),
                ("Privacy", "id"),
                *signed(provider),
            ]
            call, there, customer = await call_in(verified, headers)
            assert shown(there) == ("", "sip:anonymous@anonymous.invalid")
            assert there is not None
            assert not there.invite.has("Identity")
            assert not customer.saw((CALLING, "verstat", "TN-Validation"))
            record = await record_of(verified, call)
            assert record["verification"]["attest"] == "A"
            # and one that is not private arrives with what was signed, as it came
            [(name, value)] = signed(provider)
            _, there, _ = await call_in(verified, [(name, value)])
            assert there is not None
            assert there.invite.get_all(name) == (value,)

    run(verified.node, scenario)


def test_replays(verified: Verified) -> None:
    """Summary: Property 15: a captured signature with another Call-ID fails at both gates, and so does one with the same from another carrier; a repetition by the carrier it came from passes."""

    async def scenario() -> None:
        provider = verified.provider()
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            captured = signed(provider)
            for _ in range(3):  # a fork or a repetition is the same call
                _, there, _ = await call_in(verified, captured, call_id="first@core.carrier", from_tag="f1")
                assert "TN-Validation-Passed" in shown(there)[1]
            # whoever captured it has all that told it from others, and is somebody else
            call, _, _ = await call_in(
                verified, captured, name="west", call_id="first@core.carrier", from_tag="f1"
            )
            assert (await call.final()).status == 438
            for number in range(4):  # whichever gate it is
                call, there, _ = await call_in(verified, captured, call_id=f"{number}@thief")
                assert "TN-Validation-Failed" in shown(there)[1]
                assert [value.partition(";text")[0] for _, value in stir(call)] == ["STIR;cause=438"]
                record = await record_of(verified, call)
                assert record["verification"]["errors"] == [{"code": 438, "cause": "replayed"}]
            call, there, _ = await call_in(verified, captured, name="west", call_id="x@thief")
            assert (await call.final()).status == 438
            # without Valkey each gate goes by what it has seen itself
            fresh = signed(provider, iat=time.time() - 1)
            with verified.node.killed("valkey"):
                seen = []
                for number in range(6):
                    _, there, _ = await call_in(verified, fresh, call_id=f"{number}@other")
                    seen.append("TN-Validation-Passed" in shown(there)[1])
            assert sum(seen) <= 2, "once for each gate"
            assert seen[0]

    run(verified.node, scenario)
    verified.node.wait_ready()


def test_a_caller_who_gives_up_while_it_waits(verified: Verified) -> None:
    """Summary: a CANCEL while a call waits for a certificate ends it at once, and no customer is called."""

    async def scenario() -> None:
        provider = verified.provider("silent.example.net")
        node = verified.node
        customer, carrier = customer_agent(), carrier_agent()

        async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(5)
            writer.close()

        server = await asyncio.start_server(silent, "192.0.2.11", 443)
        async with tls_carrier(node, customer, PBX, node.credential("acme-hq")):
            flow = await connect(node, carrier, "north")
            began = time.monotonic()
            call = await place(carrier, flow, ACME_NUMBER, headers=signed(provider), sender=SENDER)
            await asyncio.sleep(0.5)
            await call.cancel()
            assert (await call.final()).status == 487
            assert time.monotonic() - began < WAIT_MS / 1000, "it waited to the end"
            # one who still waited would go on now, at his next question
            await asyncio.to_thread(eventually, lambda: why_of(node, provider.url), 20, "the fetch has ended")
            await asyncio.sleep(MOST_WAIT_MS / 1000 + 0.3)
            assert not customer.raw
            await flow.close()
        server.close()
        assert not faults_in(node.log("kamailio"))

    run(verified.node, scenario)


def scraped(name: str, *labels: str) -> float:
    """The sum of a metric's samples with all of these labels."""
    lines = [line for line in ask("/metrics")[1].splitlines() if re.match(rf"{name}[{{ ]", line)]
    return sum(float(line.rpartition(" ")[2]) for line in lines if all(label in line for label in labels))


def test_property_35_what_is_scraped_of_a_carrier(verified: Verified) -> None:
    """Summary: Property 35: after a good and a bad call of a carrier /metrics has its levels and causes by its name, how long fetches took, and when certificates and evidence end; no number and no trunk."""
    north, levels = 'upstream="north"', "trunkward_gate_verified_levels_total"
    errors, fetched = "trunkward_gate_verification_errors_total", "trunkward_fetcher_fetch_seconds_count"

    def told() -> list[float]:
        return [
            scraped(levels, north, 'level="B"'),
            scraped(errors, north, 'code="438"'),
            scraped(fetched, north),
        ]

    async def scenario() -> None:
        provider = verified.provider()
        before = await asyncio.to_thread(told)
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            await call_in(verified, signed(provider, level="B"))
            ((_, good),) = signed(provider)
            await call_in(verified, [("Identity", good.replace(";ppt=shaken", ";ppt=div"))])
        # who asks within a second of another gets the same answer
        await asyncio.to_thread(
            eventually, lambda: told() == [value + 1 for value in before], 20, "one more each"
        )

        # hosts are callers' to choose: a command tells of them
        def hosts() -> list[str]:
            told = verified.node.trunkward("verification", "--hosts", "--json", "--upstream", "north")
            return [one["host"] for one in json.loads(told.stdout or "[]") if one["fetched"]]

        await asyncio.to_thread(eventually, hosts, 20, "a host that was asked")
        assert not any(host in ask("/metrics")[1] for host in hosts())
        series = len([line for line in ask("/metrics")[1].splitlines() if not line.startswith("#")])
        print(f"{series} series with two gates, after calls of two carriers or more")
        for kind in ("evidence", "customer", "shaken"):
            assert scraped("trunkward_certificate_expiry_timestamp_seconds", f'"{kind}"') > time.time()
        assert not re.search(r"acme|\+1202|\+1212", ask("/metrics")[1])

    run(verified.node, scenario)
