"""What the call test needs from the node besides the calls themselves."""

from collections.abc import Mapping
from typing import Any, Protocol


class RecordLookup(Protocol):
    """Finds the node's record of a call."""

    def __call__(self, call_id: str, /) -> Mapping[str, Any] | None:
        """Return the record of the call the caller sent with this Call-ID, or None if there is none yet."""
        ...
