"""A carrier's file beside our calls: each difference has its name, and the parts are the difference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkward.spend.cdr_csv import CdrLine, Cdrs
from trunkward.spend.reconcile import Kind, OurCall, Part, Reconciled, reconcile
from trunkward.spend.tariff import Tariff

AT = 1_795_617_000_000
DAY = 86_400_000
TARIFF = Tariff(rate_nano=60_000_000, first_s=1, next_s=1)  # 0.001 a second


def ours(n: int, lasted: int | None = 60_000, **more: object) -> OurCall:
    facts: dict[str, object] = {"tariff": TARIFF, "called": f"4420794601{n:02}", "prefix": "44"} | more
    tariff = facts["tariff"]
    cost = tariff.price_micro(lasted / 1000) if isinstance(tariff, Tariff) and lasted is not None else None
    facts = {"cost_micro": cost} | facts
    at = AT + n * 600_000
    return OurCall(
        record_id=f"{n:032x}",
        started_ms=at - 5_000 - 1_000 * (n % 3),
        answered_ms=at,
        lasted_ms=lasted,
        **facts,  # type: ignore[arg-type]
    )


def theirs(n: int, lasted: int = 60_000, charge: int | None = None, late: int = 0, **more: object) -> CdrLine:
    found = TARIFF.price_micro(lasted / 1000) * 1000 if charge is None else charge
    facts: dict[str, object] = {"called": f"4420794601{n:02}", "line": n + 2} | more
    return CdrLine(at_ms=AT + n * 600_000 + late, lasted_ms=lasted, charge_nano=found, **facts)  # type: ignore[arg-type]


def compare(
    lines: list[CdrLine], calls: list[OurCall], *, quantum: int = 1000, answered: bool = True
) -> Reconciled:
    file = Cdrs(lines=tuple(lines), answered=answered, quantum_nano=quantum, currency="EUR", ignored=())
    return reconcile(file, calls, since_ms=AT - DAY, until_ms=AT + DAY, window_ms=30_000)


def parts(found: Reconciled) -> list[Part]:
    return [part for one in found.found for part in one.parts]


def test_the_same_is_the_same() -> None:
    found = compare([theirs(n) for n in range(5)], [ours(n) for n in range(5)])
    assert (found.matched, found.difference, found.found, found.offset_ms) == (5, 0, (), 0)
    assert found.theirs == found.ours == 5 * 60_000_000


@pytest.mark.parametrize(
    ("line", "call", "kinds"),
    [
        # their second is a whole one
        (theirs(0, 61_000), ours(0, 60_400), []),
        (theirs(0, 60_000), ours(0, 60_400), [(Kind.ROUNDING, -1_000_000)]),
        (theirs(0, 65_000), ours(0, 60_000), [(Kind.DURATION, 5_000_000)]),
        (theirs(0, 60_000, 60_001_000), ours(0, 60_000), [(Kind.ROUNDING, 1000)]),
        # what they say it lasted is what they charge for
        (theirs(0, 60_000, 60_000_000), ours(0, 12_000, tariff=Tariff(rate_nano=60_000_000, first_s=60)), []),
        (theirs(0, 61_000, 120_000_000), ours(0, 61_000), [(Kind.INCREMENTS, 59_000_000)]),
        (theirs(0, 61_000, 66_000_000), ours(0, 61_000), [(Kind.INCREMENTS, 5_000_000)]),
        (
            theirs(0, 61_000, 240_000_000, rate_nano=120_000_000),
            ours(0, 61_000),
            [(Kind.RATE, 61_000_000), (Kind.INCREMENTS, 118_000_000)],
        ),
        (theirs(0, 60_000, 77_000_000, rate_nano=77_000_000), ours(0, 60_000), [(Kind.RATE, 17_000_000)]),
        # one call alone fits any rate
        (theirs(0, 60_000, 77_000_000), ours(0, 60_000), [(Kind.UNEXPLAINED, 17_000_000)]),
        (theirs(0, 60_000, 77_000_000, rate_nano=60_000_000), ours(0, 60_000), [(Kind.UNEXPLAINED, 17_000_000)]),
        (theirs(0), ours(0, cost_micro=None, tariff=None), [(Kind.NO_COST, 60_000_000)]),
        (theirs(0), ours(0, None), [(Kind.NO_COST, 60_000_000)]),
        (theirs(0), ours(0, cost_micro=0, tariff=None, emergency=True), [(Kind.EMERGENCY, 60_000_000)]),
        (theirs(0), ours(0, within=False), [(Kind.OUTSIDE, 60_000_000)]),
        (theirs(0), None, [(Kind.UNKNOWN_TO_US, 60_000_000)]),
        (theirs(0, late=3 * DAY), None, [(Kind.OUTSIDE, 60_000_000)]),
        (theirs(0, 0, 0), None, []),
        # what is given back is nobody's partner, and is outside of nothing
        (theirs(0, 60_000, -60_000_000), ours(0), [(Kind.CREDIT, -60_000_000), (Kind.UNKNOWN_TO_THEM, -60_000_000)]),
        (theirs(0, 60_000, -60_000_000, late=3 * DAY), None, [(Kind.CREDIT, -60_000_000)]),
        (None, ours(0), [(Kind.UNKNOWN_TO_THEM, -60_000_000)]),
        (None, ours(0, None), []),
        (None, ours(0, within=False), []),
        # another number, or too far away, is another call
        (theirs(0, called="442079460999"), ours(0), [(Kind.UNKNOWN_TO_US, 60_000_000), (Kind.UNKNOWN_TO_THEM, -60_000_000)]),
        (theirs(0, late=31_000), ours(0), [(Kind.UNKNOWN_TO_US, 60_000_000), (Kind.UNKNOWN_TO_THEM, -60_000_000)]),
    ],
)  # fmt: skip
def test_one_call(line: CdrLine | None, call: OurCall | None, kinds: list[tuple[Kind, int]]) -> None:
    found = compare([line] if line else [], [call] if call else [])
    assert sorted((part.kind, part.nano) for part in parts(found)) == sorted(kinds)
    assert found.difference == sum(part.nano for part in parts(found))


def test_a_rate_of_theirs_is_found_by_two_calls_of_the_prefix() -> None:
    lines = [theirs(n, 60_000 + n * 7_000, (60 + n * 7) * 1_300_000) for n in range(3)]
    found = compare(lines, [ours(n, 60_000 + n * 7_000) for n in range(3)])
    assert {part.kind for part in parts(found)} == {Kind.RATE}
    assert parts(found)[0].text == "44: theirs 0.078 a minute, our deck 0.06"


def test_what_a_line_says_of_its_rate_holds() -> None:
    dearer, ours_by_name = 90_000_000, 60_000_000
    lines = [
        theirs(0, 60_000, dearer, rate_nano=dearer),
        theirs(1, 30_000, dearer // 2, rate_nano=dearer),
        theirs(2, 60_000, dearer, rate_nano=ours_by_name),
    ]
    found = compare(lines, [ours(0), ours(1, 30_000), ours(2)])
    assert [part.kind for part in parts(found)].count(Kind.RATE) == 2
    assert [one.line and one.line.line for one in found.found if one.parts[0].kind is Kind.UNEXPLAINED] == [4]


@pytest.mark.parametrize("late", [3_600_000, -3_600_000, 19_800_000, 45_000, -2_500])
@pytest.mark.parametrize("answered", [True, False])
def test_a_clock_that_is_off_is_found_and_told(late: int, answered: bool) -> None:
    calls = [ours(n, 60_000 + n * 1000) for n in range(6)]
    lines = [theirs(n, 60_000 + n * 1000, late=late) for n in range(6)]
    if not answered:
        moved = zip(lines, calls, strict=True)
        lines = [
            CdrLine(line=one.line, called=one.called, at_ms=call.started_ms + late, lasted_ms=one.lasted_ms, charge_nano=one.charge_nano)
            for one, call in moved
        ]  # fmt: skip
    found = compare(lines, calls, answered=answered)
    assert (found.matched, found.offset_ms, found.found, found.answered) == (6, late, (), answered)


def test_a_clock_is_found_by_a_part_of_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trunkward.spend.reconcile._MOST_PAIRS", 20)
    calls = [ours(n, 60_000 + n * 3000) for n in range(60)]
    found = compare([theirs(n, 60_000 + n * 3000, late=7_200_000) for n in range(60)], calls)
    assert (found.matched, found.offset_ms) == (60, 7_200_000)


def test_a_call_twice_in_their_file_is_named_once() -> None:
    lines = [theirs(0), theirs(0, line=9), theirs(1, called="33"), theirs(1, called="33", line=8)]
    found = compare(lines, [ours(0)])
    assert sorted((part.kind, part.nano) for part in parts(found)) == [
        (Kind.DOUBLE, 60_000_000),
        (Kind.DOUBLE, 60_000_000),
        (Kind.UNKNOWN_TO_US, 60_000_000),
    ]


def test_a_line_that_is_given_back_takes_no_calls_place() -> None:
    found = compare([theirs(0, charge=-60_000_000), theirs(0), theirs(0)], [ours(0)])
    assert (found.matched, found.lines, found.difference) == (1, 3, 0)
    assert {part.kind: part.nano for part in parts(found)} == {
        Kind.DOUBLE: 60_000_000,
        Kind.CREDIT: -60_000_000,
    }
    assert not compare([theirs(0, charge=-60_000_000)], []).open


def test_the_nearest_are_partners() -> None:
    first, second = ours(0, 60_000), ours(0, 3_000)
    calls = [first, OurCall(**{name: getattr(second, name) for name in second.__slots__} | {"record_id": "f", "answered_ms": AT + 10_000})]  # fmt: skip
    found = compare([theirs(0, 3_000, late=10_000, line=5), theirs(0, 60_000)], calls)
    assert (found.matched, found.found) == (2, ())


CALLS = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(0, 200_000), st.sampled_from([1, 2, 60]), st.booleans(), st.booleans()
    ),
    max_size=8,
)
LINES = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(0, 200), st.integers(0, 300_000_000), st.integers(-40, 40),
        st.sampled_from([None, 60_000_000, 90_000_000]),
    ),
    max_size=8,
)  # fmt: skip


@given(calls=CALLS, lines=LINES, quantum=st.sampled_from([1, 1000, 10**5, 10**7]), data=st.data())
def test_the_parts_are_the_difference_and_no_order_matters(
    calls: list[tuple[int, int, int, bool, bool]],
    lines: list[tuple[int, int, int, int, int | None]],
    quantum: int,
    data: st.DataObject,
) -> None:
    known = [
        OurCall(
            record_id=f"{place:032x}", called=f"{n}", started_ms=AT + n * 1000 - 4000, answered_ms=AT + n * 1000,
            lasted_ms=lasted, prefix="4", within=within,
            tariff=Tariff(rate_nano=60_000_000, first_s=first) if rated else None,
            cost_micro=Tariff(rate_nano=60_000_000, first_s=first).price_micro(lasted / 1000) if rated else None,
        )
        for place, (n, lasted, first, rated, within) in enumerate(calls)
    ]  # fmt: skip
    said = [
        CdrLine(line=place, called=f"{n}", at_ms=AT + n * 1000 + late * 1000, lasted_ms=lasted * 1000, charge_nano=charge, rate_nano=rate)
        for place, (n, lasted, charge, late, rate) in enumerate(lines)
    ]  # fmt: skip
    found = compare(said, known, quantum=quantum)
    assert sum(part.nano for part in parts(found)) == found.difference
    assert sum(nano for _, nano in found.kinds().values()) == found.difference
    paired = [one for one in found.found if one.line and one.call]
    assert len({one.line.line for one in paired if one.line}) == len(paired)
    again = compare(data.draw(st.permutations(said)), data.draw(st.permutations(known)), quantum=quantum)
    assert _without_lines(again) == _without_lines(found)


def _without_lines(found: Reconciled) -> object:
    told = [
        (one.line and one.line.charge_nano, one.call and one.call.record_id, one.parts) for one in found.found
    ]
    return (found.theirs, found.ours, found.matched, found.offset_ms, found.kinds(), sorted(told, key=repr))
