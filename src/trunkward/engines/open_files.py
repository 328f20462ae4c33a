"""How many files the node's processes may open: far more than the usual 1024."""

import resource
from contextlib import suppress

#: Kamailio's TCP process holds every connection (`MAX_CONNECTIONS` in `engines/kamailio.py`) beside pipes and
#: sockets; rtpengine holds four sockets for each call.
WANTED = 20_000


def open_files() -> int:
    """The limit to start processes under: `WANTED`, or what this system lets us have.

    Root may raise the hard limit, but not in every container (CAP_SYS_RESOURCE, getrlimit(2)).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < WANTED:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, WANTED))
            return WANTED
        return hard
    return WANTED
