"""Lines to the disk, those of one moment together, beside the event loop; and what is done without a disk.

1. A line waits for the write that is under way, then goes to the disk with all others that came meanwhile:
   they wait for it once. A thread of its own does it.
2. A disk that has not answered after `PATIENCE_S` is slow: answers leave before their lines are there. The
   lines wait in memory, up to `MAX_WAITING`, and once they are written another line says how many they were
   (`late`).
3. A disk that refuses is lost: answers leave, their lines are given up and counted, and it is tried again
   once a second. The first line it takes declares the `gap`: how many, from when to when, and why. So is one
   that has not answered after `HANGS_S` once `MAX_WAITING` lines wait; and whatever else becomes of a write.
4. More than `MAX_WAITING` lines with a disk that takes them is somebody who asks more than can be written:
   it is `busy`, and nothing is to be signed.
5. Before an answer leaves whose line is not on the disk, its count is in memory that outlives the process (a
   tmpfs): were it killed, the next start declares it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec

from trunkward.journal.chain import UNREADABLE
from trunkward.journal.heads import NO_GAP, Gap
from trunkward.signer.journal import Journal, Line
from trunkward.signer.segments import JournalError

#: Seconds an answer waits for the disk; the gate waits 0.1 (`gate.signing.DEADLINE_S`).
PATIENCE_S = 0.05
#: Lines that wait for a slow disk: some 10 MB.
MAX_WAITING = 10_000
#: Seconds between two tries of a disk that is lost.
RETRY_S = 1.0
#: Seconds after which a write hangs: `MAX_WAITING` lines take a fraction of one.
HANGS_S = 5.0
#: Seconds after which answers that still wait are stuck: by all that is written here none waits longer than
#: `PATIENCE_S`.
STUCK_S = 5.0
#: Seconds a signer that ends gives the disk.
_LAST_S = 3.0

#: Hears the numbers of its lines; None for each that is not on the disk.
type Kept = Callable[[Sequence[int | None]], None]


class _Batch:
    """Lines that came together, and who waits for them."""

    def __init__(self, lines: Sequence[Line], kept: Kept) -> None:
        self.lines = lines
        self._kept: Kept | None = kept
        #: Its answers left before they were written.
        self.late = False

    @property
    def lines_at(self) -> list[float]:
        return [line.at for line in self.lines]

    def written(self, first: int) -> None:
        self._tell(range(first, first + len(self.lines)))

    def not_yet(self) -> None:
        self.late = True
        self._tell([None] * len(self.lines))

    def _tell(self, numbers: Sequence[int | None]) -> None:
        kept, self._kept = self._kept, None
        if kept is None:
            return
        try:
            kept(numbers)
        except Exception as problem:  # of one of them: all others wait, too
            said = {"message": "an answer did not leave", "exception": problem}
            asyncio.get_running_loop().call_exception_handler(said)


class Committing:
    """The one way to a journal. Belongs to the event loop it is made in."""

    def __init__(
        self,
        journal: Journal,
        marker: Path,
        clock: Callable[[], float],
        lost: Callable[[BaseException], None],
    ) -> None:
        """`marker`: where a gap outlives the process. `lost` hears why lines were not written, each time."""
        self._journal, self._marker, self._clock, self._lost = journal, marker, clock, lost
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._waiting: list[_Batch] = []
        self._under_way: list[_Batch] = []
        #: What the line says that is under way.
        self._declaring = self._late = NO_GAP
        #: Lines that a slow disk has not taken yet and whose answers have left.
        self._owed = NO_GAP
        self._gap = _noted(marker)
        self._marked = bool(self._gap.count)
        #: Answers leave before their lines are written.
        self._slow = False
        #: Lines that wait behind the write that is under way, and when that began (the loop's time).
        self._queued = 0
        self._began = self._loop.time()
        self._retry: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def gap(self) -> Gap:
        """Lines that were given up and are not declared yet."""
        return self._declaring.plus(self._gap)

    @property
    def busy(self) -> bool:
        """More lines wait than may, and the disk is there: what is signed now might never have one."""
        return self._queued > MAX_WAITING and self._retry is None and not self._hangs

    @property
    def answers_leave(self) -> bool:
        """Whether this works, with a disk or without one: no answer waits for long."""
        if self._idle.is_set() or self._slow:
            return True
        return self._loop.time() - self._began < STUCK_S

    @property
    def _hangs(self) -> bool:
        return self._slow and self._loop.time() - self._began >= HANGS_S

    def take(self, lines: Sequence[Line], kept: Kept) -> None:
        """Has lines written; `kept` is called once, before this returns or within `PATIENCE_S`."""
        batch = _Batch(lines, kept)
        if self._retry is not None or (self._queued > MAX_WAITING and self._hangs):
            self._give_up([batch], "the disk was lost" if self._retry else "the disk was too slow")
            return
        self._waiting.append(batch)
        self._queued += len(lines)
        if self._slow:
            self._let_go([batch])
        elif self._idle.is_set():  # nothing is under way
            # with all that this turn of the loop brings
            self._idle.clear()
            self._began = self._loop.time()
            self._loop.call_soon(self._begin)

    async def settled(self) -> None:
        """Until all that was taken is written, or given up; a few seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_S):
                await self._idle.wait()

    async def finish(self) -> None:
        """Until everything is written; nothing may come later. What cannot be is in the marker."""
        await self.settled()
        if not self._idle.is_set():
            self._owed = NO_GAP
            self._give_up([*self._under_way, *self._waiting], "the disk did not answer")
        if self._retry is not None:
            self._retry.cancel()
        self._note()
        self._thread.shutdown(wait=False)

    def _begin(self) -> None:
        self._idle.clear()
        self._began = self._loop.time()
        self._retry, self._queued = None, 0
        self._under_way, self._waiting = self._waiting, []
        self._declaring, self._gap = self.gap, NO_GAP
        lines = [line for batch in self._under_way for line in batch.lines]
        said = [
            Line(facts={"kind": kind, "at": round(self._clock(), 3), **msgspec.structs.asdict(what)})
            for kind, what in (("gap", self._declaring), ("late", self._late))
            if what.count
        ]
        try:
            work = self._thread.submit(self._journal.commit, [*said, *lines])
        except RuntimeError as problem:  # there is no thread to be had
            batches, self._under_way = self._under_way, []
            self._retry_later(problem, batches)
            return
        too_slow = self._loop.call_later(PATIENCE_S, self._too_slow, work)
        write = asyncio.wrap_future(work, loop=self._loop)
        write.add_done_callback(lambda done: self._done(done, len(said), too_slow))

    def _too_slow(self, work: Future[int]) -> None:
        if work.done():  # it was the loop that was busy, and hears of it next
            return
        self._slow = True
        self._let_go([*self._under_way, *self._waiting])

    def _done(self, write: asyncio.Future[int], said: int, too_slow: asyncio.TimerHandle) -> None:
        too_slow.cancel()
        batches, self._under_way, self._slow = self._under_way, [], False
        try:
            number = write.result() + said
        except BaseException as problem:  # whatever it is: else no answer would ever leave again
            self._retry_later(problem, batches)
            return
        self._declaring = self._late = NO_GAP
        self._owed = _owed(batch for batch in self._waiting if batch.late)
        for batch in batches:
            if batch.late:
                self._late = self._late.and_(batch.lines_at, "the disk was slow")
            batch.written(number)
            number += len(batch.lines)
        self._note()
        if self._waiting or self._gap.count or self._late.count:
            self._begin()
        else:
            self._idle.set()

    def _retry_later(self, problem: BaseException, batches: list[_Batch]) -> None:
        foreseen = isinstance(problem, JournalError)
        why = str(problem) if foreseen else type(problem).__name__  # it stays for ever: nothing of a call
        waiting, self._waiting, self._queued, self._owed = self._waiting, [], 0, NO_GAP
        self._retry = self._loop.call_later(RETRY_S, self._begin)
        self._idle.set()
        self._give_up([*batches, *waiting], why)
        self._lost(problem)

    def _let_go(self, batches: Sequence[_Batch]) -> None:
        """Their answers leave, and their lines follow when the disk takes them."""
        self._owed = self._owed.plus(_owed(batch for batch in batches if not batch.late))
        self._note()
        for batch in batches:
            batch.not_yet()

    def _give_up(self, batches: Sequence[_Batch], why: str) -> None:
        """Their answers leave, and their lines never follow."""
        for batch in batches:
            self._gap = self._gap.and_(batch.lines_at, why)
        self._note()
        for batch in batches:
            batch.not_yet()

    def _note(self) -> None:
        """Best effort: the next start knows of no more than is here."""
        gap = self.gap.plus(self._owed)
        with suppress(OSError):
            if gap.count:
                self._marked = True
                part = self._marker.with_suffix(".part")
                part.write_bytes(msgspec.json.encode(gap))
                part.replace(self._marker)
            elif self._marked:
                self._marker.unlink(missing_ok=True)
                self._marked = False


def _owed(batches: Iterable[_Batch]) -> Gap:
    gap = NO_GAP
    for batch in batches:
        gap = gap.and_(batch.lines_at, "the disk was slow when the signer ended")
    return gap


def _noted(marker: Path) -> Gap:
    try:
        return msgspec.json.decode(marker.read_bytes(), type=Gap)
    except (OSError, *UNREADABLE):
        return NO_GAP
