"""Tenants without a valid KYC record are told of, before and while their calls are signed C."""

from dataclasses import replace
from pathlib import Path

import pytest

from trunkward.control.customers import SOON_S, wanting
from trunkward.control.node_file import NodeFileRefused, accept_node_file, read_node_file
from trunkward.trunks.customer import Customer
from trunkward.trunks.transit import Role

TEXT = (Path(__file__).parents[3] / "examples/node.yaml").read_text()
EXAMPLE = read_node_file(TEXT, "node.yaml")
#: 2026-01-15T00:00:00Z, as the example says.
VERIFIED = 1_768_435_200
LINE = "    customer: {reference: KYC-2026-17, verified: 2026-01-15}\n"


def told(at: float, customer: Customer | None = EXAMPLE.trunks[0].customer) -> list[tuple[str, str]]:
    trunks = tuple(replace(trunk, customer=customer) for trunk in EXAMPLE.trunks)
    return wanting(replace(EXAMPLE, trunks=trunks), at)


def test_what_the_file_says() -> None:
    assert EXAMPLE.trunks[0].customer == Customer(reference="KYC-2026-17", verified_s=VERIFIED)
    without = read_node_file(TEXT.replace(LINE, ""), "node.yaml")
    assert without.trunks[0].customer is None


def test_its_objects_say_it_too_so_that_plan_and_diff_do() -> None:
    fields = accept_node_file(TEXT, "node.yaml").objects["tenants"]["acme"]
    assert (fields["customer.reference"], fields["customer.verified"]) == ("KYC-2026-17", "2026-01-15")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("{reference: KYC-2026-17}", "verified"),
        ("{reference: KYC-2026-17, verified: 2026-02-30}", "a day is written as 2026-01-15"),
        ("{reference: KYC-2026-17, verified: yesterday}", "a day is written as 2026-01-15"),
        ("{reference: 'KYC 17', verified: 2026-01-15}", "letters, digits"),
        ("{reference: '', verified: 2026-01-15}", "letters, digits"),
        (f"{{reference: {'K' * 65}, verified: 2026-01-15}}", "at most 64"),
        ("KYC-2026-17", "customer"),
    ],
)
def test_what_the_file_may_not_say(written: str, why: str) -> None:
    with pytest.raises(NodeFileRefused, match=why):
        read_node_file(TEXT.replace(LINE, f"    customer: {written}\n"), "node.yaml")


def test_a_valid_record_is_not_told_of() -> None:
    customer = EXAMPLE.trunks[0].customer
    assert customer is not None
    assert told(customer.since_s) == []
    assert told(customer.until_s - SOON_S) == []


@pytest.mark.parametrize(
    ("before_end_s", "words"),
    [(SOON_S - 1, "is too old from 2028-01-16 on"), (1, "is too old from"), (0, "older than 731 days")],
)
def test_one_that_is_old(before_end_s: int, words: str) -> None:
    customer = EXAMPLE.trunks[0].customer
    assert customer is not None
    ((tenant, said),) = told(customer.until_s - before_end_s)
    assert tenant == "acme"
    assert words in said


def test_none_and_one_of_a_day_to_come() -> None:
    assert "no KYC record is named: its calls are signed C" in told(VERIFIED, None)[0][1]
    assert "of a day to come" in told(VERIFIED - 15 * 3600)[0][1]


def test_whose_calls_are_others_has_nothing_to_be_verified_for() -> None:
    trunks = tuple(replace(trunk, customer=None, role=Role.GATEWAY) for trunk in EXAMPLE.trunks)
    assert wanting(replace(EXAMPLE, trunks=trunks), VERIFIED) == []
