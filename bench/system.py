"""What can be put under load: the contract between the measurement and a system under test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class FarEnd:
    """The answering carrier, listening before the system under test starts."""

    host: str
    port: int
    #: The name on its certificate.
    server_name: str
    #: The authority that issued it, PEM.
    trust: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkAccess:
    """What one customer needs to call: certificate and key (PEM files), and the URIs it calls from and to."""

    certificate: Path
    key: Path
    caller: str
    called: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A system that is up and takes calls."""

    host: str
    port: int
    server_name: str
    #: The authority the customers check the server against, PEM.
    trust: Path
    trunks: tuple[TrunkAccess, ...]
    #: Everything below this process is counted as the system's.
    root_pid: int


class SystemUnderTest(Protocol):
    """Starts and stops one system."""

    #: Shown as the column's head.
    title: str

    async def start(self, far_end: FarEnd, trunks: int) -> Standing:
        """Start it with this many trunks and one carrier, and return when it takes calls."""

    async def stop(self) -> None:
        """Stop it and everything it started; also after a failed start."""


class SystemFailedError(Exception):
    """The system did not come up; the text holds the end of its log."""
