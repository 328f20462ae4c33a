"""Names, addresses, hosts and networks, as a person may write them."""

import re
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from trunkward.sip.uri import is_hostname
from trunkward.trunks.model import Host, Network


def is_address(text: str) -> bool:
    """Whether it is an IP address, of either version."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def dns_name(text: str) -> str:
    """A host name with its domain, in lower case. Raises `ValueError`."""
    if "." not in text or not is_hostname(text) or is_address(text):
        raise ValueError("write a host name with its domain, such as pbx.acme.example.com")
    return text.lower()


def name_or_address(text: str) -> str:
    """A host name in lower case, or an address as it is written shortest. Raises `ValueError`."""
    if is_address(text):
        return str(ip_address(text))
    if not is_hostname(text) or re.fullmatch(r"[0-9.]+", text):
        raise ValueError("write a host name or an IP address, such as sbc.example.com or 192.0.2.10")
    return text.lower()


def host_and_port(value: Any) -> Host:
    """`host:port`, with brackets round an IPv6 address. Raises `ValueError`."""
    text = value if isinstance(value, str) else ""
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65_536
    if not is_port or bracketed != (":" in bare):
        raise ValueError(
            "write host:port, such as 192.0.2.20:5061, [2001:db8::20]:5061 or sip.example.net:5061"
        )
    return Host(host=name_or_address(bare), port=int(port))


def _network(value: Any) -> Network:
    if not isinstance(value, str):
        raise ValueError("write a network such as 192.0.2.0/24, or one address")
    return _network_of(value)


@lru_cache(maxsize=1 << 16)  # a file and the one before it name the same ones
def _network_of(value: str) -> Network:
    try:
        return ip_network(value)
    except ValueError:
        pass
    try:
        wider = ip_network(value, strict=False)
    except ValueError:
        raise ValueError("write a network such as 192.0.2.0/24, or one address") from None
    raise ValueError(f"{value} has bits set behind its mask; write {wider} for that network")


type DnsName = Annotated[str, AfterValidator(dns_name)]
type Networks = Annotated[list[Annotated[Any, BeforeValidator(_network)]], Field(min_length=1)]
