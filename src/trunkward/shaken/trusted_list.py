"""The list of trusted certification authorities (ATIS-1000084): a JWT that the policy administrator signed."""

from dataclasses import dataclass
from typing import Self

from cryptography import x509


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedList:
    """The only roots there are; never a system's store."""

    roots: tuple[x509.Certificate, ...]
    #: Counts up with each edition; 0 for a list from a file.
    sequence: int = 0
    #: Seconds since the epoch; None for a list from a file.
    expires_s: int | None = None

    @classmethod
    def of(cls, *roots: x509.Certificate) -> Self:
        """A list from a file of this node."""
        return cls(roots=roots)


def read_trusted_list(token: str, administrator: x509.Certificate, now_s: float) -> TrustedList:
    """Open the administrator's list: signature first, then its content.

    `administrator` is the certificate behind the list's `x5u`, already found good. Raises `ListRefused`.
    """
    raise NotImplementedError


class ListRefused(ValueError):
    """A trusted list that is not taken; `reason` is a stable kebab-case code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """`reason` for machines, `detail` for people."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
