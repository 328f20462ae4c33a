"""The KEMI script: Kamailio calls the functions below by name; each is one line of the call.

1. `ksr_request_route`: hygiene, in-dialog routing, CANCEL; an initial INVITE is suspended.
2. `ksr_judge`, in the `gate` worker group: ask the gate, apply the verdict.
3. `ksr_reply`, `ksr_failure`, `ksr_dialog_reply`: answers, the next route, re-INVITE answers.
4. `ksr_call_ended`, in the `gate` worker group again: media facts, media end, outcome.
"""

import gc
import os
import sys

# Kamailio's interpreter is the system's: it does not know where this package is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from trunkward.edge import guard, settings
from trunkward.edge.calls import Calls
from trunkward.edge.requests import Requests

_settings = settings.load()
_calls = Calls(_settings)
_requests = Requests(_settings, _calls)


class Callbacks:
    """What Kamailio finds its callbacks on, by name; `child_init` it asks for itself."""

    ksr_request_route = staticmethod(guard.request(_requests.received))
    ksr_judge = staticmethod(guard.transaction(_calls.judge))
    ksr_suspended_failure = staticmethod(guard.transaction(_calls.not_judged))
    ksr_reply = staticmethod(guard.reply(_calls.replied))
    ksr_failure = staticmethod(guard.transaction(_calls.failed))
    ksr_dialog_reply = staticmethod(guard.reply(_calls.replied_in_dialog))
    ksr_call_ended = staticmethod(guard.event(_calls.clean_up))
    ksr_htable_event = staticmethod(guard.event(lambda _: _calls.restore()))
    ksr_any_reply = staticmethod(guard.reply(_calls.any_reply))
    ksr_dialog_connect = staticmethod(guard.transaction(_calls.connect_in_dialog))
    ksr_connect = staticmethod(guard.event(_calls.connect))

    def child_init(self, _rank: int) -> int:
        """Called in each process after the fork; everything is opened lazily instead."""
        return 0


def mod_init() -> Callbacks:
    """Called once by app_python3, before the fork."""
    # what is loaded stays; a callback makes no cycles, so collections may be rare
    gc.freeze()
    gc.set_threshold(50_000)
    return Callbacks()
