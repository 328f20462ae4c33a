"""A binding ends with its time, on a node that grants less than a minute."""

import time
from collections.abc import Iterator

import pytest

from wire.conftest import Node, home_of, start_node_in, stop_node
from wire.node.parties import SBC_PLAIN, connect, run, south_agent, udp_carrier
from wire.operations.versions import change, make_version
from wire.registration.pbx import CONFIG, Pbx, called_until, pbx_agent

#: Seconds, the least it grants: of the least there really is only the number is another.
LIFE_S = 6
VERSION = "0.0.8"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    home = home_of(CONFIG)
    package = make_version(home, VERSION)
    change(package / "admission" / "registration.py", "MAX_EXPIRES_S = 60,", f"MAX_EXPIRES_S = {LIFE_S},")
    running = start_node_in(home, [str(home / "versions" / VERSION / "bin" / "trunkward")])
    yield running
    stop_node(running)


def test_an_expired_binding_takes_no_calls(node: Node) -> None:
    """Summary: after its seconds, and not before, a binding is gone, though its connection stands."""

    async def scenario() -> None:
        party, carrier = pbx_agent(), south_agent()
        pbx = Pbx(party)
        async with udp_carrier(carrier) as endpoint:
            outer = carrier.own(endpoint.flow(SBC_PLAIN))
            flow = await connect(node, party)
            began = time.monotonic()
            assert (await pbx.register(flow, expires=LIFE_S)).status == 200
            await called_until(480, carrier, outer)
            assert time.monotonic() - began >= LIFE_S - 0.5
            assert flow.is_open
            assert not (await pbx.register(flow, contact="", expires=None)).get_all("Contact")

    run(node, scenario)
