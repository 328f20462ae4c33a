"""The Identity headers a request came with: whether there are too many, and what it was signed as.

Whether a signature is good is the verifier's question (`shaken.verify`). Here only their form counts: what
has the form of a SHAKEN PASSporT was signed by somebody, and is not signed a second time.
"""

from collections.abc import Iterator, Sequence

import msgspec

from trunkward.shaken.causes import Refused
from trunkward.shaken.identity_header import MAX_HEADER, MAX_HEADERS, MAX_TOGETHER
from trunkward.shaken.received import DIV, SHAKEN, Received, open_payload, read_header


class SignedAs(msgspec.Struct, frozen=True, kw_only=True):
    """What a request was signed as when it came."""

    #: Canonical.
    orig: str
    #: Where it has been signed to go: the first destination, and what each `div` after it leads to.
    reached: tuple[str, ...]
    #: Seconds since the epoch.
    iat: int


def too_much(values: Sequence[str]) -> str:
    """What is too much of a request's Identity headers, in words; "" where nothing is."""
    if len(values) > MAX_HEADERS:
        return f"{len(values)} Identity headers, at most {MAX_HEADERS} are taken"
    lengths = [len(value.encode()) for value in values]
    if lengths and max(lengths) > MAX_HEADER:
        return f"an Identity header of {max(lengths)} bytes, at most {MAX_HEADER} are taken"
    if sum(lengths) > MAX_TOGETHER:
        return f"Identity headers of {sum(lengths)} bytes, at most {MAX_TOGETHER} together are taken"
    return ""


def signed_as(values: Sequence[str]) -> SignedAs | None:
    """What these say that the call is, by the first that has the form of SHAKEN; None: none has it."""
    opened = list(_opened(values))
    base = next((one for one in opened if one.ppt == SHAKEN), None)
    if base is None:
        return None
    divs = [one for one in opened if one.ppt == DIV]
    return SignedAs(orig=base.orig, reached=_reached(base.dest, divs), iat=base.iat)


def _opened(values: Sequence[str]) -> Iterator[Received]:
    """Those that can be read; the compact form says nothing by itself."""
    for value in values:
        try:
            unopened = read_header(value)
            if unopened is not None and unopened.header:
                yield open_payload(unopened, orig="", dest="", date_s=None)
        except Refused:
            continue


def _reached(first: tuple[str, ...], divs: list[Received]) -> tuple[str, ...]:
    reached, left = list(first), list(divs)
    while (following := next((div for div in left if div.div in reached), None)) is not None:
        left.remove(following)
        reached += [number for number in following.dest if number not in reached]
    return tuple(reached)
