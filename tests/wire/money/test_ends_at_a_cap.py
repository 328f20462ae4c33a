"""A leg that its carrier does not let go, at a cap."""

import asyncio

from wire.money.conftest import GRANT_S, RELEASE_S, SECOND, SLICE, node_with
from wire.money.strict import Bench, answers, at, bench
from wire.money.test_money import spent
from wire.node.parties import NORTH_NUMBER, place


def test_a_cut_that_is_refused() -> None:
    """Summary: the node's own BYE at the cap is refused three times, within the time of a release: the carrier bills no more than the cap, and the ledger no less than its bill."""
    cap = SLICE + SECOND
    with node_with(f'{{hour: "{cap / 10**6:.2f}", call: none}}') as node:

        async def scenario(b: Bench) -> None:
            b.carrier.bye = answers(500, 403, None)
            call, leg = await b.talking()
            at(call, 500_000)
            assert (await call.request("INFO")).status == 200
            assert await call.ended(GRANT_S + RELEASE_S) == "peer-bye"
            await b.carrier.over(leg, RELEASE_S)
            await b.is_settled()
            assert leg.seconds() > GRANT_S
            assert b.carrier.billed() <= b.charged() <= cap
            assert len(leg.byes) == 4
            record = await asyncio.to_thread(b.node.record, call.invite.call_id, ended=True)
            assert (record["cut"], record["ended_by"]) == ("spend-cap", "us")

        bench(node, scenario)


def test_a_leg_nobody_can_end_is_charged_beyond_its_grant() -> None:
    """Summary: a carrier that refuses each BYE for longer than a release takes: what it bills is charged, the cap notwithstanding, and no other call goes meanwhile."""
    cap = SLICE + SECOND
    with node_with(f'{{hour: "{cap / 10**6:.2f}", call: none}}') as node:

        async def scenario(b: Bench) -> None:
            b.carrier.bye = answers(*[403] * 100)
            call, leg = await b.talking()
            assert (await call.bye()).status == 200
            await asyncio.sleep(GRANT_S + RELEASE_S + 3)
            now = spent(node)
            assert now.hour + now.granted >= b.carrier.billed() > cap
            other = await place(b.customer, b.flow, NORTH_NUMBER)
            assert (await other.final()).status == 403
            b.carrier.bye = answers()
            await b.carrier.over(leg)
            await b.is_settled()

        bench(node, scenario)
