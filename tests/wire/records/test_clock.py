"""The clock's row of the posture table, on a node that asks the kernel."""

import asyncio
from collections.abc import Iterator

import pytest

from sipkit.provider import Provider
from trunkward.admission.posture import Calls, Effect, Lost, effect
from trunkward.gate.clock import KernelClock
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.records.parties import CALLED, OWN, all_kinds, eventually, parties, running_call, signed
from wire.verification.conftest import authority_of


@pytest.fixture
def untrusted() -> Iterator[Node]:
    """A node that must ask the kernel whether its clock is synchronised."""
    config = EXAMPLE.read_text(encoding="utf-8").replace("  unsafe_trusted_clock: true\n", "")
    running = start_node(config)
    yield running
    stop_node(running)


@pytest.mark.skipif(
    KernelClock(trusted=False).synchronised() is True, reason="this machine's clock is synchronised"
)
def test_clock_not_synchronised(untrusted: Node) -> None:
    """Summary: without a synchronised clock calls go unsigned and unverified, recorded why, and all other kinds go as ever."""
    assert effect(Lost.CLOCK, Calls.OUTBOUND) is Effect.GOES_UNSIGNED
    assert effect(Lost.CLOCK, Calls.INBOUND) is Effect.GOES_UNVERIFIED

    provider = Provider(authority=authority_of(untrusted))

    async def run() -> tuple[str, str]:
        async with parties(untrusted) as lab:
            call, _ = await all_kinds(lab, await running_call(lab))
            assert not signed(lab, call)
            incoming = await lab.inbound_call([("Identity", provider.identity(CALLED, OWN))])
            return call.invite.call_id, incoming.invite.call_id

    outbound, inbound = asyncio.run(run())
    verification = untrusted.record(inbound, ended=True)["verification"]
    assert verification == {"verstat": "No-TN-Validation", "why": "clock-not-synchronised"}
    record = untrusted.record(outbound, ended=True)
    assert (record["attest"], record["attest_reason"]) == ("", "clock-not-synchronised")
    status = untrusted.trunkward("status").stdout
    assert f"degraded clock: not synchronised -> outbound: {Effect.GOES_UNSIGNED}" in status
    assert "takes calls" in status
    eventually(lambda: len(untrusted.calls()) == 5, 20, "five records")
