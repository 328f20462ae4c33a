"""Who does something to a node."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A user of the operating system, by the name and number of whoever logged in."""

    name: str
    uid: int

    def __str__(self) -> str:
        """As it stands in a history."""
        return f"{self.name} (uid {self.uid})"
