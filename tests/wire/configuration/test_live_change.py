"""A running node takes another configuration: who was not known calls, who is gone does not, running calls go on."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from sipkit.transport import Address
from wire.configuration.conftest import TEXT, WITH_BEST, WITHOUT_SOUTH, Changed, gate_version
from wire.node.parties import (
    CARRIER_MARKS,
    NORTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    reoffer,
    run,
    tls_carrier,
    until,
)
from wire.node.test_gate_failures import frozen
from wire.records.parties import eventually

#: The shortest there is.
GRANT_S = 5
BEST_NUMBER = "+12025550111"
BEST_PBX = Address(host="127.0.0.22", port=15062)


def test_a_new_trunk_is_served_and_a_deleted_one_keeps_its_running_call(
    changed: Changed, record_property: Callable[[str, object], None]
) -> None:
    """Summary: a trunk added to a running node calls and is called at once; deleted, its running call goes on to its BYE, new ones are refused."""
    node = changed.node
    kamailio = node.pid("kamailio")

    async def scenario() -> None:
        done = await asyncio.to_thread(changed.apply, WITH_BEST)
        took = await asyncio.to_thread(changed.until_gates_have, done["version"])
        record_property("reached_every_gate_s", round(took, 2))
        print(f"reached every gate after {took:.2f} s")
        customer, carrier, pbx = customer_agent(), carrier_agent(), customer_agent()
        async with tls_carrier(node, carrier), tls_carrier(node, pbx, BEST_PBX, node.credential("best-hq")):
            # out
            flow = await connect(node, customer, "best-hq")
            call = await place(customer, flow, NORTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            # in: the edge dials a peer it was not told of at its start
            inbound = await place(carrier, await connect(node, carrier, "north"), BEST_NUMBER)
            rang = await pbx.incoming()
            await inbound.answered()
            await rang.confirmed()
            await asyncio.to_thread(changed.apply, TEXT, "--delete")
            # longer than any process of Kamailio goes on with what it had
            await asyncio.sleep(1.2)
            assert (await call.reinvite(reoffer(call))).status == 200
            assert (await there.reinvite(reoffer(there))).status == 200
            refused = await place(customer, flow, NORTH_NUMBER)
            assert (await refused.final()).status == 403
            nowhere = await place(carrier, carrier.flows[-1], BEST_NUMBER)
            assert (await nowhere.final()).status == 404
            assert (await call.bye()).status == 200
            assert await there.ended() == "peer-bye"
            assert (await rang.bye()).status == 200
            assert await inbound.ended() == "peer-bye"
            assert not customer.saw(CARRIER_MARKS)

    run(node, scenario)
    assert node.pid("kamailio") == kamailio
    assert not faults_in(node.log("kamailio"))


def test_a_change_reaches_every_gate_while_the_worker_starts_anew(
    changed: Changed, record_property: Callable[[str, object], None]
) -> None:
    """Summary: the worker is killed as a change is applied; every gate has the new version all the same."""
    changed.node.signal("worker", signal.SIGKILL)
    done = changed.apply(TEXT + "# a comment\n")
    took = changed.until_gates_have(done["version"])
    record_property("reached_every_gate_s", round(took, 2))
    print(f"reached every gate after {took:.2f} s")
    assert changed.in_force()["version"] == done["version"]


def test_a_gate_that_is_behind_leaves_readiness_and_goes_on(changed: Changed) -> None:
    """Summary: the worker stands still: apply says so, `status` names the gates, calls go on; awake, apply finishes."""
    node, before = changed.node, changed.version()
    node.signal("worker", signal.SIGSTOP)
    try:
        said = changed.apply(TEXT + "# another\n", code=1)
        assert "is decided on, but not everywhere in force" in said["said"]
        assert "has not taken policy" in said["said"]
        status = node.trunkward("status", "--json")
        assert status.returncode == 1
        assert f"it decides by policy {before}, not by {said['version']}" in status.stdout
        assert "gates" not in [trouble["lost"] for trouble in json.loads(status.stdout)["troubles"]]
        assert node.trunkward("plan").returncode == 3, "the very file, but not in force everywhere"

        async def scenario() -> None:
            customer, carrier = customer_agent(), carrier_agent()
            async with tls_carrier(node, carrier):
                call = await place(customer, await connect(node, customer), NORTH_NUMBER)
                await call.answered()
                assert (await call.bye()).status == 200

        run(node, scenario)
    finally:
        node.signal("worker", signal.SIGCONT)
    finished = changed.apply(TEXT + "# another\n")
    assert finished["version"] == said["version"]
    assert node.trunkward("plan").returncode == 0
    changed.until_gates_have(said["version"])
    node.wait_ready()


def test_what_needs_a_restart_is_said_and_running_calls_outlive_it(changed: Changed) -> None:
    """Summary: the last plain carrier goes, its listener with it: refused without --restart; with it Kamailio is started anew, a running call and its BYE go on; a third gate comes and goes."""
    node = changed.node

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()

        async def redial(_uri: str) -> object:
            return await connect(node, customer)

        customer.dial = redial  # type: ignore[assignment]
        async with tls_carrier(node, carrier):
            call = await place(customer, await connect(node, customer), NORTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            before = changed.in_force()
            text = WITHOUT_SOUTH.replace("gates: 2", "gates: 3")
            refused = await asyncio.to_thread(lambda: changed.apply(text, "--delete", code=2))
            assert "restarts kamailio: calls being set up are lost, running calls go on" in refused["said"]
            assert changed.in_force() == before
            kamailio = node.pid("kamailio")
            done = await asyncio.to_thread(changed.apply, text, "--delete", "--restart")
            assert done["effects"]["restart"] == ["kamailio"]
            assert done["effects"]["start"] == ["gate-2"]
            assert node.pid("kamailio") != kamailio
            await asyncio.to_thread(node.wait_ready)
            assert listening("127.0.0.10:5060") == ""
            await until(lambda: not call.flow.is_open, "the old connection to end", 20)
            assert (await call.reinvite(reoffer(call))).status == 200
            assert (await call.bye()).status == 200
            assert await there.ended() == "peer-bye"

    run(node, scenario)
    assert gate_version(2) > 0
    changed.apply(TEXT, "--restart")
    node.wait_ready()
    assert listening("127.0.0.10:5060")
    assert gate_version(2) == -1
    assert not faults_in(node.log("kamailio"))


def test_running_calls_are_granted_by_the_settings_in_force(changed: Changed) -> None:
    """Summary: five seconds a grant instead of sixty, and a third gate, by apply: the first two frozen, a call goes on past its first grants."""
    node = changed.node
    text = TEXT.replace("  gates: 2\n", f"  gates: 3\n  grant_s: {GRANT_S}\n")

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        async with tls_carrier(node, carrier):
            await asyncio.to_thread(changed.apply, text)
            # longer than any process of Kamailio goes on with what it had
            await asyncio.sleep(1.2)
            call = await place(customer, await connect(node, customer), NORTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            with frozen(node):
                await asyncio.sleep(2 * GRANT_S)
                assert not call.is_over
                assert (await call.bye()).status == 200
            assert await there.ended() == "peer-bye"

    run(node, scenario)


def test_a_carrier_told_otherwise_is_verified_anew(changed: Changed) -> None:
    """Summary: a carrier's name changes: the connection that passed by the old name carries no new call, one by the new name does."""
    node = changed.node
    other = TEXT.replace("tls_names: [north.example.net]", "tls_names: [north.example.org]")
    old = node.credential("north")
    kept = Path(old.certificate).read_bytes()

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        was = node.home / "north-before.pem"
        was.write_bytes(kept)
        async with tls_carrier(node, carrier, credential=type(old)(certificate=was, key=old.key)):
            flow = await connect(node, customer)
            call = await place(customer, flow, NORTH_NUMBER)
            await call.answered()
            assert (await call.bye()).status == 200
            await asyncio.to_thread(changed.apply, other)
            await asyncio.sleep(1.2)
            refused = await place(customer, flow, NORTH_NUMBER)
            assert (await refused.final()).status == 503
        async with tls_carrier(node, carrier):
            end = time.monotonic() + 20
            while True:  # a peer that was refused is left alone for two seconds
                call = await place(customer, flow, NORTH_NUMBER)
                if (final := await call.final()).status == 200:
                    break
                assert final.status == 503
                assert time.monotonic() < end
                await asyncio.sleep(0.2)
            assert (await call.bye()).status == 200

    run(node, scenario)
    eventually(lambda: "expected north.example.org" in node.log("kamailio"), 20, "it is said")


def listening(place: str) -> str:
    """What listens on a UDP address, as `ss` tells."""
    asked = subprocess.run(
        ["ss", "-Huln", "src", place], capture_output=True, text=True, check=True, timeout=10
    )
    return asked.stdout
