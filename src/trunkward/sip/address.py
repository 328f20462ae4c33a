"""Addresses in headers that list them: `"Name" <URI>;parameter=value, ...` (RFC 3261 section 25.1)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

#: Characters of one header value that is looked at, and addresses that are read of all values (our limits).
MAX_VALUE = 1024
MAX_ADDRESSES = 10

# possessive, so that no text makes them try twice
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
_WORD = r"[A-Za-z0-9.!%*_+`'~-]++"
_BRACKETED = re.compile(rf'[ \t]*+(?:{_QUOTED}[ \t]*+|[^"<>,;:]*+)<([^<>" \t]*+)>', re.ASCII)
#: Without brackets what follows a semicolon belongs to the header (section 20).
_BARE = re.compile(r'[ \t]*+((?:sips?|tel):[^<>",; \t]++)', re.ASCII | re.IGNORECASE)
_PARAMETER = re.compile(rf'[ \t]*+;[ \t]*+({_WORD})(?:[ \t]*+=[ \t]*+({_QUOTED}|[^<>",; \t]++))?', re.ASCII)
_COMMA = re.compile(r"[ \t]*+(?:,|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address of a header."""

    #: The URI, unread.
    uri: str
    #: Of the header, not of the URI; by lower-case name, "" for one without a value.
    parameters: dict[str, str]


def read_addresses(values: Iterable[str]) -> list[Address]:
    """The addresses of a header's values in their order; a value is read up to what is no address in it."""
    found: list[Address] = []
    for value in values:
        at = 0
        while at < len(value) <= MAX_VALUE and len(found) < MAX_ADDRESSES:
            uri = _BRACKETED.match(value, at) or _BARE.match(value, at)
            if uri is None:
                break
            at, parameters = uri.end(), dict[str, str]()
            while (parameter := _PARAMETER.match(value, at)) is not None:
                parameters[parameter[1].lower()] = parameter[2] or ""
                at = parameter.end()
            end = _COMMA.match(value, at)
            if end is None:
                break
            at = end.end()
            found.append(Address(uri=uri[1], parameters=parameters))
    return found
