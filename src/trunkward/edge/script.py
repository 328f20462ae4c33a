"""The KEMI script: Kamailio calls the functions below by name; each is one line of the call.

1. `ksr_request_route`: hygiene, in-dialog routing, CANCEL; an initial INVITE is suspended.
2. `ksr_judge`, in a worker that may wait: ask the gate, take the first route.
3. `ksr_reply`, `ksr_failure`, `ksr_dialog_reply`: answers, re-INVITE answers.
   `ksr_register`, in such a worker: a REGISTER; `ksr_flow_ended`: its connection is gone.
   `ksr_other`, likewise: an OPTIONS, or what nobody may send here.
4. `ksr_route`, in such a worker again: the next route, or one whose connection had to be opened.
5. `ksr_call_ended`, in a worker for ends: media facts, media end, outcome.
6. `ksr_second`, in the timer's process: time for running calls, and the end of those that have none.
7. `ksr_health`, in a process of its own: whether carriers are there.
8. `ksr_numbers`, in another timer's process: Kamailio's statistics, once a second.
"""

import gc
import os
import sys
from collections.abc import Callable

# Kamailio's interpreter is the system's: it does not know where this package is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from trunkward.edge import attempt, groups, guard, ksr, ladder, own_bye, settings
from trunkward.edge.announcements import Announcements
from trunkward.edge.answers import Answers
from trunkward.edge.bindings import BindingTable
from trunkward.edge.calls import Calls, reject
from trunkward.edge.dialogs import Dialogs
from trunkward.edge.endings import Endings
from trunkward.edge.gate import GateClient
from trunkward.edge.grants import Grants
from trunkward.edge.hang_up import HangUp
from trunkward.edge.health import Health
from trunkward.edge.incoming_replies import IncomingReplies
from trunkward.edge.media import Media
from trunkward.edge.media_watch import MediaWatch
from trunkward.edge.numbers import Numbers
from trunkward.edge.others import Others
from trunkward.edge.outbound_tls import OutboundTls
from trunkward.edge.outcome import Outcomes
from trunkward.edge.peers import Peers
from trunkward.edge.reach import Reach
from trunkward.edge.registrations import Registrations
from trunkward.edge.requests import Requests
from trunkward.edge.rounds import Rounds
from trunkward.edge.route_advance import RouteAdvance
from trunkward.edge.rtpengine import Rtpengine
from trunkward.edge.running import RunningCalls
from trunkward.edge.sides import Sides
from trunkward.edge.stand_in import StandIn
from trunkward.edge.suspended import Suspended
from trunkward.edge.targets import Targets

_settings = settings.load()
ladder.keep_in(_settings.ladder, ksr.log_error)
_ng = (("127.0.0.1", _settings.ng_port), _settings.media_deadline_ms / 1000)
_engine = Rtpengine(*_ng, rest_s=1.0)
_media = Media(_engine)
_running = RunningCalls(_settings.dialogs, _settings.longest_call_s)
_suspended = Suspended()
_bindings = BindingTable(attempt.THIS_EDGE)
_outcomes = Outcomes(_settings.outcomes)
_grants = Grants(_running, _settings.longest_call_s)


def _gate() -> GateClient:
    """This process' own client, by the settings in force."""
    return _edge.now().gate


_endings = Endings(_running, _grants, _media, _outcomes, _gate, groups.RUNNING)
_announcements = Announcements(_engine, _media, _suspended, reject, groups.RUNNING)
#: It keeps what it knows of hosts when settings change.
_health = Health()


class Edge:
    """What follows from the settings in force, built anew with each change of them."""

    def __init__(self, told: settings.EdgeSettings) -> None:
        """Puts the parts together; nothing is opened."""
        _grants.ask_by(told.grant_s)
        self.targets = Targets(told.targets, told.tls_peers, told.peers)
        self.tls = OutboundTls(told.tls_peers, told.tls_authorities, self.targets, told.node)
        _health.follow(told, self.targets, self.tls)
        _bindings.follow(told.peers, told.proofs)
        self.health = _health
        self.reach = Reach(self.tls, _running, _bindings)
        #: For grants, and for ends of calls; calls that are judged have their own.
        self.gate = GateClient(told.gate_sockets, told.gate_deadline_ms / 1000)
        #: For calls of dead nodes: gates are asked in turn, and each is to be asked for grants, too.
        self.gate_of_orphans = GateClient(told.gate_sockets, told.gate_deadline_ms / 1000)
        # of calls being set up: for verdicts, and for places at trunks
        gate = GateClient(told.gate_sockets, told.gate_deadline_ms / 1000)
        self.routes = RouteAdvance(
            gate,
            running=_running,
            grants=_grants,
            media=_media,
            endings=_endings,
            tls=self.tls,
            reach=self.reach,
            suspended=_suspended,
            bindings=_bindings,
            group=groups.SETUP,
            emergency_group=groups.EMERGENCY,
        )
        self.calls = Calls(
            told,
            gate=gate,
            routes=self.routes,
            outcomes=_outcomes,
            targets=self.targets,
            health=self.health,
            announcements=_announcements,
            suspended=_suspended,
            bindings=_bindings,
            group=groups.SETUP,
            emergency_group=groups.EMERGENCY,
        )
        self.replies = IncomingReplies(self.tls, self.health)
        self.answers = Answers(running=_running, grants=_grants, media=_media)
        self.certificates = self.calls.certificates
        self.dialogs = Dialogs(
            running=_running,
            peers=Peers(told.peers, told.departed, self.targets, told.tls12_port),
            media=_media,
            endings=_endings,
            tls=self.tls,
            suspended=_suspended,
            bindings=_bindings,
            gate=self.gate,
            sides=Sides(told.call_id_alphabet, told.call_id_prefix),
            group=groups.RUNNING,
        )
        self.registrations = Registrations(
            GateClient(told.gate_sockets, told.gate_deadline_ms / 1000),
            _bindings,
            peers=told.peers,
            suspended=_suspended,
            group=groups.REGISTER,
        )
        self.others = Others(
            told,
            GateClient(told.gate_sockets, told.gate_deadline_ms / 1000),
            suspended=_suspended,
            bindings=_bindings,
            group=groups.REGISTER,
        )
        self.requests = Requests(
            told,
            others=self.others,
            calls=self.calls,
            dialogs=self.dialogs,
            registrations=self.registrations,
            targets=self.targets,
            announcements=_announcements,
        )


_edge = settings.Followed(Edge, ksr.log_error)
_rounds = Rounds(
    grants=_grants,
    # asked for each second: so this process, too, follows the settings
    gate=_gate,
    # it asks once a second, and no sooner after it was not answered
    watch=MediaWatch(Rtpengine(*_ng, rest_s=0.5)),
    hang_up=HangUp(
        _running,
        _endings,
        lambda: _edge.now().reach,
        Sides(_settings.call_id_alphabet, _settings.call_id_prefix).masked,
    ),
    stand_in=StandIn(
        lambda: _edge.now().gate_of_orphans,
        lambda: _edge.now().reach,
        running=_running,
        grants=_grants,
        endings=_endings,
    ),
)


def _bindings_now() -> BindingTable:
    """The bindings, by the settings in force."""
    _edge.now()
    return _bindings


_numbers = Numbers(_settings.numbers, _settings.dialogs, _settings.registrations, _bindings_now)


def _now(part: str, name: str) -> Callable[..., None]:
    """A callback of the edge in force when it is called."""

    def callback(*arguments: str) -> None:
        getattr(getattr(_edge.now(), part), name)(*arguments)

    callback.__qualname__ = f"{part}.{name}"  # for the log
    return callback


class Callbacks:
    """What Kamailio finds its callbacks on, by name; `child_init` it asks for itself."""

    ksr_request_route = staticmethod(guard.request(ladder.flushed(_now("requests", "received"))))
    ksr_judge = staticmethod(guard.task(ladder.flushed(_now("calls", "judge"))))
    ksr_route = staticmethod(guard.task(ladder.flushed(_now("routes", "route"))))
    ksr_register = staticmethod(guard.task(_now("registrations", "judge")))
    ksr_other = staticmethod(guard.task(_now("others", "judge")))
    ksr_connection_closed = staticmethod(guard.event(_now("registrations", "connection_closed")))
    ksr_flow_ended = staticmethod(guard.event(_now("registrations", "flow_ended")))
    ksr_resumed = staticmethod(guard.transaction(ladder.flushed(_suspended.resumed)))
    ksr_certificate = staticmethod(guard.transaction(ladder.flushed(_now("certificates", "over"))))
    ksr_suspended_failure = staticmethod(guard.transaction(_suspended.given_up))
    ksr_announced = staticmethod(guard.transaction(ladder.flushed(_announcements.over)))
    ksr_fault = staticmethod(guard.transaction(guard.fault))
    ksr_reply = staticmethod(guard.reply(ladder.flushed(_now("answers", "replied"))))
    ksr_failure = staticmethod(guard.transaction(ladder.flushed(_now("routes", "failed"))))
    ksr_dialog_reply = staticmethod(guard.reply(ladder.flushed(_now("dialogs", "replied"))))
    ksr_call_ended = staticmethod(guard.event(_endings.clean_up))
    ksr_media_given_up = staticmethod(guard.event(_endings.clean_up_media))
    ksr_second = staticmethod(guard.event(ladder.flushed(_rounds.second)))
    ksr_htable_event = staticmethod(guard.event(_endings.table_event))
    ksr_any_reply = staticmethod(guard.incoming_reply(ladder.flushed(_now("replies", "came"))))
    ksr_local_request = staticmethod(guard.event(ksr.local_request))
    ksr_own_reply = staticmethod(guard.reply(own_bye.replied))
    ksr_stray_reply = staticmethod(guard.stray_reply)
    ksr_dialog_connected = staticmethod(guard.task(ladder.flushed(_now("dialogs", "connected"))))
    ksr_numbers = staticmethod(guard.event(_numbers.write_down))
    ksr_connect = staticmethod(guard.event(_now("tls", "connect")))
    ksr_health = staticmethod(guard.event(_now("health", "tick")))

    def child_init(self, _rank: int) -> int:
        """Called in each process after the fork; everything is opened lazily instead."""
        return 0


def mod_init() -> Callbacks:
    """Called once by app_python3, before the fork."""
    # what is loaded stays
    gc.freeze()
    return Callbacks()
