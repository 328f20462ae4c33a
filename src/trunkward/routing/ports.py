"""What routing asks of the compiled policy, and of DNS."""

from dataclasses import dataclass
from typing import Protocol

from trunkward.trunks.model import Address, Carrier


class RouteBook(Protocol):
    """Prefixes and carriers; `admission.snapshot.Snapshot` is one."""

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """All carriers, in the file's order."""

    def longest_prefix(self, number: str) -> tuple[Carrier, ...]:
        """Enabled carriers with the longest prefix of a number."""


class NamesUnavailable(Exception):
    """DNS gave no answer; the message says to which question, and why."""


class ZoneUnavailable(NamesUnavailable):
    """DNS is there, and has no answer about this name: the servers of its zone give none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naptr:
    """RFC 3403 section 4.1, without the expression, which SIP does not use."""

    order: int
    preference: int
    flags: str
    service: str
    #: Without the dot at its end.
    replacement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Srv:
    """RFC 2782."""

    priority: int
    weight: int
    port: int
    #: Without the dot at its end; "." when the service is not there.
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer[T]:
    """What DNS said: records, or that there are none."""

    records: tuple[T, ...]
    #: Seconds it may be remembered for.
    ttl_s: int


class Names(Protocol):
    """DNS. Each question raises `NamesUnavailable` when nobody answers it."""

    def naptr(self, name: str) -> Answer[Naptr]:
        """NAPTR records."""

    def srv(self, name: str) -> Answer[Srv]:
        """SRV records."""

    def addresses(self, name: str, version: int) -> Answer[Address]:
        """A (version 4) or AAAA (version 6) records."""
