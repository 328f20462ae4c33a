"""`node.verification`, and `verification` of carriers and trunks, as a person may write them."""

from ipaddress import ip_network
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from trunkward.control.keys import File, Part
from trunkward.trunks.model import Network, VerificationSettings
from trunkward.trunks.signing import Revocation
from trunkward.trunks.verification import (
    LEAST_WAIT_MS,
    REFUSING,
    WAIT_MS,
    Failed,
    Missing,
    VerificationPolicy,
)

#: Milliseconds; longer than a fetch may take nobody waits.
_MOST_WAIT_MS = 3000


def _network(value: Any) -> Network:
    try:
        network = ip_network(value) if isinstance(value, str) else None
    except ValueError:
        network = None
    if network is None or network.prefixlen == 0:
        raise ValueError('write the network of a laboratory\'s certificate hosts, such as "192.0.2.0/24"')
    return network


class NodeVerificationPart(Part):
    """`node.verification`."""

    ca: File | None = None
    unsafe_networks: Annotated[list[Annotated[Any, BeforeValidator(_network)]], Field(max_length=16)] = Field(
        default_factory=list
    )
    revocation: Annotated[Revocation, Field(strict=False)] = Revocation.SOFT


class VerificationPart(Part):
    """`verification` of a carrier."""

    missing: Annotated[Missing, Field(strict=False)] = Missing.PASS
    failed: Annotated[Failed, Field(strict=False)] = Failed.MARK
    wait_ms: Annotated[int, Field(ge=0, le=_MOST_WAIT_MS)] = WAIT_MS

    @model_validator(mode="after")
    def _waits_for_what_it_refuses(self) -> Self:
        if self.failed in REFUSING and self.wait_ms < LEAST_WAIT_MS:
            raise ValueError(
                f"with failed: {self.failed} wait_ms must be {LEAST_WAIT_MS} or more: a call whose"
                " certificate is not waited for cannot be refused, however bad it is; or let such calls go,"
                " with failed: mark"
            )
        return self


class TransitVerificationPart(VerificationPart):
    """`verification` of a trunk that brings other providers' calls."""

    failed: Annotated[Failed, Field(strict=False)] = Failed.PASS


def settings_of(part: NodeVerificationPart) -> VerificationSettings:
    """The node's."""
    return VerificationSettings(
        ca_file=part.ca or "",
        unsafe_networks=tuple(part.unsafe_networks),
        revocation=Revocation(part.revocation),
    )


def verification_of(part: VerificationPart) -> VerificationPolicy:
    """The policy of a carrier, or of a trunk in transit."""
    return VerificationPolicy(missing=Missing(part.missing), failed=Failed(part.failed), wait_ms=part.wait_ms)
