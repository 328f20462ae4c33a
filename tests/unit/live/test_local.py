"""One gate's own counts mean what the shared ones do."""

from trunkward.admission.ports import Asked, Counter, Held, Over, Rate
from trunkward.live.local import LocalCounts

PLACE = Counter(key="calls:trunk:a", most=2)
RATE = Rate(key="rate:trunk:a", per_second=2, burst=2)


def asked(record_id: str, *, rates: tuple[Rate, ...] = ()) -> Asked:
    return Asked(record_id=record_id, hold_s=10, counters=(PLACE,), rates=rates)


def test_places() -> None:
    counts = LocalCounts()
    assert not counts
    assert isinstance(counts.admit(asked("a"), 0), Held)
    assert isinstance(counts.admit(asked("b"), 1), Held)
    assert counts.admit(asked("c"), 2) == Over(key=PLACE.key, most=2, retry_after_s=5)
    assert isinstance(counts.admit(asked("a"), 2), Held)
    counts.ended([("b", [PLACE.key])])
    assert isinstance(counts.admit(asked("c"), 3), Held)
    # a's hold was made anew at 2, c's ends at 13
    assert isinstance(counts.admit(asked("d"), 11.9), Over)
    assert isinstance(counts.admit(asked("d"), 12.1), Held)
    counts.renew([("c", [PLACE.key]), ("d", [PLACE.key])], 100)
    assert isinstance(counts.admit(asked("e"), 50), Over)
    counts.forget()
    assert not counts


def test_rates() -> None:
    counts = LocalCounts()
    facts = [counts.admit(asked(name, rates=(RATE,)), 0) for name in ("a", "b")]
    assert all(isinstance(fact, Held) for fact in facts)
    counts.ended([("a", [PLACE.key]), ("b", [PLACE.key])])
    assert counts.admit(asked("c", rates=(RATE,)), 0) == Over(key=RATE.key, most=2, retry_after_s=1)
    assert isinstance(counts.admit(asked("c", rates=(RATE,)), 0.5), Held)
    none = Rate(key="rate:trunk:b", per_second=0, burst=0)
    assert counts.admit(asked("d", rates=(none,)), 1) == Over(key=none.key, most=0, retry_after_s=None)
