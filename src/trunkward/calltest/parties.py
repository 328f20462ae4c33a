"""Who takes part in a call test: the customer's PBX, the carriers, the node between them."""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trunkward.numbering.nanp import why_invalid


class PartyKind(StrEnum):
    """On which side of the border a party stands."""

    CUSTOMER = "customer"
    CARRIER = "carrier"


class Transport(StrEnum):
    """What carries SIP between the party and the node."""

    TLS = "tls"
    UDP = "udp"


class Media(StrEnum):
    """How a party protects its media: SDES (RFC 4568), DTLS-SRTP (RFC 5764), or not at all."""

    SDES = "sdes"
    DTLS_SRTP = "dtls-srtp"
    PLAIN = "rtp"


class NotALabError(Exception):
    """The configuration holds no party that the call test could play itself; the message says why."""


def require_fictional(number: str) -> None:
    """Raises `NotALabError` for a calling number (E.164 with plus) that is not one kept for fiction."""
    if why_invalid(number) != "number-fictional":
        raise NotALabError(
            f"{number} may be somebody's: call-test calls only from numbers that are kept for fiction (+1, "
            "an area code, 555-0100 to 555-0199); give it one: --from"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabParty:
    """One party of the lab, played by a user agent on this machine.

    `sip_port` is where the party listens on its own transport. `numbers` are E.164 with a leading plus: the
    customer's own inventory, or for a carrier the numbers it answers. Certificate, key and CA are PEM files
    and stay None for a party without TLS. `sbc_host` and `sbc_port` are the node's listener for it.
    """

    kind: PartyKind
    name: str
    sip_host: str
    sip_port: int
    transport: Transport
    media: Media
    numbers: tuple[str, ...]
    sbc_host: str
    sbc_port: int
    certificate: Path | None = None
    private_key: Path | None = None
    ca: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a party we could not play: it must listen on a loopback address, and TLS needs its files."""
        if not ipaddress.ip_address(self.sip_host).is_loopback:
            raise NotALabError(
                f"{self.kind} {self.name} is at {self.sip_host}: call-test plays both parties itself, "
                "so it needs a party on a loopback address"
            )
        if self.transport is Transport.TLS:
            for what, path in (
                ("certificate", self.certificate),
                ("private key", self.private_key),
                ("CA", self.ca),
            ):
                if path is None:
                    raise NotALabError(f"{self.kind} {self.name} speaks TLS but has no {what} file")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabShaken:
    """What the Identity check measures against: the test authority's files and the provider's code.

    `administered`: whom the node believes is a policy administrator's word, and not this authority's.
    """

    authority: Path
    authority_key: Path
    certificate: Path
    spc: str | None = None
    x5u: str | None = None
    administered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """Everything one run of the call test needs to know about the node and its parties."""

    customer: LabParty
    tls_carrier: LabParty
    udp_carrier: LabParty
    foreign_number: str
    """A number that is not in the customer's inventory."""
    replaced_by: str
    """What the customer's rule puts in its place (`caller.number`); "": such calls are refused."""
    shaken: LabShaken
    node_hosts: frozenset[str]
    """The node's own addresses and names: all that a party may see in SDP, Contact and Via."""

    def __post_init__(self) -> None:
        """Refuse parties on one address: what one could see of the other's could not be told."""
        parties = (self.customer, self.tls_carrier, self.udp_carrier)
        at = {"the node": self.customer.sbc_host}
        for party in parties:
            same = next((name for name, host in at.items() if host == party.sip_host), None)
            if same is not None:
                raise NotALabError(
                    f"{party.kind} {party.name} and {same} are both at {party.sip_host}: call-test looks for "
                    "each side's address on the other side, so give each a loopback address of its own"
                )
            at[party.name] = party.sip_host
