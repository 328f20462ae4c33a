"""The policy administrator's two lists, as one process that relies on them holds them: never older ones.

Who fetches them speaks with strangers, and its files are its own: it could write last week's revocation
list, rubbish or nothing, and what was revoked would be good again. So what was found good once is held, in
memory and in files of the process that holds it, and looked at like any other: a newer list takes its place,
and what is older, damaged or gone does not. A trusted list ends when it says so; what a revocation list can
say when it is old, it knows itself (`shaken.crl.Revocations.status`).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from cryptography import x509

from trunkward.engines.whole_file import read_plain, write_whole
from trunkward.shaken.crl import NO_LIST, Revocations, read_crl
from trunkward.shaken.trusted_list import ListRefused, TrustedList, read_trusted_list

#: Bytes of a list; the administrator's have a few thousand, of revocations a few hundred thousand.
_MOST_BYTES = 4 << 20
#: Names of what is wrong with a list, for whoever tells it; those of `trunkward_list_failing`.
TRUSTED, REVOCATIONS = "trusted", "revocations"
#: Seconds after which nobody keeps up any more what was told (`told`): it is looked at each minute.
_STALE_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Both lists at one moment."""

    trusted: TrustedList
    revocations: Revocations
    #: By list, why the one in its file is not the one in force; without the ones that are.
    problems: Mapping[str, str]


@dataclass(slots=True)
class _One:
    """One of the two: its file, where it is held, and its bytes."""

    file: Path
    kept: Path
    keeps: bool
    content: bytes = b""
    #: Why the file was not taken, the last time it was looked at; "": it was.
    problem: str = ""

    def __post_init__(self) -> None:
        with suppress(OSError):
            self.content = read_plain(self.kept, _MOST_BYTES)

    def newest[T](self, read: Callable[[bytes, T | None], T]) -> T | None:
        """What is held, or what is in the file, if that is no older. `read` raises for what is not taken."""
        held = None
        if self.content:
            with suppress(Exception):  # it has ended, its signer is not named any more, its copy is damaged
                held = read(self.content, None)
        self.problem = ""
        try:
            content = read_plain(self.file, _MOST_BYTES)
            if content == self.content and held is not None:
                return held
            found = read(content, held)
        except Exception as problem:  # whatever a hostile file has found in a library
            self.problem = f"{self.file}: {problem.strerror if isinstance(problem, OSError) else problem}"
            return held
        self.content = content
        if self.keeps:
            with suppress(OSError):  # then it is held in memory alone
                write_whole(self.kept, content, 0o644)
        return found


@dataclass(slots=True, kw_only=True)
class HeldLists:
    """Where both are read from, and what is held of them. For one thread at a time."""

    trusted_list: Path
    revocations: Path
    #: PEM: the certificates both are signed under, which a person has named.
    administrator: Path
    #: Where what is held is kept, each under its name.
    kept: Path
    #: Whether it is written there, too; who only reads goes by what another has found good.
    keeps: bool = True
    #: Goes before the names of what is kept, where several share a directory.
    prefix: str = ""
    _trusted: _One = field(init=False)
    _revocations: _One = field(init=False)

    def __post_init__(self) -> None:
        """Reads what was kept; it is believed no more than any other (`look`)."""
        self._trusted, self._revocations = (
            _One(file, self.kept / f"{self.prefix}{file.name}", self.keeps)
            for file in (self.trusted_list, self.revocations)
        )

    @property
    def problems(self) -> dict[str, str]:
        """By list, why its file was not taken at the last look."""
        both = {TRUSTED: self._trusted.problem, REVOCATIONS: self._revocations.problem}
        return {which: problem for which, problem in both.items() if problem}

    def look(self, now_s: float) -> Held:
        """Both as they are at `now_s`, in seconds since the epoch.

        Raises `ListRefused` where there is no trusted list that is good, `OSError` or `ValueError` without a
        certificate of the administrator's. A revocation list that cannot be had is `NO_LIST`.
        """
        signers = x509.load_pem_x509_certificates(read_plain(self.administrator, _MOST_BYTES, follow=True))

        def read_list(content: bytes, known: TrustedList | None) -> TrustedList:
            return read_trusted_list(content, signers, now_s, known=known.sequence if known else 0)

        def read_revocations(content: bytes, known: Revocations | None) -> Revocations:
            return read_crl(content, signers, now_s, known=known or NO_LIST)

        revocations = self._revocations.newest(read_revocations) or NO_LIST
        trusted = self._trusted.newest(read_list)
        if trusted is None:
            raise ListRefused("list-missing", self._trusted.problem)
        return Held(trusted=trusted, revocations=revocations, problems=self.problems)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate says of the lists it holds, for `status`, `web` and the worker."""

    #: Seconds since the epoch.
    at: float
    problems: dict[str, str]


def tell(file: Path, at: float, problems: Mapping[str, str]) -> None:
    """Says what is wrong with the files of both lists. A full disk keeps nobody from verifying."""
    with suppress(OSError):
        write_whole(file, msgspec.json.encode(Told(at=at, problems=dict(problems))), 0o644, durable=False)


def told(directory: Path, now_s: float) -> dict[str, str]:
    """By list, what a gate that runs has told of it: the first that has something to say."""
    found: dict[str, str] = {}
    for file in sorted(directory.glob("gate-*.json")):
        with suppress(OSError, msgspec.MsgspecError):
            said = msgspec.json.decode(read_plain(file, _MOST_BYTES), type=Told)
            if abs(now_s - said.at) < _STALE_S:
                found = {which: f"{file.stem}: {problem}" for which, problem in said.problems.items()} | found
    return found
