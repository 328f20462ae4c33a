import asyncio, os, signal
from wire.records.parties import parties
def test_frozen(node):
    async def run():
        async with parties(node) as lab:
            calls=[]
            for _ in range(8):
                c = await lab.call(); await c.answered(); await (await lab.north.incoming()).confirmed(); calls.append(c)
            node.signal("gate-0", signal.SIGSTOP)
            for c in calls: await c.bye()
            await asyncio.sleep(1)
            os.kill(node.pid("gate-0"), signal.SIGKILL)
            return [c.invite.call_id for c in calls]
    ids = asyncio.run(run())
    import time; time.sleep(3)
    ended=[c for c in node.calls() if c["call_id"] in ids and c["ended_at"]]
    print("OUTCOMES", len(ended), "of", len(ids))
    assert 0
