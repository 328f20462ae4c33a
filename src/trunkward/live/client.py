"""What all nodes agree on, as a gate asks it: `admission.ports.Live` on one connection to Valkey."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hiredis
import msgspec

from trunkward.admission.ports import Asked, Forgotten, Held, LiveFact, Replayed, Unavailable
from trunkward.calls.registration import Bindings
from trunkward.live import library
from trunkward.live.wire import DEADLINE_S, Wire

#: Releases that wait for a Valkey that is lost; what comes beyond them ends by itself.
MAX_WAITING = 10_000

#: Times a trunk's bindings are tried to be changed while others change them, too.
MOST_TRIES = 5
#: Seconds they are kept after the last change: longer than any holds.
_KEEP_S = 7200

_decode_bindings = msgspec.json.Decoder(Bindings).decode
_encode_bindings = msgspec.json.Encoder().encode


class LiveClient:
    """Asks one Valkey; belongs to one event loop."""

    def __init__(self, path: Path, user: str, secret: Path, deadline_s: float = DEADLINE_S) -> None:
        """`path` is Valkey's socket, `secret` the file with the user's password. Nothing is opened yet."""
        self._wire = Wire(path, user, secret, self._connected, deadline_s)
        #: What new nonces are to name, as far as is known; 0 is none.
        self.epoch = 0
        self._releases: list[library.Release] = []
        #: On their way; a Valkey that is lost meanwhile may not have heard of them.
        self._releasing: list[library.Release] = []

    async def greet(self) -> None:
        """Connects and learns what new nonces are to name: before the first call, none is made in vain."""
        self._learn([b"forgotten", await self._wire.ask(library.epoch(), dated=False)])

    async def admit(self, asked: Asked) -> LiveFact:
        """Everything that is asked for, or nothing; an attempt that is asked again has it once."""

        def late(answer: Any) -> None:
            if isinstance(fact := _fact(asked, answer), Held):
                self.withdraw(fact)  # nobody has it

        answer = await self._wire.ask(library.admit(asked), late)
        self._learn(answer)
        fact = _fact(asked, answer)
        if not isinstance(fact, Unavailable):
            self._go_on()
        return fact

    def renew(self, calls: Sequence[tuple[str, Sequence[str]]], hold_s: float) -> None:
        """Holds the places of these calls for `hold_s` seconds from now. Waits for nobody.

        What a lost Valkey does not hear is renewed in the call's next round.
        """
        if calls:
            self._wire.tell(library.renew(calls, hold_s), lambda _answer: None)

    def ended(self, calls: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Gives up the places of calls that are over. Waits for nobody."""
        self._give_up([(record_id, counters, None) for record_id, counters in calls if counters])

    def moved(self, record_id: str, counters: Sequence[str]) -> None:
        """Gives up places of a call that goes on with others. Waits for nobody."""
        if counters:
            self._give_up([(record_id, counters, library.MOVED)])

    def withdraw(self, held: Held) -> None:
        """Gives up one reservation, unless another gate has made it its own since. Waits for nobody."""
        if held.counters:
            self._give_up([(held.record_id, held.counters, held.until_ms)])

    async def change(
        self, trunk: str, how: Callable[[Bindings, float], Bindings]
    ) -> tuple[Bindings, float] | Unavailable:
        """Puts what `how` makes of a trunk's bindings into their place (`admission.ports.Registrar`)."""
        command, after = library.bind(trunk, "?"), Bindings()
        for _ in range(MOST_TRIES):
            match await self._wire.ask(command):
                case [b"bound", bytes(now_us)]:
                    return after, int(now_us) / 1e6
                case [b"other", bytes(there), bytes(now_us)]:
                    now, before = int(now_us) / 1e6, _bindings(there)
                    after = how(before, now)
                    if after == before:
                        return after, now
                    text = _encode_bindings(after).decode()
                    command = library.bind(trunk, there.decode(), text, _KEEP_S)
                case Unavailable() as lost:
                    return lost
                case answer:
                    return _unusable(answer)
        return Unavailable(what="redis", why="redis-too-many-changes")

    async def close(self) -> None:
        """Ends the connection, once what was to be given up has been told."""
        if self._releases:
            await self._wire.ask(library.release(self._releases), dated=False)
        self._wire.close()
        await asyncio.sleep(0)  # for the loop to see that it has ended

    def _connected(self) -> None:
        self._wire.tell(library.epoch(), lambda answer: self._learn([b"forgotten", answer]))
        self._go_on()

    def _learn(self, answer: Any) -> None:
        match answer:
            case [b"forgotten", bytes(epoch)]:
                self.epoch = int(epoch)

    def _give_up(self, releases: list[library.Release]) -> None:
        self._releases += releases[: MAX_WAITING - len(self._releases)]
        self._go_on()

    def _go_on(self) -> None:
        """Sends what waits, at once; while a question is on its way, what comes is gathered for the next."""
        if self._releases and not self._releasing:
            self._releasing, self._releases = self._releases, []
            self._wire.tell(library.release(self._releasing), self._released)

    def _released(self, answer: Any) -> None:
        releases, self._releasing = self._releasing, []
        if isinstance(answer, Unavailable):
            self._releases = releases + self._releases  # until it is there again: twice does no harm
        else:
            self._go_on()


def _fact(asked: Asked, answer: Any) -> LiveFact:
    match answer:
        case Unavailable():
            return answer
        case [b"held", int(until_ms)]:
            return Held(
                record_id=asked.record_id,
                counters=tuple(counter.key for counter in asked.counters),
                until_ms=until_ms,
            )
        case [b"over", int(number), int(retry_ms)]:
            return library.over(asked, number, retry_ms)
        case [b"replayed"]:
            return Replayed()
        case [b"forgotten", _]:
            return Forgotten()
    return _unusable(answer)


def _unusable(answer: Any) -> Unavailable:
    if isinstance(answer, hiredis.ReplyError):
        return Unavailable(what="redis", why=_why(str(answer)))
    return Unavailable(what="redis", why="redis-garbled")


def _bindings(text: bytes) -> Bindings:
    """What is kept of a trunk; of another version's form nothing, until its PBX comes again."""
    try:
        return _decode_bindings(text) if text else Bindings()
    except msgspec.MsgspecError:
        return Bindings()


def _why(said: str) -> str:
    """By Valkey's first word, which is its code (`NOPERM`, `OOM`, `LOADING`), but for its plain errors."""
    if "unction not found" in said:
        return "redis-function-missing"
    return f"redis-{said.partition(' ')[0].lower()}"
