"""Which numbers a trunk shows, dials and is called at, by its own rules, on the wire."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sipkit.address import name_addr
from sipkit.call import Call, HeaderLines
from wire.conftest import Node
from wire.node.parties import (
    CARRIER_MARKS,
    NORTH_NUMBER,
    PBX,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    tls_carrier,
    until,
)
from wire.numbers.conftest import BRANCH, BRANCH_NUMBER, SHARED_NUMBER

FOREIGN = "+12125550150"
#: The branch's own connections leave from another address than the main trunk's.
FROM_BRANCH = "127.0.0.2"


async def branch_calls(
    node: Node, number: str, *, sender: str = BRANCH_NUMBER, headers: HeaderLines = ()
) -> tuple[int, Call | None, Call]:
    """A call of the branch to carrier north; the final status, and the call as it arrived."""
    branch, north = customer_agent(), carrier_agent()
    async with tls_carrier(node, north):
        flow = await connect(node, branch, "acme-branch", FROM_BRANCH)
        call = await place(branch, flow, number, headers=headers, sender=f"<sip:{sender}@inner.acme>")
        final = await call.final()
        there = None
        if final.status == 200:
            there = await north.incoming()
            await there.confirmed()
            assert (await call.bye()).status == 200
        await flow.close()
        assert not branch.saw(CARRIER_MARKS)
    return final.status, there, call


def test_the_dial_plan_of_a_trunk(node: Node) -> None:
    """Summary: a trunk with an Italian plan and a tech prefix dials national, abroad and for help by its own rules."""

    async def scenario() -> None:
        for dialled in ("0012025550199", "90012025550199", NORTH_NUMBER, "+1-202-555-0199"):
            status, there, call = await branch_calls(node, dialled)
            assert (status, dialled) == (200, dialled)
            assert there is not None
            assert there.invite.uri.startswith(f"sip:{NORTH_NUMBER}@"), dialled
            record = await asyncio.to_thread(node.record, call.invite.call_id)
            assert record["called_number"] == NORTH_NUMBER
        # nothing is dropped in Italy, and it is abroad here
        status, _, call = await branch_calls(node, "0669812345")
        record = await asyncio.to_thread(node.record, call.invite.call_id)
        assert (status, record["reason"], record["called_number"]) == (
            *(403, "destination-not-allowed"),
            "+390669812345",
        )
        as_dialled = ("112", "9112", "9-1-1-2", "+112", "9+112", "112;phone-context=+39")
        for dialled, meant in (*((form, "112") for form in as_dialled), ("118", "118")):
            status, there, call = await branch_calls(node, dialled)
            assert status == 200, dialled
            assert there is not None
            assert there.invite.uri.startswith(f"sip:{meant}@"), dialled
            record = await asyncio.to_thread(node.record, call.invite.call_id)
            assert (record["reason"], record["called_number"]) == ("admitted-emergency", meant)
            assert record["emergency"] is True
        # not an emergency by its beginning, nor one of the node's own country
        for dialled in ("91120", "1120", "+1120", "9911", "91120;phone-context=+39"):
            status, _, call = await branch_calls(node, dialled)
            record = await asyncio.to_thread(node.record, call.invite.call_id)
            # no number, or one abroad
            assert status in (403, 484), dialled
            assert record["emergency"] is False, dialled

    run(node, scenario)


def test_a_foreign_number_is_refused_until_somebody_has_verified_it(node: Node, tmp_path: Path) -> None:
    """Summary: a foreign number is refused; verified it goes, signed B, within a second; taken back it is refused."""

    async def called() -> tuple[int, Call]:
        status, _, call = await branch_calls(node, NORTH_NUMBER, sender=FOREIGN)
        return status, call

    async def scenario() -> None:
        status, call = await called()
        assert status == 403
        record = await asyncio.to_thread(node.record, call.invite.call_id)
        assert (record["reason"], record["blame"]) == ("calling-number-not-permitted", "customer")
        letter = tmp_path / "letter.pdf"
        letter.write_bytes(b"a letter")
        said = await asyncio.to_thread(
            node.trunkward,
            *(
                "number",
                "verify",
                FOREIGN,
                "--trunk",
                "acme-branch",
                "--until",
                f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}",
            ),
            *("--evidence", "letter of the carrier", "--file", str(letter)),
        )
        assert said.returncode == 0, said.stderr
        # the command has waited for every gate
        status, call = await called()
        assert status == 200
        record = await asyncio.to_thread(node.record, call.invite.call_id)
        assert (record["calling_number"], record["attest"]) == (FOREIGN, "B")
        listed = await asyncio.to_thread(node.trunkward, "number", "list", "--json")
        assert '"evidence": "letter of the carrier"' in listed.stdout
        assert f'"version": {record["policy_version"]}' in listed.stdout
        history = await asyncio.to_thread(node.trunkward, "history")
        assert "a number verified for trunk acme-branch" in " ".join(history.stdout.split())
        # another trunk's finding it is not; and nothing is started anew by it
        plan = await asyncio.to_thread(node.trunkward, "plan")
        assert plan.returncode == 0, plan.stdout
        gone = await asyncio.to_thread(node.trunkward, "number", "withdraw", FOREIGN)
        assert gone.returncode == 0, gone.stderr
        assert (await called())[0] == 403

    run(node, scenario)


def test_a_diverted_call_shows_whom_it_is_from(node: Node) -> None:
    """Summary: with caller.forwarded a foreign number goes when an own number diverted it, not asserted, signed B; a traceback finds it by that number."""

    async def scenario() -> None:
        own = [("Diversion", f'"Desk" <sip:{BRANCH_NUMBER}@10.9.8.7>;reason=no-answer;counter=1')]
        other = [("Diversion", "<sip:+12125550151@10.9.8.7>;reason=user-busy")]
        status, there, call = await branch_calls(node, NORTH_NUMBER, sender=FOREIGN, headers=[*own, *other])
        assert status == 200
        assert there is not None
        assert name_addr(there.invite.get("From")).uri == f"sip:{FOREIGN}@sbc.example.com"
        assert not there.invite.has("P-Asserted-Identity")
        assert there.invite.get_all("Diversion") == (
            f"<sip:{BRANCH_NUMBER}@sbc.example.com>;reason=no-answer;counter=1",
        )
        record = await asyncio.to_thread(node.record, call.invite.call_id)
        assert (record["calling_number"], record["attest"]) == (FOREIGN, "B")
        # traced back by the number of whom the diverted call is from
        at = f"{datetime.fromtimestamp(record['started_at'], UTC):%Y-%m-%dT%H:%M:%SZ}"
        asked = (FOREIGN, "--other", NORTH_NUMBER, "--at", at, "--within", "2s", "--json")
        found = await asyncio.to_thread(node.trunkward, "traceback", "answer", *asked)
        assert record["record_id"] in {told["record_id"] for told in json.loads(found.stdout)["calls"]}
        status, _, _ = await branch_calls(node, NORTH_NUMBER, sender=FOREIGN, headers=[*other, *own])
        assert status == 403

    run(node, scenario)


def test_a_call_whose_trunk_does_not_take_it_goes_to_the_next(node: Node) -> None:
    """Summary: a number with failover rings at its trunk; at the next one when that answers 503 or is not there."""

    async def inbound(*, hq: int | None) -> tuple[str, list[dict[str, object]]]:
        """Who took a call to the shared number; `hq`: what the main trunk answers, None: it is not there."""

        async def refuses(arrived: Call) -> None:
            arrived.reply(hq or 503)

        north, branch = carrier_agent(), customer_agent()
        main = customer_agent() if hq == 200 else customer_agent(on_call=refuses)
        async with tls_carrier(node, branch, BRANCH, node.credential("acme-branch")):
            flow = await connect(node, north, "north")
            if hq is None:
                call = await place(north, flow, SHARED_NUMBER)
                there = await branch.incoming()
            else:
                async with tls_carrier(node, main, PBX, node.credential("acme-hq")):
                    call = await place(north, flow, SHARED_NUMBER)
                    there = await (main if hq == 200 else branch).incoming()
                    await call.answered()
                    await there.confirmed()
                    assert (await call.bye()).status == 200
            if hq is None:
                await call.answered()
                await there.confirmed()
                assert (await call.bye()).status == 200
            await flow.close()
        assert there.invite.uri.startswith(f"sip:{SHARED_NUMBER}@")
        record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True)
        assert record["trunk"] == "acme-hq"
        return record["peer"], record["tried"]

    async def scenario() -> None:
        assert await inbound(hq=200) == ("acme-hq", [])
        assert await inbound(hq=503) == ("acme-branch", [{"peer": "acme-hq", "status": 503}])
        peer, tried = await inbound(hq=None)
        assert peer == "acme-branch"
        assert tried[0]["peer"] == "acme-hq"

    run(node, scenario)


def test_a_call_takes_a_line_of_the_trunk_it_goes_on_to(node: Node) -> None:
    """Summary: calls that the main trunk refuses take the branch's two lines, and none of its own; the third finds none; a line is free with its call."""

    def lines(trunk: str) -> int:
        told = json.loads(node.trunkward("limits", trunk, "--json").stdout)["limits"]
        found: int = next(row["in_use"] for row in told if row["key"] == "limits.calls")
        return found

    async def scenario() -> None:
        async def refuses(arrived: Call) -> None:
            arrived.reply(503)

        north, branch, main = carrier_agent(), customer_agent(), customer_agent(on_call=refuses)
        async with (
            tls_carrier(node, branch, BRANCH, node.credential("acme-branch")),
            tls_carrier(node, main, PBX, node.credential("acme-hq")),
        ):
            flow = await connect(node, north, "north")

            async def up() -> Call:
                call = await place(north, flow, SHARED_NUMBER)
                there = await branch.incoming()
                await call.answered()
                await there.confirmed()
                return call

            await asyncio.sleep(2.1)  # one that was refused when its test ended is left alone that long
            calls = [await up(), await up()]
            assert await asyncio.to_thread(lines, "acme-branch") == 2
            assert await asyncio.to_thread(lines, "acme-hq") == 0
            third = await place(north, flow, SHARED_NUMBER)
            assert (await third.final()).status == 503
            record = await asyncio.to_thread(node.record, third.invite.call_id, ended=True)
            assert record["tried"] == [
                {"peer": "acme-hq", "status": 503},
                {"peer": "acme-branch", "problem": "no-place"},
            ]
            assert (await calls.pop().bye()).status == 200
            await until(lambda: lines("acme-branch") == 1, "its line to be free")
            calls.append(await up())
            for call in calls:
                assert (await call.bye()).status == 200
            await until(lambda: lines("acme-branch") == 0, "both lines to be free")
            await flow.close()

    run(node, scenario)
