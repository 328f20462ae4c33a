"""Four nodes on one Valkey, two of them killed while they carry calls: what the carrier bills stays under the cap."""

import asyncio
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from sipkit import Call, sdp
from sipkit.transport import Address, Flow, client_context, open_stream, open_udp
from sipkit.valkey import OwnValkey
from trunkward.live import money
from wire.many_nodes.places import CARRIER, PBX, Machine, machines
from wire.node.parties import CARRIER_MARKS, SOUTH_NUMBER, Party, customer_agent, described, place

GRANT_S = 6
#: 0.60 a minute, six seconds at a time: in micro-units.
STEP_S, STEP = 6, 60_000
#: What 200 calls' first slices would be is half as much again.
CAP = 30_000_000
DECK = "prefix,rate,increments\n1303,0.60,6/6\n"
TRUNK = "money:trunk:acme-hq"
CALLS = 200


@pytest.fixture(scope="module")
def four() -> Iterator[tuple[OwnValkey, list[Machine]]]:
    spend = '{call: none, hour: "30.00", day: "30.00", month: none}'
    limits = "{calls: 10000, international: 10000, per_second: 1000}"
    issued = "        client_certificate: issued\n"
    changed = {
        issued: f"{issued}        limits: {limits}\n        spend: {spend}\n",
        "  - name: acme\n": "  - name: acme\n    deck: retail\n",
    }
    with machines(4, more=f"  grant_s: {GRANT_S}\n", changed=changed) as (valkey, found):
        for machine in found:
            file = machine.home / "deck.csv"
            file.write_text(DECK, encoding="utf-8")
            done = machine.trunkward("deck", "import", "retail", str(file), "--currency", "EUR")
            assert done.returncode == 0, done.stdout + done.stderr
        yield valkey, found


@dataclass
class Records:
    """A carrier's own: when it answered each call, and when it was told of the end."""

    calls: dict[str, tuple[float, float | None]] = field(default_factory=dict)
    #: Which node each came from.
    nodes: dict[str, str] = field(default_factory=dict)

    async def take(self, call: Call) -> None:
        """Answers, and writes down."""
        call.ring()
        await asyncio.sleep(0.3)
        if call.is_over:
            return
        self.nodes[call.invite.call_id] = call.flow.remote.host
        call.answer()
        began = time.monotonic()
        self.calls[call.invite.call_id] = began, None
        why = await call.ended(300)
        assert why == "peer-bye", why
        self.calls[call.invite.call_id] = began, time.monotonic()

    def billed(self, now: float) -> int:
        """What it asks for, those that are still open to this moment: micro-units."""
        return sum(
            math.ceil(((ended or now) - began) / STEP_S) * STEP for began, ended in self.calls.values()
        )

    def open(self, *nodes: str) -> int:
        """How many it thinks are running, of those from these nodes."""
        return sum(ended is None and self.nodes[call] in nodes for call, (_, ended) in self.calls.items())


def spent(valkey: OwnValkey) -> money.Spent:
    with valkey.asks("root") as root:
        (found,) = money.windows_of(root.ask(*money.spent([TRUNK])))
    return found


def forced(valkey: OwnValkey) -> int:
    """Of what is granted, what dead nodes' calls were whatever the cap says."""
    with valkey.asks("root") as root:
        legs = money.kept_legs(root.ask(*money.legs(1000)))
    return sum(share.forced for leg in legs for share in leg.shares if share.owner == TRUNK)


async def connected(machine: Machine, party: Party) -> Flow:
    assert machine.node is not None
    tls = client_context(machine.node.authority, machine.node.credential("acme-hq"))
    flow: Flow = party.own(await open_stream(machine.sbc, party.receive, tls=tls, local_host=PBX))
    return flow


def test_two_of_four_nodes_die_and_nothing_is_overspent(four: tuple[OwnValkey, list[Machine]]) -> None:
    """Summary: 200 calls at once through four nodes against one cap, two nodes killed in the middle: the carrier's own records are within the cap, its legs are ended by a survivor, and what is not spent is free again."""
    valkey, found = four
    records = Records()

    async def scenario() -> None:
        everybody = [machine.address for machine in found]
        customer = customer_agent(keeps_messages=False)
        session = described(sdp.Profile.PLAIN, CARRIER_MARKS)
        carrier = Party(
            "<sip:+12125550177@core.carrier>",
            CARRIER_MARKS,
            contact_uri=f"sip:gw@{CARRIER}:35060",
            session=session,
            on_call=records.take,
            keeps_messages=False,
        )
        endpoint = await open_udp(Address(host=CARRIER, port=35060), carrier.receive)
        flows = [await connected(machine, customer) for machine in found]
        # a new ledger grants nothing for the longest grant
        began = time.monotonic()
        while True:
            first = await place(customer, flows[0], SOUTH_NUMBER)
            if (await first.final()).status == 200:
                await first.bye()
                break
            assert time.monotonic() - began < 40
            await asyncio.sleep(1)
        await asyncio.sleep(1)
        assert spent(valkey).granted == 0

        calls: list[Call] = []
        for number in range(CALLS):
            calls.append(await place(customer, flows[number % 4], SOUTH_NUMBER))
            await asyncio.sleep(0.02)
        finals = await asyncio.gather(*(call.final(30) for call in calls))
        statuses = [final.status for final in finals]
        talking = [call for call, status in zip(calls, statuses, strict=True) if status == 200]
        print(f"admitted {len(talking)} of {CALLS}, others {sorted(set(statuses) - {200})}")
        assert set(statuses) == {200, 403}, "others are refused because of the cap"
        assert 60 <= len(talking) <= 125
        # some hang up by themselves
        for call in talking[::5]:
            if call.flow in (flows[0], flows[1]):
                await call.bye()
        await asyncio.sleep(2)
        now = spent(valkey)
        assert now.day + now.granted <= CAP
        print(f"before: {now}, open {records.open(*everybody)}")

        dead = [machine.address for machine in found[2:]]
        assert records.open(*dead) > 20
        killed_at = time.monotonic()
        for machine in found[2:]:
            await asyncio.to_thread(machine.die)
        over_at = None
        while time.monotonic() - killed_at < 60:
            now = spent(valkey)
            billed = records.billed(time.monotonic())
            assert billed <= CAP, f"overspent: {billed - CAP}"
            assert now.day + now.granted - forced(valkey) <= CAP, now
            if not records.open(*dead):
                over_at = time.monotonic()
                break
            await asyncio.sleep(0.5)
        assert over_at is not None, f"{records.open(*dead)} legs still run at the carrier"
        print(f"all of theirs ended {over_at - killed_at:.1f} s after the deaths")
        # the others go on as long as there is money, and hang up by themselves
        for call in talking:
            if call.flow in flows[:2] and not call.is_over:
                await call.bye()
        await asyncio.sleep(1)
        assert not records.open(*everybody)
        # nothing stays locked: what is charged is what has been used
        ended_at = time.monotonic()
        while spent(valkey).granted:
            assert time.monotonic() - ended_at < 20, spent(valkey)
            await asyncio.sleep(0.2)
        now, billed = spent(valkey), records.billed(0)
        print(f"at the end: charged {now.day}, billed {billed}, {len(records.calls)} calls, cap {CAP}")
        assert billed - CAP <= 0
        assert now.day <= CAP
        # a call of a dead node is charged to when its BYE was answered: half a second, so a step at most, more
        assert billed - STEP * 3 <= now.day <= billed + STEP * len(records.calls)
        for flow in flows:
            await flow.close()
        await endpoint.close()
        carrier.check()

    async def whole() -> None:
        try:
            async with asyncio.timeout(200):
                await scenario()
        except BaseException:
            for machine in found:
                assert machine.node is not None
                for part in ("kamailio", "gate-0", "worker"):
                    print(f"---- {machine.address} {part}\n{machine.node.log(part)[-3000:]}")
            raise
        finally:
            Party.alive.clear()

    asyncio.run(whole())
