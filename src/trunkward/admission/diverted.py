"""Who has diverted a call, as Diversion (RFC 5806) and History-Info (RFC 7044) tell it.

What goes on is written anew: the number, and of the rest what is a plain word. No name, no host of the other
side, and no more entries than `sip.address.MAX_ADDRESSES`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from trunkward.calls.attempt import CallAttempt
from trunkward.numbering.e164 import E164, NotANumber
from trunkward.numbering.plan import DialPlan
from trunkward.sip.address import Address, read_addresses
from trunkward.sip.uri import MalformedUri, parse_uri

_WORD = re.compile(r"[a-z0-9-]{1,32}", re.ASCII | re.IGNORECASE)
_COUNT = re.compile(r"[0-9]{1,3}", re.ASCII)
#: RFC 7044 section 5: `index-val`, and the parameters that point at another entry.
_INDEX = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,9}", re.ASCII)
_POINTERS = ("rc", "mp", "np")
#: RFC 4458: why, in the URI; RFC 7044 section 9: why, as a Reason inside of it.
_CAUSE = re.compile(r";cause=([0-9]{3})(?![0-9])", re.ASCII | re.IGNORECASE)
_REASON = re.compile(r"[?&]Reason=(SIP|Q\.850)%3Bcause%3D([0-9]{1,3})(?![0-9])", re.ASCII | re.IGNORECASE)
#: RFC 5806 section 3: values of `privacy` that keep the number back, not the name alone.
_PRIVATE = frozenset({"full", "uri"})
_HIDDEN = re.compile(r"[?&]Privacy=", re.ASCII | re.IGNORECASE)
#: Retargets of one call that are signed; what went before them is taken as the call's beginning (our limit).
MOST_RETARGETS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Diverted:
    """One entry: the number that diverted the call, or that it was sent to, and what stands behind it."""

    number: E164
    #: `Diversion` or `History-Info`.
    header: str
    #: Parameters of the URI and headers in it, to stand behind the host.
    in_uri: str
    #: Parameters of the header.
    behind: str
    #: The number is not to be told outside the trust domain.
    private: bool = False
    #: Which entry of its header it is; between two that follow each other no other one stood.
    place: int = 0


def diverted(attempt: CallAttempt, plan: DialPlan) -> tuple[Diverted, ...]:
    """Every entry that names a number, in the message's order: Diversion first, the newest on top."""
    found: list[Diverted] = []
    for header, read in (("Diversion", _diversion), ("History-Info", _history)):
        values = attempt.headers.get(header.lower())
        for place, address in enumerate(read_addresses(values) if values else ()):
            try:
                number = plan.read(parse_uri(address.uri).user)
            except (MalformedUri, NotANumber):
                continue
            entry = read(number, address)
            if entry is not None:
                found.append(replace(entry, place=place))
    return tuple(found)


def newest(entries: tuple[Diverted, ...], called: object) -> E164 | None:
    """The number that diverted the call last; None when nobody is said to have."""
    for entry in entries:
        if entry.header == "Diversion":
            return entry.number
    # History-Info ends with where the call is going now
    for entry in reversed(entries):
        if entry.number != called:
            return entry.number
    return None


def retargets(
    entries: tuple[Diverted, ...], called: object, is_own: Callable[[E164], bool]
) -> tuple[E164, ...]:
    """The numbers a call went to before it goes to `called`, the first one first.

    As far back as each of them is the customer's own, so that we may say of it that it diverted the call (RFC
    8946 section 4: the credential's authority holds it), and may be told; nothing is said over a gap.
    """
    told = [entry for entry in entries if entry.header == "Diversion"]
    if not told:
        told = [entry for entry in reversed(entries) if entry.header == "History-Info"]
        if told and told[0].number == called:
            del told[0]
    back: list[E164] = []
    for index, entry in enumerate(told):
        follows = index == 0 or abs(entry.place - told[index - 1].place) == 1
        fits = entry.number != called and entry.number not in back and not entry.private
        if not (follows and fits and is_own(entry.number)) or len(back) == MOST_RETARGETS:
            break
        back.append(entry.number)
    return tuple(reversed(back))


def diversion_headers(entries: tuple[Diverted, ...], node: str, *, trusted: bool) -> list[tuple[str, str]]:
    """The headers that tell of these entries; `trusted`: to somebody who keeps what is private."""
    return [
        (e.header, f"<sip:{e.number}@{node}{e.in_uri}>{e.behind}")
        for e in entries
        if trusted or not e.private
    ]


def _diversion(number: E164, address: Address) -> Diverted:
    behind = ""
    for name, form in (("reason", _WORD), ("counter", _COUNT), ("privacy", _WORD), ("screen", _WORD)):
        value = address.parameters.get(name, "").strip('"')
        if form.fullmatch(value):
            behind += f";{name}={value}"
    private = address.parameters.get("privacy", "").strip('"').lower() in _PRIVATE
    return Diverted(number=number, header="Diversion", in_uri="", behind=behind, private=private)


def _history(number: E164, address: Address) -> Diverted | None:
    index = address.parameters.get("index", "")
    if not _INDEX.fullmatch(index) or _HIDDEN.search(address.uri):
        return None
    behind = f";index={index}"
    for name in _POINTERS:
        if _INDEX.fullmatch(value := address.parameters.get(name, "")):
            behind += f";{name}={value}"
    in_uri = f";cause={cause[1]}" if (cause := _CAUSE.search(address.uri)) else ""
    if reason := _REASON.search(address.uri):
        in_uri += f"?Reason={reason[1]}%3Bcause%3D{reason[2]}"
    return Diverted(number=number, header="History-Info", in_uri=in_uri, behind=behind)
