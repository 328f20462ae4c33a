"""What the fetcher remembers of hosts of certificates: a few for each sender, those that were asked last."""

import time
from collections.abc import Callable

from trunkward.engines.fetcher_hosts import HostSeen, HostsSeen
from trunkward.fetch.chains import Why

#: Hosts of one sender: a caller who names them without end has those of his own sender forgotten, no others.
MOST = 50
#: Characters of a name that is shown.
_SHOWN = 255


class Hosts:
    """Belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock`: seconds since the epoch."""
        self._clock = clock
        self._since = clock()
        #: By sender, then by host; the one that was asked last is the last.
        self._seen: dict[str, dict[str, HostSeen]] = {}
        self.has_changed = False

    def asked(self, sender: str, host: str, took_s: float, why: Why | None = None) -> None:
        """It was asked, and took so many seconds; `why` it gave nothing, if so."""
        host = host[:_SHOWN]
        theirs = self._seen.setdefault(sender, {})
        one = theirs.pop(host, None) or HostSeen(sender=sender, host=host)
        if why is None:
            one.fetched += 1
        else:
            one.failed[why] = one.failed.get(why, 0) + 1
        one.total_s += took_s
        one.slowest_s = max(one.slowest_s, took_s)
        one.at = self._clock()
        theirs[host] = one
        while len(theirs) > MOST:
            del theirs[next(iter(theirs))]
        self.has_changed = True

    def told(self) -> HostsSeen:
        """All that is remembered."""
        self.has_changed = False
        return HostsSeen(
            since=self._since, hosts=[one for theirs in self._seen.values() for one in theirs.values()]
        )
