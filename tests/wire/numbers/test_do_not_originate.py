"""A do-not-originate list on a running node: named, changed, wrong."""

import asyncio

from sipkit.call import Call
from wire.conftest import Node
from wire.node.parties import (
    ACME_NUMBER,
    PBX,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    tls_carrier,
)

LISTED, OTHER = "+12125550177", "+12125550178"


async def called_from(node: Node, number: str) -> tuple[int, Call]:
    """A call of carrier north's to the customer; its final status."""
    customer, north = customer_agent(), carrier_agent()
    async with tls_carrier(node, customer, PBX, node.credential("acme-hq")):
        flow = await connect(node, north, "north")
        call = await place(north, flow, ACME_NUMBER, sender=f"<sip:{number}@core.carrier>")
        final = await call.final()
        if final.status == 200:
            await (await customer.incoming()).confirmed()
            assert (await call.bye()).status == 200
        await flow.close()
    return final.status, call


def test_a_list_is_named_changed_and_refused(node: Node) -> None:
    """Summary: a listed number gets 603, also by its beginning; a changed list is noticed, a wrong one refused whole."""
    listed = node.home / "never.csv"
    file = node.home / "node.yaml"
    kept = file.read_text(encoding="utf-8")

    def changing(*command: str) -> tuple[int, str]:
        answered = node.trunkward(*command)
        return answered.returncode, " ".join((answered.stdout + answered.stderr).split())

    async def scenario() -> None:
        assert (await called_from(node, LISTED))[0] == 200
        listed.write_text(f"number,reason\n{LISTED},hotline of a bank\n", encoding="utf-8")
        with_list = kept.replace("  gates: 2\n", f"  gates: 2\n  do_not_originate: {listed}\n", 1)
        file.write_text(with_list, encoding="utf-8")
        assert (await asyncio.to_thread(changing, "apply"))[0] == 0
        status, call = await called_from(node, LISTED)
        record = await asyncio.to_thread(node.record, call.invite.call_id)
        assert (status, record["reason"], record["blame"]) == (603, "do-not-originate", "carrier")
        assert (await called_from(node, OTHER))[0] == 200
        # the list alone
        listed.write_text("+121255501*\n", encoding="utf-8")
        code, said = await asyncio.to_thread(changing, "plan")
        assert (code, f"{listed} has changed" in said) == (3, True), said
        assert (await asyncio.to_thread(changing, "apply"))[0] == 0
        assert (await called_from(node, OTHER))[0] == 603
        # wrong lines are named, and what was in force stays
        listed.write_text("+12125550177\n2125550178\n\n+1212*,x,tomorrow\n", encoding="utf-8")
        code, said = await asyncio.to_thread(changing, "apply")
        assert code == 2
        assert f"{listed}: line 2: " in said
        assert f"{listed}: line 4: " in said
        assert (await called_from(node, OTHER))[0] == 603

    try:
        run(node, scenario)
    finally:
        file.write_text(kept, encoding="utf-8")
        assert changing("apply")[0] == 0
