"""Property 35: at which levels each trunk's calls were signed, why, and whose mix has changed."""

from typing import Any

import msgspec
import pytest

from trunkward.records.attested import FEWEST, LEVELS, Mix, attested
from trunkward.records.model import AttestationRecord, DecisionRecord
from trunkward.records.view import call_view

SINCE = 1_800_000_000.0
LACK = "no-evidence-for-number"


def call(
    level: str, rule: str, *, trunk: str = "acme-hq", before: bool = False, **told: Any
) -> dict[str, Any]:
    """One of the time that is asked for, or of the time before."""
    lack = told.pop("lack", "")
    values: dict[str, Any] = {
        "record_id": "r",
        "at": SINCE - 60 if before else SINCE,
        "attempt_id": "a",
        "call_id": "c",
        "verdict": "admit",
        "reason": "admitted",
        "source_name": trunk,
        "tenant": "acme",
        "direction": "outbound",
        "attest": level,
        "attestation": AttestationRecord(rule=rule, lack=lack),
    }
    return call_view(msgspec.to_builtins(DecisionRecord(**(values | told))), None)


def calls(a: int, b: int, **told: Any) -> list[dict[str, Any]]:
    return [
        *(call("A", "A-own-inventory", **told) for _ in range(a)),
        *(call("B", "B-known-customer", lack=LACK, **told) for _ in range(b)),
    ]


def test_property_35_the_levels_of_a_trunk_and_why() -> None:
    (one,) = attested(
        [
            *calls(3, 2),
            call("", "A-own-inventory", attest_reason="signer-timeout"),
            call("", "none-emergency", attest_reason="none-emergency"),
        ],
        SINCE,
    )
    assert (one.trunk, one.tenant) == ("acme-hq", "acme")
    assert one.now == Mix(
        calls=7,
        levels={"A": 3, "B": 2, "C": 0, "none": 2},
        why={
            "A": {"A-own-inventory": 3},
            "B": {f"B-known-customer: {LACK}": 2},
            "none": {"signer-timeout": 1, "none-emergency": 1},
        },
    )
    assert one.before == Mix()


def test_what_is_no_call_of_a_trunk_that_went_out_is_not_counted() -> None:
    assert (
        attested([call("A", "A-loa", direction="inbound"), call("A", "A-loa", verdict="reject")], SINCE) == []
    )


def test_the_trunk_with_the_most_calls_is_first_and_each_tenant_is_told_apart() -> None:
    found = attested(
        [*calls(1, 0), *calls(2, 0, trunk="beta"), *calls(1, 0, tenant="before-the-sale", before=True)], SINCE
    )
    assert [(one.trunk, one.tenant, one.now.calls, one.before.calls) for one in found] == [
        ("beta", "acme", 2, 0),
        ("acme-hq", "acme", 1, 0),
        ("acme-hq", "before-the-sale", 0, 1),
    ]


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        # of 100 and of 50 calls
        ((90, 10), (45, 5), {}),
        ((90, 10), (41, 9), {}),
        ((90, 10), (40, 10), {"A": -10.0, "B": 10.0}),
        ((90, 10), (0, 50), {"A": -90.0, "B": 90.0}),
        ((0, 100), (50, 0), {"A": 100.0, "B": -100.0}),
        # too few in either time for a share to say anything
        ((90, 10), (0, FEWEST - 1), {}),
        ((90, 10), (0, FEWEST), {"A": -90.0, "B": 90.0}),
        ((FEWEST - 1, 0), (0, 50), {}),
        ((FEWEST, 0), (0, 50), {"A": -100.0, "B": 100.0}),
    ],
)
def test_property_35_a_mix_that_has_changed(
    before: tuple[int, int], now: tuple[int, int], moved: dict[str, float]
) -> None:
    (one,) = attested([*calls(*before, before=True), *calls(*now)], SINCE)
    assert one.moved == moved


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        (0, FEWEST - 1, False),
        (0, FEWEST, True),
        (FEWEST - 1, 1000, True),
        (FEWEST, 1000, False),
        (FEWEST, 0, False),
    ],
)
def test_property_35_a_trunk_that_was_silent_before_is_new(before: int, now: int, new: bool) -> None:
    (one,) = attested([call("A", "A-loa", before=True)] * before + [call("A", "A-loa")] * now, SINCE)
    assert (one.new, one.changed, one.moved) == (new, new, {})


def test_its_rows_sum_up_to_the_calls() -> None:
    (one,) = attested([*calls(3, 2), call("C", "C-unknown-customer"), call("", "none-caller-private")], SINCE)
    assert sum(one.now.levels[level] for level in LEVELS) == one.now.calls == 7
    assert {level: sum(why.values()) for level, why in one.now.why.items()} == one.now.levels


def test_a_record_of_a_version_before_rules_says_what_it_knows() -> None:
    old = call("A", "x", attestation=None, attest_reason="own-inventory")
    older = call("", "x", attestation=None)
    del older["attestation"]
    (one,) = attested([old, older], SINCE)
    assert one.now.why == {"A": {"own-inventory": 1}, "none": {"not-known": 1}}
