"""Which network an address is of, for counting: whoever has one address there can have the others."""

from ipaddress import ip_address, ip_network

#: Bits. What one customer of an access provider is given at most: a site's /48 (RFC 6177), and of IPv4 the
#: least that is routed.
_BITS = {4: 24, 6: 48}


def network_of(address: str) -> str:
    """The network around an address, such as `192.0.2.0/24`; "" for what is no address."""
    try:
        bits = _BITS[ip_address(address).version]
    except ValueError:
        return ""
    return str(ip_network(f"{address.partition('%')[0]}/{bits}", strict=False))
