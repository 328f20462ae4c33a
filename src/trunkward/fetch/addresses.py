"""Which addresses are somebody's on the Internet, and which are this machine's, its neighbours' or nobody's.

Who chooses a name also chooses what it resolves to. A URL out of a call must not lead a fetch to loopback, to
a private network or to a cloud's metadata service, in whichever of its forms such an address is written.
"""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from trunkward.trunks.model import Address, Network

#: Prefixes in which an IPv4 address stands in the last 32 bits: a translator on the way goes there instead
#: (RFC 6052 section 2.1; RFC 4291 section 2.5.5.1, deprecated).
_CARRYING = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
#: RFC 8215: translation inside a network. RFC 3056, RFC 4380: tunnels to an IPv4 address somebody chose.
_TRANSLATED = tuple(map(IPv6Network, ("64:ff9b:1::/48", "2002::/16", "2001::/32")))


def why_special(address: Address) -> str:
    """Why nobody on the Internet is at an address (RFC 6890 and its registries), "" for all others."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and any(address in network for network in _CARRYING):
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return f"{why} in {address}" if (why := why_special(inner)) else ""
        if address.scope_id is not None or address.is_site_local:
            return f"{address} is of one network"
        if any(address in network for network in _TRANSLATED):
            return f"{address} leads through a translator or a tunnel"
    if address.is_multicast:
        return f"{address} is of a group"
    if not address.is_global or address.is_reserved:
        return f"{address} is no public address"
    return ""


def why_refused(addresses: Collection[Address], exempt: Collection[Network] = ()) -> str:
    """Why a host with these addresses is not connected to, "" if it may be.

    One address that is special refuses all: the name's owner has no honest use for it. `exempt` ones are let
    through, as they stand there: not those inside of another.
    """
    for address in addresses:
        if any(address.version == network.version and address in network for network in exempt):
            continue
        if why := why_special(address):
            return why
    return ""
