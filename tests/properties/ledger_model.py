"""The ledger as anybody would write it who has all day: lists that are summed up again for each question.

It is the oracle of `test_ledger_properties.py`: what it answers, the functions on Valkey must answer too.
"""

from dataclasses import dataclass, field, replace

US = 1_000_000
#: Seconds of each window, and of its buckets.
WINDOWS = {"hour": (3600, 60), "day": (86_400, 1800), "month": (2_592_000, 43_200)}
STEP_US = 10 * US


@dataclass
class Share:
    """One owner's part of a leg, in micro-units."""

    settled: int = 0
    granted: int = 0
    forced: int = 0

    @property
    def total(self) -> int:
        return self.settled + self.granted


@dataclass
class Leg:
    """A call in the ledger."""

    epoch: int
    until_ms: int = 0
    shares: dict[str, Share] = field(default_factory=dict)
    #: When it was answered, by the legs' time and by Valkey's clock; None: it rings.
    since_ms: tuple[int, int] | None = None


@dataclass(frozen=True)
class Ask:
    """What a leg asks of one owner: caps for call, hour, day, month."""

    owner: str
    used: int
    had: int
    to: int
    caps: tuple[int | None, int | None, int | None, int | None]
    carrier: bool = False

    @property
    def freezes(self) -> bool:
        """Whether there is a cap that could be passed."""
        return any(cap is not None for cap in self.caps)


class Ledger:
    """What the ledger knows. `now` is Valkey's clock, in us."""

    def __init__(self) -> None:
        self.run: int | None = None
        self.seen = self.ahead = self.woke = self.epoch = self.longest = self.kept = 0
        #: Of its time, what no leg has grown older by: leaps.
        self.leapt = 0
        self.legs: dict[str, Leg] = {}
        #: Those that are over; and what each owner was charged where that is the least.
        self.ended: dict[str, dict[str, int] | None] = {}
        #: What was charged by those who did not know an end: never taken back.
        self.least: dict[str, dict[str, int]] = {}
        #: When (the ledger's us), whose, how much.
        self.charges: list[tuple[int, str, int]] = []
        #: By node and gate, the epoch it has told to know.
        self.marks: dict[tuple[str, int], int] = {}
        #: By node, the epoch in which each of its calls is known.
        self.recalled: dict[str, int] = {}
        #: By node, the epoch in which it has charged again what ended in the time that was lost.
        self.restored: dict[str, int] = {}
        #: The latest epoch that whoever asks has heard of.
        self.heard = 0
        #: Of the process, not of its file.
        self.me = 0
        self.latest = 0

    def started(self, me: int) -> None:
        """Another process has its file."""
        self.me, self.latest = me, 0

    # ---- time ------------------------------------------------------------------------------------
    def look(self, now: int, longest: int = 0, vouched: bool = False) -> tuple[int, int]:
        """The ledger's time, and ms for which it is frozen."""
        at = now
        if self.run is not None:
            last = max(self.latest, self.seen)
            at = min(max(now + self.ahead, last), last + STEP_US)
            if vouched:
                at = max(at, now)
            self.leapt += max(at - last - 2 * US, 0)
            # a leap thaws nothing
            if last < self.woke + self.longest * 1125:
                self.woke += max(at - last - 2 * US, 0)
        woken = self.run != self.me
        if woken:
            self.epoch = max(self.epoch + 1, self.heard + 1, max(at, now) // 1000)
            self.woke, self.kept = at, self.seen - max(self.ahead, 0)
        if woken or longest > self.longest or at - now != self.ahead or at - self.seen >= US:
            self.run, self.seen, self.ahead, self.longest = self.me, at, at - now, max(self.longest, longest)
        self.latest = at
        return at, max(0, -((at - self.woke - self.longest * 1125) // 1000))

    @property
    def legs_ms(self) -> int:
        """The legs' time of the last look."""
        return (self.latest - self.leapt) // 1000

    def lasted_ms(self, record_id: str, now: int) -> int | None:
        """What a leg may have lasted; None: it rings."""
        since = self.legs[record_id].since_ms
        return None if since is None else max(self.legs_ms - since[0], now // 1000 - since[1])

    # ---- windows ---------------------------------------------------------------------------------
    def settled(self, owner: str, window: str, at: int) -> int:
        """What is in a window: a bucket is as long as any second of it is."""
        length, bucket = WINDOWS[window]
        return sum(
            amount
            for when, whose, amount in self.charges
            if whose == owner and (when // (bucket * US) + 1) * bucket * US + length * US > at
        )

    def granted(self, owner: str) -> int:
        return sum(leg.shares[owner].granted for leg in self.legs.values() if owner in leg.shares)

    def fits(self, ask: Ask, share: Share, at: int) -> bool:
        more = ask.to - share.total
        if more <= 0:
            return True
        call, *others = ask.caps
        if call is not None and ask.to > call:
            return False
        return all(
            cap is None or self.settled(ask.owner, window, at) + self.granted(ask.owner) + more <= cap
            for window, cap in zip(WINDOWS, others, strict=True)
        )

    # ---- steps -----------------------------------------------------------------------------------
    def admit(self, record_id: str, asks: list[Ask], now: int, longest: int, hold_ms: int) -> str:
        """`held` with the carriers left out, or why not."""
        at, frozen = self.look(now, longest)
        if record_id in self.ended:
            return "ended"
        leg = self.legs.get(record_id) or Leg(self.epoch)
        shares = [leg.shares.get(ask.owner, Share()) for ask in asks]
        left_out: list[str] = []
        for ask, share in zip(asks, shares, strict=True):
            no = ""
            if ask.freezes and ask.to > share.total and frozen:
                no = "frozen"
            elif not self.fits(ask, share, at):
                no = f"over {ask.owner}"
            if no and (not ask.carrier or len(left_out) + 1 == sum(one.carrier for one in asks)):
                return no
            if no:
                left_out.append(ask.owner)
        for ask, share in zip(asks, shares, strict=True):
            if ask.owner not in left_out:
                share.granted = max(ask.to - share.settled, share.granted)
                leg.shares[ask.owner] = share
        leg.until_ms = max(leg.until_ms, self.legs_ms + hold_ms)
        self.legs[record_id] = leg
        return " ".join(["held", *left_out])

    def renew(
        self,
        record_id: str,
        asks: list[Ask],
        now: int,
        longest: int,
        hold_ms: int,
        left_ms: int | None,
        lasted_ms: int | None,
    ) -> str:
        """`granted`, or why not. `left_ms`: what it has in any case; None: its node is dead."""
        dead = left_ms is None
        at, frozen = self.look(now, longest)
        leg = self.legs.get(record_id)
        if record_id in self.ended or (dead and leg is None):
            return "ended"
        lost = leg is None or leg.epoch != self.epoch
        leg = leg or Leg(self.epoch)
        self.legs[record_id] = leg
        if not dead:
            leg.epoch = self.epoch
        if not dead and lasted_ms is not None:
            since = self.legs_ms - lasted_ms, now // 1000 - lasted_ms
            known = leg.since_ms or since
            leg.since_ms = min(since[0], known[0]), min(since[1], known[1])
        for ask in asks:
            share = leg.shares.setdefault(ask.owner, Share())
            if not dead:
                share.granted, share.forced = max(share.granted - share.forced, 0), 0
            if lost:
                share.granted = max(ask.had - share.settled, share.granted)
            self.use(share, ask.owner, ask.used, max(at, now))
        for owner in set(leg.shares) - {ask.owner for ask in asks}:
            del leg.shares[owner]
        answer = ""
        for ask in asks:
            share = leg.shares[ask.owner]
            if dead:
                share.forced += max(ask.to - share.total, 0)
            elif ask.freezes and ask.to > share.total and frozen:
                answer = answer or "frozen"
            elif not self.fits(ask, share, at):
                answer = answer or f"over {ask.owner}"
        if not answer:
            for ask in asks:
                share = leg.shares[ask.owner]
                share.granted = max(ask.to - share.settled, share.granted)
        if left_ms is not None:
            leg.until_ms = max(leg.until_ms, self.legs_ms + (left_ms if answer else hold_ms))
        return answer or "granted"

    def settle(
        self,
        record_id: str,
        costs: dict[str, int],
        now: int,
        ended: int | None = None,
        *,
        at_least: bool = False,
    ) -> None:
        """It is over; `ended` by Valkey's clock, in us. `at_least`: it may have cost more."""
        at, _ = self.look(now)
        charged = self.ended.get(record_id, {})
        if charged is None:
            return
        leg = self.legs.pop(record_id, None) or Leg(
            self.epoch, shares={owner: Share(settled=amount) for owner, amount in charged.items()}
        )
        when = max(at, now)
        if ended is not None:
            when = min(ended + max(self.ahead, 0), when)
        for owner, cost in costs.items():
            self.use(leg.shares.setdefault(owner, Share()), owner, cost, when)
        amounts = {owner: share.settled for owner, share in leg.shares.items()}
        self.ended[record_id] = amounts if at_least else None
        if at_least:
            self.least[record_id] = amounts

    def withdraw(self, record_id: str, now: int) -> None:
        """Its reservation is given up."""
        self.look(now)
        self.legs.pop(record_id, None)

    def use(self, share: Share, owner: str, used: int, at: int) -> None:
        more = used - share.settled
        if more > 0:
            self.charges.append((at, owner, more))
            share.settled, share.granted = used, max(share.granted - more, 0)

    def copy(self) -> "Ledger":
        """Its file."""
        other = Ledger()
        other.__dict__.update(self.__dict__)
        other.legs = {
            name: replace(leg, shares={owner: replace(share) for owner, share in leg.shares.items()})
            for name, leg in self.legs.items()
        }
        other.marks = dict(self.marks)
        other.recalled, other.restored = dict(self.recalled), dict(self.restored)
        other.ended, other.charges = dict(self.ended), list(self.charges)
        other.least = dict(self.least)
        return other
