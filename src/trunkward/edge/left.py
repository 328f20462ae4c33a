"""What an answered call leaves for the edge of another node, should this one die: a BYE that anyone can send.

It holds addresses and tags of both sides, no key and no description of media.
"""

from typing import Any

from trunkward.edge.compact import compact, expand

#: Of a call: where its sides are (`trunkward.edge.reach`), and what stands in a BYE.
_NEEDED = (
    *("record_id", "call_id", "cseq", "caller_tag", "callee_tag", "from_inside", "from_outside", "to_uri"),
    *("caller_peer", "caller_source", "caller_home"),
    *("callee_peer", "callee_source", "callee_home", "callee_transport"),
)
_WITHOUT_WHICH = (
    "call_id",
    "caller_tag",
    "callee_tag",
    "from_inside",
    "from_outside",
    "to_uri",
    "callee_transport",
)
SIDES = ("caller", "callee")
#: Fields of topos' row of a dialog (`topos_htable_storage.c`, 6.0.1), for the caller's and the callee's side.
_CONTACT = {"caller": 4, "callee": 5}
_ROUTES = {"caller": 10, "callee": 11}


def text_of(call: dict[str, Any], row: list[str], cseqs: dict[str, int], masked: str) -> str:
    """What is left of a call with this row of topos; `masked`: its Call-ID as the called side knows it."""
    kept = {name: call[name] for name in _NEEDED if name in call}
    return compact(
        {
            "call": kept | {"caller": {"transport": call["caller"]["transport"]}},
            "ways": {side: way(row, side) for side in SIDES},
            "cseqs": cseqs,
            "masked": masked,
        }
    )


def read(text: str) -> dict[str, Any]:
    """That again. Raises `ValueError` for what has not its parts."""
    left = expand(text)
    match left:
        case {
            "call": {"record_id": str(), "caller": {"transport": str()}, **call},
            "ways": {"caller": [str(), list()], "callee": [str(), list()]},
            "cseqs": {"caller": int(), "callee": int()},
            "masked": str(),
        } if all(name in call for name in _WITHOUT_WHICH):
            found: dict[str, Any] = left
            return found
    raise ValueError("not what a call has left")


def is_whole(row: list[str]) -> bool:
    """Whether topos still knows where the sides are."""
    return len(row) > max(_ROUTES.values())


def way(row: list[str], side: str) -> tuple[str, list[str]]:
    """The Contact and the route set of a side, in the order a request to it takes them."""
    routes = [route for route in row[_ROUTES[side]].strip("<>").split(">,<") if route]
    if side == "callee":
        routes.reverse()  # RFC 3261 12.1.2: the caller's side of a dialog takes them in reverse order
    return row[_CONTACT[side]], routes


def bye(
    call: dict[str, Any], side: str, routes: list[str], cseq: int, call_id: str, reason: str
) -> list[str]:
    """The head of a BYE to one side, as the other one would send it. `reason`: RFC 3326."""
    forward = side == "callee"
    caller = f"<{call['from_outside' if forward else 'from_inside']}>;tag={call['caller_tag']}"
    callee = f"<{call['to_uri']}>;tag={call['callee_tag']}"
    return [
        f"From: {caller if forward else callee}",
        f"To: {callee if forward else caller}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} BYE",
        *(f"Route: <{route}>" for route in routes),
        f"Reason: {reason}",
    ]
