"""A node without any IPv4 address."""

from __future__ import annotations

from wire.conftest import start_node, stop_node
from wire.media.legs import CM, GCM, agree, heard_both_ways, open_leg
from wire.network.addresses import CUSTOMER6, SBC6, SIX, put_on_loopback
from wire.network.test_ipv6 import CARRIERS, CONFIG, CUSTOMERS, SIX_NUMBER, connect_from, listening
from wire.node.parties import carrier_agent, customer_agent, place, run


def test_a_node_on_ipv6_alone() -> None:
    """Summary: a node with one IPv6 address, its name in Contact: ready, and a call through it heard both ways."""
    put_on_loopback()
    only = (
        CONFIG.replace(f'  contact_host: [127.0.0.10, "{SBC6.host}"]\n', "")
        .replace(f'address: [127.0.0.10, "{SBC6.host}"]', f'address: "{SBC6.host}"')
        .replace("        host: 127.0.0.21:15061\n        tls_names: [pbx.acme.example.com]\n", "")
    )
    node = start_node(only[: only.index("  - name: north")])
    try:

        async def scenario() -> None:
            async with (
                open_leg("customer", 41000, (CM,), 0x1111, host=CUSTOMER6) as caller,
                open_leg("carrier", 42000, (GCM, CM), 0x2222, host=SIX.host) as callee,
            ):
                one = customer_agent(session=caller.session)
                other = carrier_agent(contact=f"sip:gw@{SIX};transport=tls", session=callee.session)
                async with listening(node, CARRIERS[2], other, "six"):
                    flow = await connect_from(node, one, CUSTOMERS[1], "acme-six")
                    call = await place(one, flow, SIX_NUMBER)
                    there = await other.incoming()
                    await call.answered()
                    await there.confirmed()
                    agree(call, there, caller, callee)
                    await heard_both_ways(caller, callee, 10)
                    assert "@sbc.example.com:5061" in there.invite.get("Contact")
                    assert (await call.bye()).status == 200
                    await flow.close()

        run(node, scenario)
        assert "127.0.0.10" not in node.trunkward("status").stdout
    finally:
        stop_node(node)
