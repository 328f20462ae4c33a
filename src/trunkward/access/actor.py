"""Who does something to a node."""

from dataclasses import dataclass, field
from enum import StrEnum


class Source(StrEnum):
    """Who says that it is this one."""

    #: The kernel: a login has set it (audit's `loginuid`), and su and sudo do not change it.
    LOGIN = "login"
    #: An environment variable that sudo sets, and that root could set to anything.
    SUDO = "sudo"
    #: Nothing but the process: whoever is root is root.
    PROCESS = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A user of the operating system, by the name and number of whoever logged in."""

    name: str
    uid: int
    #: Known of whoever acts now, and in the journal of who has acted; one read from a history has it not.
    source: Source | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """As it stands in a history."""
        return f"{self.name} (uid {self.uid})"
