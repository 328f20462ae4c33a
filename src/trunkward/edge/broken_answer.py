"""An answer that must not stand: its 2xx is turned into a refusal, and whoever sent it is let go.

tm lets no final reply be dropped, but it reads the status again after the reply callback: so the
message itself is replaced, and tm goes on as if the refusal had come from the peer (the failure
callback, the next route). The peer, which has answered, gets what its 2xx asks for: an ACK, and a BYE
when the call was to be set up with it (RFC 3261 sections 13.2.2.4 and 15.1.1).
"""

import re

from trunkward.edge import ksr, ladder, reasons, state

#: What a refusal keeps of the 2xx: what tm needs to match it, and topos' mark.
_KEPT = frozenset({"via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "p-sr-xbranch"})
#: Of topos' rows about a transaction: the name of its dialog (topos_htable).
_DIALOG_FIELD = 2
#: Seconds for which our BYE, and the peer's 2xx, may still be repeated (RFC 3261 17.1.2.2: 64 * T1).
_REPEATED_S = 40
_FOLD = re.compile(r"\n[ \t]+")


def refuse(status: int, phrase: str, reason: str, *, hang_up: bool, answers_to: str = "") -> None:
    """Replaces the 2xx in hand by a refusal; `hang_up`: the peer's dialog ends, not this offer alone.

    `answers_to`: what the answer to that BYE is known by (`trunkward.edge.own_bye`).
    """
    if ksr.method() == "INVITE":
        _send("ACK", int(ksr.pv("$cs") or 0))
        if hang_up:
            _send("BYE", int(ksr.pv("$cs") or 0) + 1, answers_to)
            ladder.sent(state.record_id(), "callee", "BYE", why=reason)
            forget_soon(dialog_mark())
    ksr.replace_message(refusal(ksr.message(), status, phrase, reason))


def replace() -> None:
    """Leaves nothing of a reply that cannot be hidden but its being one: 100, its own refusal, or 502."""
    code = ksr.status()
    if 200 <= code < 300:
        refuse(502, "Bad Gateway", "malformed-reply", hang_up=False)
        return
    # tm forwards no 100 (RFC 3261 16.7, step 5)
    status, phrase = (100, "Trying") if code < 200 else (code, "Refused")
    ksr.replace_message(refusal(ksr.message(), status, phrase, "malformed-reply"))


def take_as_ok() -> None:
    """Puts a 200 in the place of the refusal in hand, with nothing of its sender's in it."""
    ksr.replace_message(_as(ksr.message(), 200, "OK", []))


def refusal(received: str, status: int, phrase: str, reason: str) -> str:
    """The text of a reply as another one, with nothing of the peer in it."""
    return _as(received, status, phrase, reasons.values(status, reason))


def _as(received: str, status: int, phrase: str, told: list[str]) -> str:
    # whatever Kamailio could take for the end of a line ends one here, so that none hides in another
    head = received.lstrip("\r\n\t\0 ").replace("\r\n", "\n").partition("\n\n")[0]
    found = (line.partition("\r")[0] for line in _FOLD.sub(" ", head).split("\n")[1:])
    lines = [line for line in found if line.partition(":")[0].strip().lower() in _KEPT]
    return "\r\n".join(
        [
            f"SIP/2.0 {status} {phrase}",
            *lines,
            *(f"Reason: {value}" for value in told),
            "Content-Length: 0",
            "\r\n",
        ]
    )


def _send(method: str, cseq: int, answers_to: str = "") -> None:
    """A request of ours to the peer whose reply is in hand, down the way the reply came."""
    contact = ksr.contact_uri()
    if not contact:
        return
    lines = [
        f"From: {ksr.header('From')}",
        f"To: {ksr.header('To')}",
        f"Call-ID: {ksr.header('Call-ID')}",
        f"CSeq: {cseq} {method}",
        *(f"Route: {route}" for route in _route_set()),
    ]
    if mark := dialog_mark():
        lines.append(f"P-SR-XUID: {mark}")  # topos hides the request by it
    source = ksr.source_ip()
    host = f"[{source}]" if ":" in source else source
    transport = ksr.pv("$proto").lower()
    next_hop = f"sip:{host}:{ksr.pv('$sp')};transport={transport}"
    text = "".join(f"{line}\r\n" for line in lines)
    ksr.send_request(method, contact, next_hop, text, answers_to=answers_to)


def way() -> tuple[str, list[str]]:
    """Contact and route set of the peer whose reply is in hand, as URIs."""
    routes = [route.partition("<")[2].partition(">")[0] for route in _route_set()]
    return ksr.contact_uri(), routes


def _route_set() -> list[str]:
    """The peer's proxies, nearest first; behind them in the reply stand ours and those of the other side."""
    found: list[str] = []
    for route in ksr.headers("Record-Route", 20):
        if ";tw=" in route:
            break
        found.append(route)
    return found[::-1]


def forget_soon(mark: str) -> None:
    """Topos keeps an answered dialog for the longest call's time; it ends dialogs on a refusal only."""
    if row := ksr.table_get("topos_dialogs", mark) if mark else "":
        ksr.table_set("topos_dialogs", mark, row, _REPEATED_S)


def dialog_mark() -> str:
    """Topos' name of the dialog that the reply in hand belongs to, "" when it has none."""
    branch = ksr.header("P-SR-XBranch")
    fields = ksr.table_get("topos_branches", branch).split("|")
    if not branch or len(fields) <= _DIALOG_FIELD:
        return ""
    return fields[_DIALOG_FIELD]
