"""Kamailio's `cnxcc`: the module itself in a real Kamailio, with SIP through it, in simulated time.

The carrier has what the proxy sends: a call costs from its 200 to half a second after its BYE
(`trial.BYE_S`), which is answered then. Each run is one customer. `cnxcc_set_max_credit` looks at nothing but
`credit > 0`, so the credit is for the script to know: here it passes what the bills of ended calls leave
under the smallest cap.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.against.ends import Ends
from bench.against.hang_up import Bills, Nothing
from bench.against.kamailio import SteppedKamailio
from bench.against.traffic import Call
from trunkward.spend.money import NANO
from trunkward.trunks.spending import Spending

#: When the first run begins, and what lies between two.
_START_S, _RUN_S = 1_800_000_000, 5 * 86_400


class Cnxcc(Nothing):
    """`period_s` is `credit_check_period`, of which 1 is the least.

    Raises:
        SystemFailedError: it has not come up, has ended, or does not pass something on; of all that it does.
    """

    def __init__(self, caps: Spending, period_s: float = 1.0) -> None:
        self._caps, self.period_s, self._runs = caps, period_s, 0
        self._ends = Ends()
        self._kamailio = SteppedKamailio(self._ends.proxy_port, self._ends.carrier_port, _START_S)

    def begin(self, end: Callable[[Call], None]) -> None:
        self._end, self._bills, self._runs = end, Bills(self._caps), self._runs + 1
        self._calls: dict[str, Call] = {}

    def admits(self, call: Call, now: float) -> bool:
        tariff, name = call.tariff, self._name(call)
        headers = {
            "X-Customer": f"run-{self._runs}",
            "X-Credit": f"{self._bills.room_micro(now) / 10**6:.6f}",
            "X-Connect": f"{tariff.connect_nano / NANO:.9f}",
            "X-Per-Second": f"{tariff.rate_nano / NANO / 60:.12f}",
            "X-Initial": str(tariff.first_s),
            "X-Final": str(tariff.next_s),
        }
        if goes := self._step(now, lambda: self._ends.invite(name, call.number, headers)):
            self._calls[name] = call
        return goes

    def answered(self, call: Call, now: float) -> None:
        self._step(now, lambda: self._ends.answer(self._name(call)))

    def tick(self, now: float) -> None:
        self._step(now, self._ends.all_passed)
        self._kamailio.check()
        for name in self._ends.cut():
            self._end(self._calls[name])

    def over(self, call: Call, now: float) -> None:
        name = self._name(call)
        del self._calls[name]
        if call.answered_at is None:
            self._step(now, lambda: self._ends.give_up(name))
        else:
            self._bills.add(now, call.cost_micro(now))
            self._step(now, lambda: self._ends.hang_up(name))

    def close(self) -> None:
        """Ends its Kamailio."""
        self._kamailio.close()
        self._ends.close()

    def _step[T](self, now: float, doing: Callable[[], T]) -> T:
        # runs follow each other, so that its time never goes back
        self._kamailio.set_clock(_START_S + self._runs * _RUN_S + int(now))
        try:
            return doing()
        except TimeoutError as late:
            raise self._kamailio.failed(str(late)) from late

    def _name(self, call: Call) -> str:
        return f"{self._runs}-{call.name}"
