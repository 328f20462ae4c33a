"""Reading one Identity header value (RFC 8224 section 4): the grammar alone, nothing decoded."""

import re

import msgspec

from trunkward.shaken.causes import Cause, Refused

#: Most Identity headers of one request, and most characters of one and of all together (our limits).
MAX_HEADERS = 10
MAX_HEADER = 8 * 1024
MAX_TOGETHER = 16 * 1024

#: RFC 3261 section 25.1. `info` has its URI in brackets (RFC 8224 section 4), anything may be quoted.
_WORD = r"[A-Za-z0-9\-.!%*_+`'~]++"
_PARAMETER = re.compile(
    rf"[ \t]*+;[ \t]*+({_WORD})(?:[ \t]*+=[ \t]*+"
    rf'(?:<([^<>"\x00-\x20\x7f-\uffff]*+)>|"((?:[^"\\\x00-\x1f]|\\[\x20-\x7e])*+)"|([A-Za-z0-9\-.!%*_+`\'~\[\]:]++)))?',
    re.ASCII,
)
_ESCAPED = re.compile(r"\\(.)")


class Parameters(msgspec.Struct, frozen=True):
    """What stands behind a token; None for what does not. `ppt` without quotes, `info` without brackets."""

    info: str | None
    alg: str | None
    ppt: str | None


def read(value: str) -> tuple[str, str, str, str]:
    """Take one value apart: header, payload and signature, not looked into, and the text of its parameters.

    The first two are empty in the compact form. Raises `Refused`: header-too-long, header-malformed.
    """
    if len(value) > MAX_HEADER:
        raise Refused(Cause.HEADER_TOO_LONG, f"more than {MAX_HEADER} characters")
    token, semicolon, rest = value.strip(" \t").partition(";")
    parts = token.rstrip(" \t").split(".")
    if len(parts) == 3:
        header, payload, signature = parts
        if signature and (not header) == (not payload):
            return header, payload, signature, semicolon + rest
    raise Refused(Cause.HEADER_MALFORMED, "no token of three parts")


def read_parameters(text: str) -> Parameters:
    """Read all of them, in any order; unknown ones are ignored (RFC 8224 section 4, generic-param).

    Raises `Refused`: header-malformed, parameter-twice.
    """
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None:
            raise Refused(Cause.HEADER_MALFORMED, "a parameter that is none")
        at = match.end()
        name, bracketed, quoted, plain = match.groups()
        name = name.lower()
        if name in found:
            raise Refused(Cause.PARAMETER_TWICE, name)
        if (bracketed is not None) != (name == "info"):
            raise Refused(Cause.HEADER_MALFORMED, "the URI of info, and nothing else, stands in brackets")
        found[name] = bracketed or (_ESCAPED.sub(r"\1", quoted) if quoted is not None else plain or "")
    return Parameters(found.get("info"), found.get("alg"), found.get("ppt"))
