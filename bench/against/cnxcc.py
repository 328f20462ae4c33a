"""Kamailio's `cnxcc`, as its source has it (branch 6.0 at 28d1557, `src/modules/cnxcc/`).

`cnxcc_check.c`, `check_calls_by_money`, every `credit_check_period` seconds (1 at least):

- For each answered call `consumed_time = now - start`; once that is above `initial_pulse`, `consumed =
  connect + cps * initial + cps * ((consumed_time - initial) / final + 1) * final`, a division of integers.
  Before, it is what `__alloc_new_call_by_money` has set: `initial_pulse * cost_per_second`.
- A call with `consumed > max_amount` breaks the loop: those after it are not added up. Calls are inserted at
  the head, so the newest comes first.
- `ended_calls_consumed_amount + total >= max_amount`: `terminate_all_calls`, and the customer is forgotten
  unless a call rings.

`cnxcc_mod.c`:

- `__start_billing`: `max_amount` of a customer only rises; a call's own is what is left of it at its answer.
- `__stop_billing`: what the call had consumed at the last check is added to that of the ended ones. Without
  any call left the customer is forgotten, and what has been spent with him.
- `cnxcc_set_max_credit` looks at nothing but `credit > 0`.

So the credit is for the script to know: here it passes what the bills of ended calls leave under the smallest
cap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.against.hang_up import Bills, Nothing
from bench.against.traffic import Call
from trunkward.spend.money import NANO
from trunkward.trunks.spending import Spending


@dataclass(slots=True, eq=False)
class _Call:
    """`call_t`."""

    call: Call
    max_amount: float
    consumed: float
    start: int | None = None


@dataclass(slots=True)
class _Customer:
    """`credit_data_t`. Newest call first."""

    calls: list[_Call] = field(default_factory=list)
    max_amount: float = 0.0
    consumed: float = 0.0
    ended: float = 0.0


class Cnxcc(Nothing):
    """One customer. `period_s` is `credit_check_period`."""

    def __init__(self, caps: Spending, period_s: float = 1.0) -> None:
        self._caps, self.period_s = caps, period_s

    def begin(self, end: Callable[[Call], None]) -> None:
        self._end, self._bills = end, Bills(self._caps)
        self._customer: _Customer | None = None

    def admits(self, call: Call, now: float) -> bool:
        credit = self._bills.room_micro(now) / 10**6
        if credit <= 0:
            return False
        if self._customer is None:
            self._customer = _Customer()
        self._customer.calls.insert(0, _Call(call, credit, call.tariff.first_s * _cps(call)))
        return True

    def answered(self, call: Call, now: float) -> None:
        customer, one = self._found(call)
        if customer.max_amount == 0 or one.max_amount > customer.max_amount:
            customer.max_amount = one.max_amount
        one.max_amount = customer.max_amount - customer.consumed
        one.start = int(now)

    def over(self, call: Call, now: float) -> None:
        if call.answered_at is not None:
            self._bills.add(now, call.cost_micro(now))
        customer = self._customer
        one = next((one for one in customer.calls if one.call is call), None) if customer else None
        if customer is None or one is None:
            return  # the customer was forgotten with it
        customer.calls.remove(one)
        if one.start is not None:
            customer.ended += one.consumed
        if not customer.calls:
            self._customer = None

    def tick(self, now: float) -> None:
        customer = self._customer
        if customer is None:
            return
        total = 0.0
        answered = [one for one in customer.calls if one.start is not None]
        for one in answered:
            assert one.start is not None
            one.consumed = consumed(one.call, int(now) - one.start, one.consumed)
            total += one.consumed
            if one.consumed > one.max_amount:
                break
        if not answered:
            return
        customer.consumed = customer.ended + total
        if customer.consumed >= customer.max_amount:
            for one in answered:
                self._end(one.call)
            if len(answered) == len(customer.calls):
                self._customer = None
            else:
                for one in customer.calls:
                    if one.start is None:
                        one.max_amount = 0.0

    def _found(self, call: Call) -> tuple[_Customer, _Call]:
        assert self._customer is not None
        return self._customer, next(one for one in self._customer.calls if one.call is call)


def consumed(call: Call, seconds: int, before: float) -> float:
    """`consumed_amount` after so many seconds."""
    tariff = call.tariff
    if seconds <= tariff.first_s:
        return before
    pulses = (seconds - tariff.first_s) // tariff.next_s + 1
    connect = tariff.connect_nano / NANO
    return connect + _cps(call) * tariff.first_s + _cps(call) * pulses * tariff.next_s


def _cps(call: Call) -> float:
    return call.tariff.rate_nano / NANO / 60
