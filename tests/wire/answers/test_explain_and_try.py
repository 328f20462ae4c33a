"""A call that was refused on a real node: `explain` says why, and `try` had said so before."""

from __future__ import annotations

import json
from typing import Any

from wire.conftest import Node
from wire.node.parties import ACME_NUMBER, connect, customer_agent, place, run

UNROUTED = "+12125550142"


def test_what_was_tried_is_what_happens_and_is_explained(node: Node) -> None:
    """Summary: try by the policy the gates have mapped, then the call, then explain by its Call-ID: one reason, one remedy."""
    call_ids: list[str] = []

    async def scenario() -> None:
        customer = customer_agent()
        flow = await connect(node, customer)
        call = await place(customer, flow, UNROUTED)
        assert (await call.final()).status == 404
        call_ids.append(call.invite.call_id)
        await flow.close()

    asked = ("try", "--trunk", "acme-hq", "--from", ACME_NUMBER, "--to", UNROUTED, "--json")
    tried: dict[str, Any] = json.loads(node.trunkward(*asked).stdout)
    # nothing of it is on record
    assert node.calls() == []
    run(node, scenario)
    node.record(call_ids[0])
    explained: dict[str, Any] = json.loads(node.trunkward("explain", call_ids[0], "--json").stdout)
    for name in ("verdict", "reason", "status", "blame", "means", "do", "checks", "policy_version"):
        assert tried[name] == explained[name], name
    told = node.trunkward("explain", call_ids[0])
    assert told.returncode == 0, told.stderr
    assert "refused with 404, no-route" in told.stdout
    assert f"to let it pass: add a beginning of {UNROUTED} to prefixes of a carrier" in told.stdout
