"""How SIP travels on one hop."""

from enum import StrEnum


class Transport(StrEnum):
    """RFC 3261 section 18, names as in the `transport` parameter."""

    TLS = "tls"
    TCP = "tcp"
    UDP = "udp"
