"""How much time a running call gets: a slice, and never more than its trunk's calls may last in all."""

from trunkward.admission.money import first_s
from trunkward.admission.snapshot import Snapshot
from trunkward.calls.grant import Cut, Grant, GrantsAsked, GrantsGiven, Reach, RunningCall
from trunkward.trunks.model import Trunk

#: Seconds that a call which is leaving is charged ahead: until its edge asks again.
LOOK_S = 3.0
#: Less than this of a slice is not asked for by itself.
_REST_S = 1.0


def grant(*, lasted_s: float, max_call_s: float, slice_s: float) -> Grant:
    """The next grant of a call that has lasted so long."""
    left_s = max_call_s - lasted_s
    if left_s <= slice_s:
        return Grant(for_s=max(round(left_s, 3), 0.0), then=Cut.MAXIMUM_DURATION)
    return Grant(for_s=slice_s)


def grants(asked: GrantsAsked, policy: Snapshot) -> GrantsGiven:
    """The next grant of each of these calls, by the policy in force now.

    None for those that are held with what runs. A shorter maximum holds for calls that run already. The calls
    of a trunk that is not declared any more have the node's maximum: to take a trunk out of the file ends no
    call.
    """
    node = policy.node
    given: dict[str, Grant] = {}
    for call in asked.calls:
        if not call.answered_at:  # it rings: there is nothing to end yet, but its places are held
            given[call.record_id] = Grant(for_s=node.grant_s)
            continue
        if call.leaving_s is not None:
            given[call.record_id] = Grant(for_s=0.0 if cannot_be_alive(call, node.max_call_s) else LOOK_S)
            continue
        trunk = policy.trunk(call.trunk)
        if trunk is not None and is_cut(call, trunk, policy):
            given[call.record_id] = Grant(for_s=0.0, then=Cut.HELD)
            continue
        given[call.record_id] = grant(
            lasted_s=call.lasted_s,
            max_call_s=trunk.max_call_s if trunk else node.max_call_s,
            slice_s=_rest_of_first(call, policy) or node.grant_s,
        )
    return GrantsGiven(grants=given, cuts=policy.cuts)


def _rest_of_first(call: RunningCall, policy: Snapshot) -> float:
    """Seconds until a charged call's first slice is over, where it had less of that by itself; 0: it had all.

    Its edge let it begin with no more than was sure to be held (`trunkward.edge.grants`). The rest is asked
    for before anything else: where the ledger holds the slice still, it is the call's own, whatever the caps
    say.
    """
    first = first_s(policy.node, policy.trunk(call.trunk))
    had_s = call.lasted_s + max(call.left_s, 0.0)
    return first - call.lasted_s if call.money and first - had_s > _REST_S else 0.0


def cannot_be_alive(call: RunningCall, max_call_s: float) -> bool:
    """Whether a carrier's leg that was to end has ended by itself by now, as far as anybody can tell.

    Where the carrier has a session timer, it has (RFC 4028 section 10): nobody has refreshed it since.
    Where it has none, the time a call may last is a guess.
    """
    if call.leaving_s is None:
        return False
    if call.session_s:
        return call.leaving_s > call.session_s
    return call.lasted_s > max_call_s


def is_cut(call: RunningCall, trunk: Trunk, policy: Snapshot) -> bool:
    """Whether a hold ends this running call of a trunk."""
    outbound, abroad = call.reach in (Reach.HOME, Reach.ABROAD), call.reach is Reach.ABROAD
    return any(hold.cut and hold.covers(outbound=outbound, abroad=abroad) for hold in policy.holds(trunk))
