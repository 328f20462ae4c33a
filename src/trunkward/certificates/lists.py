"""The trusted list and the revocation list: fetched again and again, checked, kept as they were received.

Whoever relies on one reads its file and checks it anew: nobody has to believe this process. The one in force
stays until a better one is on the disk.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from trunkward.engines.certificate_state import ListState
from trunkward.engines.identity_task import IdentitiesTask
from trunkward.engines.pause import NO_PAUSE, Pause
from trunkward.engines.whole_file import read_plain, write_whole
from trunkward.fetch.policy_administrator import (
    MAX_LIST_BYTES,
    MAX_REVOCATIONS_BYTES,
    PolicyAdministrator,
    PolicyFailed,
)
from trunkward.shaken.crl import NO_LIST, CrlRefused, Revocations, read_crl
from trunkward.shaken.trusted_list import ListRefused, TrustedList, read_trusted_list

#: Seconds after a failure; it doubles, up to the ordinary time between two looks.
FIRST_RETRY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Read[T]:
    """A list that was found good."""

    value: T
    until: datetime | None
    entries: int


class KeptList[T]:
    """One of the two."""

    def __init__(
        self,
        file: Path,
        *,
        every_s: float,
        max_bytes: int,
        fetch: Callable[[], bytes],
        read: Callable[[bytes, T | None, datetime], Read[T]],
        log: Any,
    ) -> None:
        """What is on the disk is in force, if it still can be.

        `read` hears which one is known, and raises `ListRefused`, `CrlRefused`.
        """
        self._file, self._every_s, self._max_bytes = file, every_s, max_bytes
        self._fetch, self._read, self._log = fetch, read, log
        self._failures = 0
        self._held: Read[T] | None = None
        #: From when it was fetched, or could not be: over a restart, too.
        self._pause = NO_PAUSE
        self.state = ListState()
        now = datetime.now(UTC)
        try:
            found = read(read_plain(file, max_bytes + 1), None, now)
            self._hold(found, datetime.fromtimestamp(file.stat().st_mtime, UTC))
        except FileNotFoundError:
            pass
        except Exception as problem:  # as in `round`
            self.state = ListState(problem=f"{file}: {_said(problem)}")

    @property
    def value(self) -> T | None:
        """The list in force; None: there is none."""
        return self._held.value if self._held else None

    def round(self, now: datetime) -> bool:
        """Fetches it if it is time; whether another is in force now. Never raises."""
        if not self._pause.is_over(now.timestamp()):
            return False
        try:
            content = self._fetch()
            if len(content) > self._max_bytes:
                raise ListRefused("too-large", f"more than {self._max_bytes} bytes")
            found = self._read(content, self.value, now)
            write_whole(self._file, content, 0o644)
            self._hold(found, now)
        except Exception as why:  # whatever a hostile answer has found in a library: others may be good
            problem = _said(why)
            self._failures += 1
            wait_s = min(FIRST_RETRY_S * 2.0 ** min(self._failures - 1, 20), self._every_s)
            next_attempt = self._rest(now, wait_s)
            if problem != self.state.problem:
                self._log.error("list not renewed", file=str(self._file), problem=problem)
            self.state = ListState(
                at=self.state.at,
                until=self.state.until,
                entries=self.state.entries,
                next_attempt=next_attempt,
                problem=problem,
            )
            return False
        return True

    def hurry(self) -> None:
        """The next round fetches it."""
        self._pause = NO_PAUSE

    def _hold(self, found: Read[T], at: datetime) -> None:
        self._held, self._failures = found, 0
        next_attempt = self._rest(at, self._every_s)
        self.state = ListState(at=at, until=found.until, entries=found.entries, next_attempt=next_attempt)

    def _rest(self, since: datetime, for_s: float) -> datetime:
        """Leaves it alone, and says until when."""
        self._pause = Pause(since.timestamp(), for_s)
        return since + timedelta(seconds=for_s)


class Lists:
    """Both, of one policy administrator."""

    def __init__(self, task: IdentitiesTask, log: Any) -> None:
        """Reads what is there. Raises `OSError`, `ValueError` without the administrator's certificate."""
        self._signers = x509.load_pem_x509_certificates(Path(task.certificates).read_bytes())
        administrator = PolicyAdministrator(task.administrator, Path(task.trusted))
        self._trusted = KeptList(
            Path(task.trusted_list),
            every_s=task.list_every_s,
            max_bytes=MAX_LIST_BYTES,
            fetch=administrator.trusted_list,
            read=self._read_list,
            log=log,
        )
        self._revocations = KeptList(
            Path(task.revocations),
            every_s=task.revocations_every_s,
            max_bytes=MAX_REVOCATIONS_BYTES,
            fetch=lambda: _der(administrator.revocations()),
            read=self._read_revocations,
            log=log,
        )

    @property
    def trusted(self) -> TrustedList | None:
        """In force; None: there is none, and nothing is trusted."""
        return self._trusted.value

    @property
    def revocations(self) -> Revocations:
        """In force, or `NO_LIST`."""
        return self._revocations.value or NO_LIST

    @property
    def states(self) -> tuple[ListState, ListState]:
        """How both are getting on."""
        return self._trusted.state, self._revocations.state

    def hurry(self) -> None:
        """Both are fetched with the next round, whatever failed before."""
        self._trusted.hurry()
        self._revocations.hurry()

    def round(self, now: datetime) -> bool:
        """Fetches what is due; whether one of them changed."""
        changed = self._trusted.round(now)
        return self._revocations.round(now) or changed

    def _read_list(self, content: bytes, known: TrustedList | None, now: datetime) -> Read[TrustedList]:
        sequence = known.sequence if known is not None else 0
        found = read_trusted_list(content, self._signers, now.timestamp(), known=sequence)
        until = datetime.fromtimestamp(found.expires_s, UTC) if found.expires_s is not None else None
        return Read(value=found, until=until, entries=len(found.roots))

    def _read_revocations(
        self, content: bytes, known: Revocations | None, now: datetime
    ) -> Read[Revocations]:
        found = read_crl(content, self._signers, now.timestamp(), known=known or NO_LIST)
        until = datetime.fromtimestamp(found.next_update_s, UTC)
        return Read(value=found, until=until, entries=len(found.revoked))


def _said(problem: Exception) -> str:
    """What is wrong; of what nobody foresaw its kind, too."""
    foreseen = isinstance(problem, PolicyFailed | ListRefused | CrlRefused | OSError)
    return str(problem) if foreseen else f"{type(problem).__name__}: {problem}"


def _der(content: bytes) -> bytes:
    """The same list in DER: both forms are met."""
    if not content.startswith(b"-----BEGIN"):
        return content
    try:
        return x509.load_pem_x509_crl(content).public_bytes(Encoding.DER)
    except ValueError as problem:
        raise CrlRefused("unreadable", str(problem)) from None
