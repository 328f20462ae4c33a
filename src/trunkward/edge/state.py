"""What travels with a transaction, in AVPs: the callbacks of one call run in different processes."""

from collections.abc import Callable
from typing import Any

from trunkward.edge import ksr
from trunkward.edge.compact import compact, expand

_CALL = "$avp(call)"
_WAY = "$avp(way)"
_ANSWERED = "$avp(answered)"
_DIALOG = "$avp(dialog)"
_STIR = "$avp(stir)"
#: RFC 3323 section 4.1.1.3.
_NOBODYS_NAME = '"Anonymous"'


def call() -> dict[str, Any]:
    """The call of the transaction in hand; with none, nobody's address is left in the message."""
    return _known(expand, _CALL)


def record_id() -> str:
    """Its record id, without reading the rest: `Calls` puts it first."""
    fields = ksr.pv(_CALL).split('"', 4)
    return fields[3] if len(fields) > 3 else ""


def set_call(text: str) -> None:
    """Sets it, as JSON."""
    ksr.set_pv(_CALL, text)


def way() -> dict[str, Any]:
    """The routes of the call in hand and how far they have been tried."""
    found: dict[str, Any] = expand(ksr.pv(_WAY))
    return found


def set_way(routes: dict[str, Any]) -> None:
    """Sets it."""
    ksr.set_pv(_WAY, compact(routes))


def stir() -> list[list[str]]:
    """Headers the caller is still to be told with an answer; in no file: a signature tells of the call."""
    text = ksr.pv(_STIR)
    found: list[list[str]] = expand(text) if text else []
    return found


def set_stir(lines: list[list[str]]) -> None:
    """Sets them."""
    if lines or ksr.pv(_STIR):
        ksr.set_pv(_STIR, compact(lines) if lines else "")


def answered() -> str:
    """The callee's tag once its 2xx went to the caller, "" before."""
    return ksr.pv(_ANSWERED)


def set_answered(tag: str) -> None:
    """Sets it."""
    ksr.set_pv(_ANSWERED, tag)


def in_dialog() -> tuple[bool, bool, tuple[str, str]]:
    """Of a request in a dialog: whether it came from the caller, had an offer; what its replies show."""

    def read(text: str) -> tuple[bool, bool, tuple[str, str]]:
        caller, _, callee = text[2:].partition(" ")
        return text[0] == "1", text[1] == "1", (caller, callee)

    return _known(read, _DIALOG)


def set_in_dialog(call: dict[str, Any], *, forward: bool, offered: bool) -> None:
    """Sets it. Replies show caller and callee as whoever gets them knows them, whatever they came with."""
    side = 0 if forward else 1
    caller, callee = _sides(call, "from")[side], _sides(call, "to")[side]
    ksr.set_pv(_DIALOG, f"{forward:d}{offered:d}{caller} {callee}")


def show(put: Callable[[str], None], call: dict[str, Any], which: str) -> None:
    """Puts a URI as one side knows it into the message in hand, whatever its sender has written there.

    `which`: `from_inside`, `from_outside`, `to_inside` or `to_outside`; the caller's side is the inside.
    """
    party, _, side = which.partition("_")
    inside, outside = _sides(call, party)
    put(inside if side == "inside" else outside)


def _sides(call: dict[str, Any], party: str) -> tuple[str, str]:
    if party == "from":
        return call["from_inside"], call["from_outside"]
    # a file of the version before has one for both
    return call["to_uri"], call.get("to_outside", call["to_uri"])


def show_parties(call: dict[str, Any]) -> None:
    """Puts both as the callee is to see them into the request in hand, which came from the caller."""
    show(ksr.show_to, call, "to_outside")
    show(ksr.show_from, call, "from_outside")
    if call["hide_name"]:
        shown = call["from_outside"]
        number = shown.partition(":")[2].partition("@")[0]
        ksr.show_from_name(_NOBODYS_NAME if shown == ksr.NOBODY else f'"{number}"')


def _known[T](read: Callable[[str], T], name: str) -> T:
    try:
        return read(ksr.pv(name))
    except (ValueError, IndexError):
        # whose address belongs on which side is not known any more: none is shown
        ksr.show_from(ksr.NOBODY)
        ksr.show_to(ksr.NOBODY)
        raise
