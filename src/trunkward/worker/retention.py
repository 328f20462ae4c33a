"""Forgetting calls when their time is over, a few at a time, so that the writer is never held for long."""

import time
from collections.abc import Callable
from typing import Protocol

from trunkward.engines.pause import NO_PAUSE, Pause
from trunkward.store.records import RecordStore
from trunkward.trunks.retention import DAY_S, RetentionPolicy

#: Rows deleted in one transaction: some 20 ms of the writer.
BATCH = 200
#: Seconds of a round that deleting may take, then what has come meanwhile is shipped.
_SHARE_S = 0.2
#: Seconds between two looks for what is due, when all of it has been deleted.
LOOK_S = 60.0


class Log(Protocol):
    """Where deletions are told."""

    def __call__(self, event: str, **facts: object) -> object:
        """One line."""


class Retention:
    """Deletes what the policy in force no longer keeps."""

    def __init__(self, store: RecordStore, log: Log) -> None:
        """`log` hears how many calls and messages of whom were deleted."""
        self._store = store
        self._log = log
        self._policy: RetentionPolicy | None = None
        self._pause = NO_PAUSE
        #: Tenants still to be looked at in this pass, None after the last; what was deleted of the first:
        #: calls, parts of ladders, events.
        self._left: list[str | None] = []
        self._deleted = [0, 0, 0]
        #: Calls and parts of ladders deleted since the start.
        self.calls_deleted = 0
        self.ladders_deleted = 0

    def round(
        self,
        policy: RetentionPolicy,
        now_s: float,
        went_on: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Goes on with what is due, for a fifth of a second at most; `went_on` is called after each batch."""
        if policy != self._policy:  # perhaps a shorter one
            self._policy, self._left, self._pause = policy, [], NO_PAUSE
        if not self._left:
            if not self._pause.is_over(now_s):
                return
            self._pause = Pause(now_s, LOOK_S)
            self._left = [*sorted({*self._store.tenants(), *self._store.events.tenants()}), None]
        until = clock() + _SHARE_S
        while self._left:
            if self._some_of(self._left[0], policy, now_s) < BATCH:
                self._tell(self._left.pop(0), policy)
            went_on()
            if clock() >= until:
                return

    def _some_of(self, tenant: str | None, policy: RetentionPolicy, now_s: float) -> int:
        """Deletes one batch; how many rows were found for it."""
        if tenant is None:
            messages = self._store.delete_ladders(now_s - policy.ladder_days * DAY_S, BATCH)
            found = events = 0
        else:
            before = now_s - policy.days(tenant) * DAY_S
            found, messages = self._store.delete_calls(tenant, before, BATCH)
            events = self._store.events.delete(tenant, before, BATCH)
        self._deleted = [sum(both) for both in zip(self._deleted, (found, messages, events), strict=True)]
        self.calls_deleted += found
        self.ladders_deleted += messages
        return messages if tenant is None else max(found, events)

    def _tell(self, tenant: str | None, policy: RetentionPolicy) -> None:
        found, messages, events = self._deleted
        self._deleted = [0, 0, 0]
        if events:
            self._log("events deleted, their time is over", tenant=tenant, events=events)
        if tenant is None and messages:
            self._log("ladders deleted, their time is over", parts=messages, days=policy.ladder_days)
        elif found and tenant is not None:
            self._log(
                "calls deleted, their time is over",
                tenant=tenant,
                calls=found,
                ladder_parts=messages,
                days=policy.days(tenant),
            )
