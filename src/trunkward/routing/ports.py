"""What routing asks of the compiled policy."""

from typing import Protocol

from trunkward.trunks.model import Carrier, Trunk


class RouteBook(Protocol):
    """Prefixes, carriers and numbers; `admission.snapshot.Snapshot` is one."""

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """All carriers, in the file's order."""

    def longest_prefix(self, number: str) -> tuple[Carrier, ...]:
        """Enabled carriers with the longest prefix of a number."""

    def number_owner(self, number: str) -> Trunk | None:
        """The trunk a number belongs to."""
