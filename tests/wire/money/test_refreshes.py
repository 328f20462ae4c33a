"""How long a carrier's leg may outlive everybody is what was agreed to last (RFC 4028), by whoever refreshes."""

import json
from typing import Any

from wire.conftest import Node
from wire.money.conftest import node_with
from wire.money.strict import Bench, bench
from wire.node.parties import Party, reoffer, until


def told(node: Node) -> Any:
    done = node.trunkward("spend", "trunk:acme-hq", "--json")
    if done.returncode != 0:  # Valkey has not answered in time
        return done.stderr
    (owner,) = json.loads(done.stdout)["owners"]
    return [call["session_s"] for call in owner["calls"]]


def agrees(party: Party, said: str) -> None:
    """Each 200 of a party from now on says so."""
    line = f"{said}\r\nCSeq: ".encode() if said else b"CSeq: "
    party.on_wire = lambda data: data.replace(b"CSeq: ", line, 1) if data.startswith(b"SIP/2.0 200") else data


def test_what_was_agreed_to_last_is_what_others_go_by() -> None:
    """Summary: re-INVITEs and UPDATEs of either side whose 200s agree to another Session-Expires, or to none: what the call has left in Valkey says so within a second or two."""
    with node_with('{hour: "300.00", day: none, month: none, call: none}') as node:

        async def scenario(b: Bench) -> None:
            agrees(b.carrier.party, "Session-Expires: 1800;refresher=uas")
            call, leg = await b.talking()
            await until(lambda: told(node) == [1800], "what the first 200 has agreed to")
            for asks, answers, method, said in (
                (call, b.carrier.party, "INVITE", 900),
                (call, b.carrier.party, "UPDATE", 0),
                (leg.call, b.customer, "UPDATE", 600),
                (leg.call, b.customer, "INVITE", 1200),
            ):
                agrees(answers, f"Session-Expires: {said};refresher=uas" if said else "")
                reply = await (asks.reinvite(reoffer(asks)) if method == "INVITE" else asks.update())
                assert reply.status == 200
                await until(lambda said=said: told(node) == [said], f"{said} of a {method}")  # type: ignore[misc]
            agrees(b.carrier.party, "")
            assert (await call.bye()).status == 200

        bench(node, scenario)
