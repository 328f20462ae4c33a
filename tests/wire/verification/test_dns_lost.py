"""DNS's row of the posture table, on a node whose one DNS server falls silent: for all names, or for one."""

from __future__ import annotations

import asyncio

from trunkward.admission.posture import Calls, Effect, Lost, effect
from wire.records.parties import CALLED, OWN, all_kinds, parties, running_call
from wire.verification.conftest import Verified, path_of
from wire.verification.test_calls_in import call_in, record_of, shown
from wire.verification.test_calls_in import signed as signed_in
from wire.verification.test_in_transit import call_through, identities, signed


def test_dns_that_says_nothing(verified: Verified) -> None:
    """Summary: without DNS calls with a certificate nobody here has seen go unverified, recorded why, also by a carrier whose failures are refused; all other kinds go as ever; a second after it is back they are verified."""
    assert effect(Lost.DNS, Calls.INBOUND) is Effect.GOES_UNVERIFIED
    assert {effect(Lost.DNS, calls) for calls in (Calls.OUTBOUND, Calls.EMERGENCY)} == {Effect.GOES}
    assert effect(Lost.DNS, Calls.RUNNING) is Effect.UNAFFECTED
    provider = verified.provider()

    async def without() -> None:
        async with parties(verified.node) as lab:
            running = await running_call(lab)
            verified.dns.silent = True
            await all_kinds(lab, running)
            inbound = await lab.inbound_call([("Identity", verified.provider().identity(CALLED, OWN))])
        refusing, there, _ = await call_in(verified, signed_in(provider), name="west")
        assert "No-TN-Validation" in shown(there)[1]
        theirs = signed(verified.provider())
        transit, there, lines = await call_through(verified, theirs, "abroad")
        assert there is not None
        assert identities(lines) == [f"Identity: {theirs}\r\n".encode()]
        for call in (inbound, refusing, transit):
            told = (await record_of(verified, call))["verification"]
            assert told == {"verstat": "No-TN-Validation", "why": "dns-failed"}

    async def back() -> None:
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            _, there, _ = await call_in(verified, signed_in(provider), name="west")
            assert "TN-Validation-Passed" in shown(there)[1]

    async def scenario() -> None:
        try:
            await without()
        finally:
            verified.dns.silent = False
        await asyncio.sleep(1.1)
        await back()

    asyncio.run(scenario())


def test_a_name_whose_own_servers_say_nothing(verified: Verified) -> None:
    """Summary: while DNS answers about other names it is the fault of whoever named this one: 436, and in transit our C."""

    async def scenario() -> None:
        name = "unserved.example.net"
        verified.dns.silent_about.add(name)
        call, there, _ = await call_in(verified, signed_in(verified.provider(name)), name="west")
        assert (there, (await call.final()).status) == (None, 436)
        call, there, lines = await call_through(verified, signed(verified.provider(name)), "abroad")
        assert there is not None
        assert len(identities(lines)) == 2
        assert (await record_of(verified, call))["attestation"]["rule"] == "C-gateway"

    asyncio.run(scenario())
