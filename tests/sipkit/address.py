"""Addresses in SIP headers: name-addr, addr-spec and their parameters (RFC 3261 sections 19.1, 20.10 and
25)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_PORT = {"udp": 5060, "tcp": 5060, "tls": 5061}


@dataclass(frozen=True, slots=True, kw_only=True)
class NameAddr:
    """One address with the parameters that stand outside the angle brackets; names of parameters are lower
    case."""

    uri: str
    display: str = ""
    params: Mapping[str, str]

    @property
    def tag(self) -> str:
        """The tag parameter, "" when there is none."""
        return self.params.get("tag", "")


def name_addr(value: str) -> NameAddr:
    """Read `"Display" <uri>;params` or `uri;params`; in the second form all parameters are the header's."""
    before, bracket, rest = _unquoted_partition(value, "<")
    if bracket:
        uri, _, tail = rest.partition(">")
        return NameAddr(uri=uri.strip(), display=before.strip().strip('"'), params=parameters(tail))
    uri, _, tail = value.strip().partition(";")
    return NameAddr(uri=uri, params=parameters(tail))


def _unquoted_partition(value: str, mark: str) -> tuple[str, str, str]:
    quoted = escaped = False
    for index, char in enumerate(value):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == mark and not quoted:
            return value[:index], mark, value[index + 1 :]
    return value, "", ""


def parameters(text: str) -> dict[str, str]:
    """Read `;a=b;c` into a dictionary; a parameter without value has the value ""."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if name.strip():
            found.setdefault(name.strip().lower(), value.strip())
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SipUri:
    """The parts of a sip: or sips: URI that a user agent needs to send to it."""

    scheme: str
    user: str
    host: str
    port: int | None
    params: Mapping[str, str]

    @property
    def transport(self) -> str:
        """The transport to use, lower case: `tls` for sips:, else the parameter, else `udp`."""
        if self.scheme == "sips":
            return "tls"
        return self.params.get("transport", "udp").lower()

    @property
    def effective_port(self) -> int:
        """The port, or the transport's own (RFC 3261 section 19.1.2)."""
        return self.port if self.port is not None else DEFAULT_PORT.get(self.transport, 5060)

    @property
    def is_loose_router(self) -> bool:
        """True when the URI carries `lr` (RFC 3261 section 19.1.1)."""
        return "lr" in self.params


def sip_uri(text: str) -> SipUri:
    """Read a SIP URI.

    Raises:
        ValueError: the scheme is neither sip nor sips, or the port is no number.
    """
    scheme, _, rest = text.strip().partition(":")
    if scheme.lower() not in ("sip", "sips"):
        raise ValueError(f"not a SIP URI: {text!r}")
    rest = rest.partition("?")[0]
    user, at, after = rest.rpartition("@")
    hostport, _, tail = after.partition(";") if at else rest.partition(";")
    if hostport.startswith("["):
        host, _, port = hostport[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = hostport.partition(":")
    return SipUri(
        scheme=scheme.lower(),
        user=user,
        host=host,
        port=int(port) if port else None,
        params=parameters(tail),
    )
