"""The KEMI script: Kamailio calls the functions below by name; each is one line of the call.

1. `ksr_request_route`: hygiene, in-dialog routing, CANCEL; an initial INVITE is suspended.
2. `ksr_judge`, in a worker that may wait: ask the gate, take the first route.
3. `ksr_reply`, `ksr_failure`, `ksr_dialog_reply`: answers, re-INVITE answers.
4. `ksr_route`, in such a worker again: the next route, or one whose connection had to be opened.
5. `ksr_call_ended`, in a worker for ends: media facts, media end, outcome.
6. `ksr_numbers`, in a timer's process: Kamailio's statistics, once a second.
"""

import gc
import os
import sys

# Kamailio's interpreter is the system's: it does not know where this package is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from trunkward.edge import groups, guard, settings
from trunkward.edge.calls import Calls
from trunkward.edge.dialogs import Dialogs
from trunkward.edge.endings import Endings
from trunkward.edge.media import Media
from trunkward.edge.numbers import Numbers
from trunkward.edge.outbound_tls import OutboundTls
from trunkward.edge.outcome import Outcomes
from trunkward.edge.peers import Peers
from trunkward.edge.requests import Requests
from trunkward.edge.rtpengine import Rtpengine
from trunkward.edge.running import RunningCalls
from trunkward.edge.suspended import Suspended

_settings = settings.load()
_engine = Rtpengine(("127.0.0.1", _settings.ng_port), _settings.media_deadline_ms / 1000, rest_s=1.0)
_media = Media(_engine)
_running = RunningCalls(_settings.dialogs, _settings.longest_call_s)
_tls = OutboundTls(_settings.tls_peers, _settings.node)
_suspended = Suspended()
_endings = Endings(_running, _media, Outcomes(_settings.outcomes), groups.RUNNING)
_calls = Calls(
    _settings,
    running=_running,
    media=_media,
    endings=_endings,
    tls=_tls,
    suspended=_suspended,
    group=groups.SETUP,
)
_dialogs = Dialogs(
    running=_running,
    peers=Peers(_settings.peers),
    media=_media,
    endings=_endings,
    tls=_tls,
    suspended=_suspended,
    group=groups.RUNNING,
)
_numbers = Numbers(_settings.numbers, _settings.dialogs)
_requests = Requests(_settings, _calls, _dialogs)


class Callbacks:
    """What Kamailio finds its callbacks on, by name; `child_init` it asks for itself."""

    ksr_request_route = staticmethod(guard.request(_requests.received))
    ksr_judge = staticmethod(guard.task(_calls.judge))
    ksr_route = staticmethod(guard.task(_calls.route))
    ksr_resumed = staticmethod(guard.transaction(_suspended.resumed))
    ksr_suspended_failure = staticmethod(guard.transaction(_suspended.given_up))
    ksr_fault = staticmethod(guard.transaction(guard.fault))
    ksr_reply = staticmethod(guard.reply(_calls.replied))
    ksr_failure = staticmethod(guard.transaction(_calls.failed))
    ksr_dialog_reply = staticmethod(guard.reply(_dialogs.replied))
    ksr_call_ended = staticmethod(guard.event(_endings.clean_up))
    ksr_media_given_up = staticmethod(guard.event(_endings.clean_up_media))
    ksr_htable_event = staticmethod(guard.event(lambda _: _endings.restore()))
    ksr_any_reply = staticmethod(guard.incoming_reply(_calls.any_reply))
    ksr_stray_reply = staticmethod(guard.stray_reply)
    ksr_dialog_connected = staticmethod(guard.task(_dialogs.connected))
    ksr_numbers = staticmethod(guard.event(_numbers.write_down))
    ksr_connect = staticmethod(guard.event(_tls.connect))

    def child_init(self, _rank: int) -> int:
        """Called in each process after the fork; everything is opened lazily instead."""
        return 0


def mod_init() -> Callbacks:
    """Called once by app_python3, before the fork."""
    # what is loaded stays; a callback makes no cycles, so collections may be rare
    gc.freeze()
    gc.set_threshold(50_000)
    return Callbacks()
