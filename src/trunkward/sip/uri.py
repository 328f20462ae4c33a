"""A small reader of SIP and tel URIs, which refuses what it does not understand."""

import re
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import unquote

import msgspec

#: Longest URI looked at, in characters (our limit).
MAX_URI = 1024

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.ASCII)
#: RFC 3261 section 25.1: `unreserved`, escaped, `user-unreserved`.
_USER = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/]|%[0-9A-Fa-f]{2})+", re.ASCII)
_VISIBLE = re.compile(r"[\x21-\x7e]+", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


class MalformedUri(ValueError):
    """Not a URI we can read; the message says why."""


class SipUri(msgspec.Struct, frozen=True, kw_only=True):
    """A URI in parts. A `tel` URI has a user only."""

    scheme: str
    #: With its own parameters (`+1...;npdi`), escapes undone, the password gone.
    user: str
    #: Lower-case; an IPv6 address without brackets.
    host: str
    port: int | None
    #: By lower-case name; "" for one without a value.
    params: dict[str, str]


def is_hostname(text: str) -> bool:
    """Whether `text` is a host name by RFC 1123 section 2.1, at most 253 characters."""
    return len(text) <= 253 and _HOSTNAME.fullmatch(text) is not None


def parse_uri(text: str) -> SipUri:
    """Read a `sip`, `sips` or `tel` URI without angle brackets. Raises `MalformedUri`."""
    if len(text) > MAX_URI:
        raise MalformedUri(f"longer than {MAX_URI} characters")
    if not _VISIBLE.fullmatch(text):
        raise MalformedUri("a space, a control character or something outside ASCII in it")
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in ("sip", "sips", "tel"):
        raise MalformedUri("not a sip, sips or tel URI")
    if scheme == "tel":
        return SipUri(scheme=scheme, user=_user(rest), host="", port=None, params={})
    before, at, after = rest.rpartition("@")
    # a '?' may stand in a user part; headers follow the host
    host_part, _, tail = after.partition("?")[0].partition(";")
    host, port = _host_port(host_part)
    user = _user(before.partition(":")[0]) if at else ""
    return SipUri(scheme=scheme, user=user, host=host, port=port, params=_params(tail))


def host_in_uri(host: str) -> str:
    """`host` as it stands in a URI: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def _user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise MalformedUri("a user part with characters that must be escaped")
    try:
        user = unquote(text, errors="strict") if "%" in text else text
    except UnicodeDecodeError:
        raise MalformedUri("escapes that are no text in the user part") from None
    if not _VISIBLE.fullmatch(user):
        raise MalformedUri("an escaped control character, space or non-ASCII in the user part")
    return user


def _host_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        inside, bracket, after = text[1:].partition("]")
        try:
            host = str(IPv6Address(inside))
        except AddressValueError:
            raise MalformedUri("no IPv6 address between the brackets") from None
        if not bracket or "%" in inside or (after and not after.startswith(":")):
            raise MalformedUri("no IPv6 address between the brackets")
        return host, _port(after[1:]) if after else None
    host, colon, port = text.partition(":")
    if not is_hostname(host):
        raise MalformedUri("no host")
    return host.lower(), _port(port) if colon else None


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or not 0 < int(text) < 65_536:
        raise MalformedUri("a port that is none")
    return int(text)


def _params(text: str) -> dict[str, str]:
    params: dict[str, str] = {}
    for part in text.split(";") if text else ():
        name, _, value = part.partition("=")
        if not name or name.lower() in params:
            # RFC 3261 section 19.1.1: any given parameter name must not appear more than once
            raise MalformedUri("an empty or repeated parameter")
        params[name.lower()] = value
    return params
