"""Whom signatures of calls may lead to, as a gate reads it from files that others write.

The policy administrator's list and its revocations are as they were received: whoever relies on them checks
them here, anew, so nobody has to believe the process that fetched them, and holds what was good
(`engines.held_lists`), so that nobody can take it back. Where no administrator is named there is only this
node's own test authority, under which a laboratory's calls are good and nobody else's.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography import x509

from trunkward.engines.held_lists import TRUSTED, HeldLists, tell
from trunkward.engines.pause import NO_PAUSE, Pause
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.whole_file import read_plain
from trunkward.settings import Paths
from trunkward.shaken.crl import NO_LIST, Revocations
from trunkward.shaken.trusted_list import TrustedList

#: Bytes of the test authority's certificate.
_MOST_BYTES = 64 << 10
#: Seconds after which files are read again though they are as they were: a list ends, and then is none.
_AGAIN_S = 60.0

_log = structlog.get_logger("gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom to trust, at one moment."""

    authorities: TrustedList
    revocations: Revocations = NO_LIST
    #: Without a fresh revocation list no certificate is good.
    hard: bool = False
    #: No administrator is named: nobody's authority but our own test one.
    is_test: bool = False
    #: Seconds since the epoch: when the list was written here.
    listed_s: float = 0.0
    #: Another one for each content.
    edition: int = 0


class TrustFiles:
    """Reads the files again when they have changed."""

    def __init__(
        self,
        paths: Paths,
        *,
        administered: bool,
        hard: bool = False,
        gate: int = 0,
        only_reads: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Reads no list yet. `administered`: an administrator is named. `clock`: seconds since the epoch.

        `gate`: number of the gate that holds these lists, over its restarts; `only_reads`: somebody else
        asks, and goes by what that gate holds.
        """
        self._administered = administered
        self._lists = HeldLists(
            trusted_list=paths.trusted_list,
            revocations=paths.revocations,
            administrator=paths.policy_administrator,
            kept=paths.held_lists,
            keeps=not only_reads,
            prefix=f"gate-{gate}.",
        )
        self._tells = paths.held_lists / f"gate-{gate}.json" if administered and not only_reads else None
        self._test = PkiFiles(paths.pki).shaken_authority
        self._hard = hard
        self._clock = clock
        self._seen: object = None
        self._fresh = NO_PAUSE
        self._edition = 0
        self._listed_s = 0.0
        self._said: dict[str, str] = {}
        #: As it is now; None: there is no list that is good.
        self.trust: Trust | None = None

    def is_behind(self) -> bool:
        """Whether the files are others than those that were read, or may have ended since."""
        return self._mark() != self._seen or self._fresh.is_over(self._clock())

    @property
    def problems(self) -> dict[str, str]:
        """By list, why the one in its file is not the one in force."""
        return self._lists.problems

    def refresh(self) -> None:
        """Reads them. What is no good is said once; the one before stays, or there is none. Never raises."""
        self._seen, self._fresh = self._mark(), Pause(self._clock(), _AGAIN_S)
        said: dict[str, str] = {}
        try:
            trust = self._read()
        except Exception as problem:  # whatever a file has found in a library: a gate goes on
            trust = None
            said["no list of trusted authorities: calls go unverified"] = str(problem)
        said |= {f"list not taken from its file: {which}": why for which, why in self.problems.items()}
        for what, why in said.items():
            if self._said.get(what) != why:
                _log.error(what, problem=why)
        self._said = said
        self.trust = trust
        if self._tells is not None:
            tell(self._tells, self._clock(), self.problems)

    def _read(self) -> Trust:
        self._edition += 1
        if not self._administered:
            roots = x509.load_pem_x509_certificates(read_plain(self._test, _MOST_BYTES))
            written_s = self._test.stat().st_mtime
            return Trust(
                authorities=TrustedList.of(*roots), is_test=True, listed_s=written_s, edition=self._edition
            )
        held = self._lists.look(self._clock())
        if not held.problems.get(TRUSTED):
            self._listed_s = self._lists.trusted_list.stat().st_mtime
        return Trust(
            authorities=held.trusted,
            revocations=held.revocations,
            hard=self._hard,
            listed_s=self._listed_s,
            edition=self._edition,
        )

    def _mark(self) -> object:
        lists = self._lists
        return tuple(map(_state, (lists.administrator, lists.trusted_list, lists.revocations, self._test)))


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
