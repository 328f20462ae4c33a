"""What one gate knows of certificates, by their URLs: those that are good apart from what else callers name.

Whoever calls chooses URLs, and there is no end of them. So what leads to nobody we trust makes room only for
what does not either, and of both kinds the one goes first that no call has needed for longest.
"""

from dataclasses import dataclass

from trunkward.engines.fetcher_wire import ChainAnswer
from trunkward.shaken.causes import CredentialFault
from trunkward.shaken.credential import Credential

#: URLs of good certificates; 17,839 were seen in all the United States (2026).
MOST_GOOD = 8192
#: Others, of 16 KiB at most: 16 MiB.
MOST_OTHERS = 1024


@dataclass(slots=True)
class Known:
    """The bytes behind a URL, and what they were worth when somebody looked."""

    answer: ChainAnswer
    credential: Credential | CredentialFault | None = None
    #: Of the trust it was looked at by, and when (seconds since the epoch).
    edition: int = -1
    at_s: float = 0.0


class KnownChains:
    """Those that calls needed last."""

    def __init__(self, most_good: int = MOST_GOOD, most_others: int = MOST_OTHERS) -> None:
        """Knows none yet."""
        self._most_good, self._most_others = most_good, most_others
        self._good: dict[str, Known] = {}
        self._others: dict[str, Known] = {}

    def peek(self, url: str) -> Known | None:
        """What is known of a URL, without a call that needs it."""
        return self._good.get(url) or self._others.get(url)

    def learn(self, url: str, answer: ChainAnswer) -> None:
        """Bytes that nobody has looked at yet."""
        self._place(url, Known(answer))

    def used(self, url: str, known: Known) -> None:
        """A call needs it, and it was looked at."""
        self._place(url, known)

    def _place(self, url: str, known: Known) -> None:
        self._good.pop(url, None)
        self._others.pop(url, None)
        good = isinstance(known.credential, Credential)
        room, most = (self._good, self._most_good) if good else (self._others, self._most_others)
        while len(room) >= most:
            del room[next(iter(room))]
        room[url] = known
