"""Which numbers a trunk's calls may show, and what else is said about numbers."""

from dataclasses import dataclass
from enum import StrEnum


class OtherCaller(StrEnum):
    """What becomes of a call from a number its trunk may not show."""

    REFUSE = "refuse"
    REPLACE = "replace"


class Diverting(StrEnum):
    """What of Diversion (RFC 5806) and History-Info (RFC 7044) goes to carriers."""

    DROP = "drop"
    #: The entries of the trunk's own numbers.
    OWN = "own"
    PASS = "pass"  # noqa: S105  # what goes on, no password


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerRule:
    """A trunk's rule for calling numbers."""

    other: OtherCaller = OtherCaller.REFUSE
    #: One of its own, E.164 with `+`: shown instead of others, and the real number of anonymous calls that
    #: name none; "": none.
    number: str = ""
    #: A foreign number may be shown on a call that one of its own numbers has diverted.
    forwarded: bool = False


#: Where a file says nothing: only own and verified numbers.
OWN_ONLY = CallerRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule:
    """What is said of one number in an inventory; most have none."""

    #: Trunks that take its calls when its own does not, in order; None: those of its trunk.
    failover: tuple[str, ...] | None = None
    #: False: nobody calls from it, so who shows it is a fake.
    calls_out: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverCalls:
    """A line of a do-not-originate list."""

    #: E.164 with `+`: a whole number, or the beginning of many with `*` behind it.
    number: str
    reason: str = ""
    #: As it stands there, ISO 8601; "": none.
    date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A finding that a trunk may show a number: who found it, on what evidence, until when."""

    #: Number of the version that wrote it down, whose actor and time are its own.
    version: int
    #: E.164 with `+`.
    number: str
    trunk: str
    tenant: str
    #: In words, and SHA-256 of a file that shows it ("": none was given). The file itself is not kept.
    evidence: str
    file_sha256: str
    #: Seconds since the epoch: the first moment at which it no longer holds.
    until: float
    #: Number of the version that took it back; 0: none has.
    withdrawn: int = 0
    #: 16 bytes of chance, hex, with which the journal of acts commits to number and evidence; None: one of a
    #: version before, whose entry says them in clear.
    salt: str | None = None

    def holds(self, at: float) -> bool:
        """Whether it holds at a time, in seconds since the epoch."""
        return not self.withdrawn and at < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberChange:
    """What a version does to findings: a new one, and those that end."""

    #: `verify` or `withdraw`.
    act: str
    number: str
    trunk: str
    added: Verification | None = None
    #: By the version that wrote them down.
    ended: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedNumber:
    """A number that is not a trunk's own, and that somebody found it may show."""

    #: E.164 with `+`.
    number: str
    trunk: str
    #: Seconds since the epoch: the first moment at which it no longer holds.
    until: float
