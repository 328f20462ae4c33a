"""Whom signatures of calls may lead to, as a gate reads it from files that others write.

The policy administrator's list and its revocations are as they were received: whoever relies on them checks
them here, anew, so nobody has to believe the process that fetched them. Where no administrator is named there
is only this node's own test authority, under which a laboratory's calls are good and nobody else's.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography import x509

from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.whole_file import read_plain
from trunkward.settings import Paths
from trunkward.shaken.crl import NO_LIST, CrlRefused, Revocations, read_crl
from trunkward.shaken.trusted_list import TrustedList, read_trusted_list

#: Bytes of a list; the administrator's have a few thousand, of revocations a few hundred thousand.
_MOST_BYTES = 4 << 20
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
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Reads nothing yet. `administered`: an administrator is named. `clock`: seconds since the epoch."""
        self._administered = administered
        self._administrator = paths.policy_administrator
        self._list = paths.trusted_list
        self._revocations = paths.revocations
        self._test = PkiFiles(paths.pki).shaken_authority
        self._hard = hard
        self._clock = clock
        self._seen: object = None
        self._read_s = 0.0
        self._edition = 0
        self._told = ""
        #: As it is now; None: there is no list that is good.
        self.trust: Trust | None = None

    def is_behind(self) -> bool:
        """Whether the files are others than those that were read, or may have ended since."""
        return self._mark() != self._seen or self._clock() - self._read_s > _AGAIN_S

    def refresh(self) -> None:
        """Reads them. What is no good is said once, and then there is none. Never raises."""
        self._seen, self._read_s, said = self._mark(), self._clock(), ""
        try:
            trust = self._read()
        except (OSError, ValueError) as problem:  # all refusals are such
            trust, said = None, str(problem)
        if said and said != self._told:
            _log.error("no list of trusted authorities: calls go unverified", problem=said)
        self._told = said
        self.trust = trust

    def _read(self) -> Trust:
        self._edition += 1
        if not self._administered:
            roots = x509.load_pem_x509_certificates(read_plain(self._test, _MOST_BYTES))
            written_s = self._test.stat().st_mtime
            return Trust(
                authorities=TrustedList.of(*roots), is_test=True, listed_s=written_s, edition=self._edition
            )
        signers = x509.load_pem_x509_certificates(read_plain(self._administrator, _MOST_BYTES))
        return Trust(
            authorities=read_trusted_list(read_plain(self._list, _MOST_BYTES), signers, self._clock()),
            revocations=self._read_revocations(signers),
            hard=self._hard,
            listed_s=self._list.stat().st_mtime,
            edition=self._edition,
        )

    def _read_revocations(self, signers: list[x509.Certificate]) -> Revocations:
        """What cannot be read says nothing of any certificate: never that it is good (`Status.UNKNOWN`)."""
        try:
            return read_crl(read_plain(self._revocations, _MOST_BYTES), signers, self._clock())
        except FileNotFoundError:
            return NO_LIST
        except (OSError, CrlRefused) as problem:
            _log.error("revocations not taken", problem=str(problem))
            return NO_LIST

    def _mark(self) -> object:
        return tuple(map(_state, (self._administrator, self._list, self._revocations, self._test)))


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
