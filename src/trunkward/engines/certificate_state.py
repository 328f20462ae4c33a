"""How the processes of `certificates` are getting on: files that `status` reads, with nothing secret."""

from datetime import datetime
from pathlib import Path

import msgspec

from trunkward.control.shown_certificate import Lifetime
from trunkward.engines.whole_file import read_plain, write_whole

_MAX_BYTES = 64 * 1024


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """What all say of themselves."""

    #: When this was written.
    at: datetime
    #: What the process runs, and when it was started.
    version: str = ""
    since: datetime | None = None


class ObtainState(ProcessState, frozen=True, kw_only=True):
    """Of the process that speaks ACME."""

    #: The authority's directory.
    directory: str
    #: Whether an order runs now; only then does anybody listen for HTTP-01.
    ordering: bool = False
    #: End of the certificate it obtained last.
    until: datetime | None = None
    #: When it asks for one next.
    next_attempt: datetime | None = None
    #: Failures in a row, and what was wrong the last time.
    failures: int = 0
    problem: str = ""


class PlaceState(msgspec.Struct, frozen=True, kw_only=True):
    """Of one certificate from elsewhere."""

    #: End, and begin, of what is in use; None: nothing from elsewhere is in use yet.
    begins: datetime | None = None
    until: datetime | None = None
    #: SHA-256 of it in DER, lower-case hex.
    sha256: str = ""
    #: Why what lies ready is not in use, or whether Kamailio does not show it.
    problem: str = ""


class ShownState(ProcessState, frozen=True, kw_only=True):
    """Of the process that puts certificates into use."""

    places: dict[str, PlaceState]


class ListState(msgspec.Struct, frozen=True, kw_only=True):
    """Of a list that is fetched again and again: the one in force."""

    #: When it was fetched; None: there is none.
    at: datetime | None = None
    #: Until when it may be believed.
    until: datetime | None = None
    #: What is in it: authorities, or revoked certificates.
    entries: int = 0
    next_attempt: datetime | None = None
    #: Why there is no newer one.
    problem: str = ""


class IdentityState(msgspec.Struct, frozen=True, kw_only=True):
    """Of one identity: the certificate its calls are signed under."""

    spc: str
    #: `test`, `files` or `acme`, and the authority's directory.
    source: str
    #: Of the certificate in use; None: there is none.
    begins: datetime | None = None
    until: datetime | None = None
    #: When the one before ended, where that is why there is none.
    ended: datetime | None = None
    #: Serial number, lower-case hex, and who issued it.
    serial: str = ""
    issuer: str = ""
    #: Where it is published, and when it was last found there.
    url: str = ""
    found: datetime | None = None
    #: Why it was not, the last time; what is odd about how it is served.
    not_found: str = ""
    served: str = ""
    #: `good`, `revoked` or `unknown`.
    revocation: str = "unknown"
    #: When one is asked for next; None: nobody asks.
    next_attempt: datetime | None = None
    #: One that was issued, and waits to be found where it is published.
    waiting_url: str = ""
    failures: int = 0
    #: What is wrong; "": nothing.
    problem: str = ""

    @property
    def lifetime(self) -> Lifetime | None:
        """Of the certificate in use."""
        return Lifetime(begins=self.begins, ends=self.until) if self.begins and self.until else None


class IdentitiesState(ProcessState, frozen=True, kw_only=True):
    """Of the process that speaks with the authorities of SHAKEN."""

    trusted_list: ListState = ListState()
    revocations: ListState = ListState()
    identities: dict[str, IdentityState] = {}
    #: The last wish of a person's that was done (`Paths.identities_renew`).
    renewed: str = ""


def write_state(path: Path, state: ObtainState | ShownState | IdentitiesState) -> None:
    """For everybody to read. Raises `OSError`."""
    write_whole(path, msgspec.json.encode(state), 0o644, durable=False)


def read_state[T: ProcessState](path: Path, kind: type[T]) -> T | None:
    """What stands there; None when nothing does, or nothing that can be read."""
    try:
        return msgspec.json.decode(read_plain(path, _MAX_BYTES), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None
