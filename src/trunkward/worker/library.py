"""Keeping Valkey's users and functions as this version has them, also when it comes back without any.

One connection stays open: as long as it stands nothing was lost. Each second the ledger's time is looked at
over it, and vouched for while this machine's clock is known to be right (`live/money.lua`, `look`); and the
other nodes, where there are some, hear that this one is there (`live/nodes.lua`).
"""

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from trunkward.admission.money import longest_s
from trunkward.engines.kernel_clock import read_clock
from trunkward.live import money, nodes
from trunkward.live.ask import NotAnswered, Valkey
from trunkward.settings import Paths
from trunkward.trunks.model import NodeSettings

#: Seconds the first policy waits for Valkey: a gate that has a policy is to find the functions there. Without
#: them it goes by the posture table, so this is no condition.
_FIRST_WITHIN_S = 5.0
_STEP_S = 0.05


class FunctionLibrary:
    """Loads the functions whenever Valkey has been away."""

    def __init__(
        self, paths: Paths, log: Callable[..., Any], node: Callable[[], NodeSettings | None] = lambda: None
    ) -> None:
        """Asks nobody yet; `log` hears once of each trouble. `node`: this one, None until known."""
        self._paths = paths
        self._log = log
        self._node = node
        self._instance = _instance(paths)
        self._valkey: Valkey | None = None
        self._watched: money.Watched | None = None
        #: The ledger's epoch, as it was heard last; 0: not yet.
        self._heard = 0
        self._told = ""
        #: The ledger's currency, where it is another than this node's.
        self._foreign = ""
        #: Monotonic seconds since when another node has held this one's name; None: nobody has.
        self._taken_since: float | None = None

    @property
    def name_taken(self) -> bool:
        """Whether another node goes by this one's name, not this one before its machine was started anew."""
        return self._taken_since is not None and time.monotonic() - self._taken_since > 2 * nodes.HOLD_S

    def load_first(self) -> None:
        """Waits a little for a Valkey that is being started. Never raises."""
        until = time.monotonic() + _FIRST_WITHIN_S
        while (problem := self._load()) and time.monotonic() < until:
            time.sleep(_STEP_S)
        self._tell(problem)

    def round(self) -> None:
        """For each round of the worker. Never raises."""
        if self._valkey is None or not self._valkey.is_there():
            self._tell(self._load())
        if self._valkey is not None:
            self._look(self._valkey)

    def with_ledger(self, act: Callable[[Valkey, money.Watched], None]) -> None:
        """Lets `act` ask the ledger, as this round has found it; without Valkey it is not called."""
        if self._valkey is None or self._watched is None:
            return
        try:
            act(self._valkey, self._watched)
        except NotAnswered:
            self.close()  # the next round finds out why

    def close(self) -> None:
        """Ends the connection."""
        self._watched = None
        if self._valkey is not None:
            self._valkey.close()
            self._valkey = None

    def _load(self) -> str:
        """What hinders, "" when they are loaded."""
        self.close()
        try:
            valkey = Valkey(self._paths.valkey, "worker", self._paths.valkey_secret("worker"))
        except NotAnswered as problem:
            return str(problem)
        try:
            valkey.load(users=not self._paths.live)
        except NotAnswered as problem:
            valkey.close()
            return str(problem)
        self._valkey = valkey
        return ""

    def _look(self, valkey: Valkey) -> None:
        reading = read_clock()
        right = reading is not None and reading.synchronised
        node = self._node()
        currency = node.currency if node is not None else ""
        try:
            # a ledger that has lost all does not know for how long it is frozen
            longest = longest_s(node) if node is not None else 0
            watch = money.watch(longest, time.time() if right else None, currency, self._heard)
            self._watched = money.watched(valkey.ask(*watch))
            self._heard = self._watched.epoch
            if node is not None:
                self._say_currency(self._watched.currency, currency)
                name = node.ledger_name
                self._say_here(nodes.nodes_of(valkey.ask(*nodes.here(name, self._instance))), name)
        except NotAnswered:
            self.close()  # the next round finds out why

    def _say_currency(self, held: str, currency: str) -> None:
        foreign = held if held != currency else ""
        if foreign and foreign != self._foreign:
            self._log(
                "no call that costs money goes: the ledger counts in another currency than node.currency",
                ledger=held,
                node=currency,
            )
        self._foreign = foreign

    def _say_here(self, there: nodes.Nodes, name: str) -> None:
        if not there.taken:
            self._taken_since = None
        elif self._taken_since is None:
            self._taken_since = time.monotonic()
            self._log("another node goes by this one's name: write another node.id", id=name)

    def _tell(self, problem: str) -> None:
        if problem and problem != self._told:
            self._log("Valkey's functions are not loaded", problem=problem)
        self._told = problem


def _instance(paths: Paths) -> str:
    """A name for what runs here until the machine is started anew, on which no two agree."""
    state = paths.state.stat()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    return sha256(f"{boot}{state.st_dev}:{state.st_ino}".encode()).hexdigest()[:32]
