"""The chain of a diverted call (RFC 8946 section 4.2): from the number first called to the one called now."""

from collections.abc import Mapping, Sequence

from trunkward.shaken.causes import Cause, Refused
from trunkward.shaken.received import BASE, DIV, SHAKEN, Received

#: Most diversions of one call that are followed (our limit).
MAX_DEPTH = 5


def follow(
    received: Sequence[Received], target: str
) -> tuple[tuple[str, ...], Received | None, Mapping[int, Refused]]:
    """Follow the chain back from the called number; every PASSporT of it has been verified alone.

    Returns whom the call was for, first to last (without the called number); the last PASSporT, which must be
    as young as the request; and what is wrong, by the `id` of the PASSporT.

    1. Back from the called number: the one `div` that leads there, then the one that leads to what that was
       for, and so on. None leads there: broken. Two do: which is the way?
    2. A number a second time is a loop. More than five are too many.
    3. The first number is in the `dest` of every PASSporT that vouches for the caller, and all name the same
       caller.
    4. No `div` is left over.
    """
    divs = [one for one in received if one.ppt == DIV]
    wrong: dict[int, Refused] = {}
    way: list[str] = []
    chain: list[Received] = []
    current = target
    # 1.
    while leading := [one for one in divs if one not in chain and current in one.dest]:
        if len(leading) > 1:
            return (), None, {id(one): Refused(Cause.DIV_TWICE, f"two lead to {current}") for one in leading}
        (one,) = leading
        assert one.div is not None  # of its kind
        chain.append(one)
        # 2.
        if one.div in (target, *way):
            return (), None, {id(one): Refused(Cause.DIV_LOOP, f"comes back to {one.div}")}
        if len(chain) > MAX_DEPTH:
            return (), None, {id(one): Refused(Cause.DIV_TOO_DEEP, f"more than {MAX_DEPTH} diversions")}
        current = one.div
        way.append(current)
    # 3.
    first = chain[-1] if chain else divs[0]
    vouching = [one for one in received if one.ppt in (SHAKEN, BASE)]
    if not vouching:
        return (), None, {id(first): Refused(Cause.DIV_WITHOUT_BASE, "no PASSporT vouches for the caller")}
    for base in vouching:
        if current not in base.dest:
            wrong[id(first)] = Refused(Cause.DIV_BROKEN, f"no PASSporT says that the call was for {current}")
    for one in chain:
        if any(one.orig != base.orig for base in vouching):
            wrong[id(one)] = Refused(Cause.DIV_BROKEN, "names another caller than the first PASSporT")
    # 4.
    for one in divs:
        if one not in chain:
            wrong[id(one)] = Refused(Cause.DIV_BROKEN, f"leads to none that leads to {target}")
    return tuple(reversed(way)), chain[0] if chain else None, wrong
