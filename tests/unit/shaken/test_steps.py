"""Where a PASSporT failed, by the numbers of docs/shaken.md, for every case of the table."""

import re
from pathlib import Path

import pytest

from stirkit.cases import CASES
from stirkit.judging import judged
from stirkit.tokens import X5U
from trunkward.shaken.causes import Cause, StirError
from trunkward.shaken.steps import ALONE, TOGETHER, Result, steps_of
from trunkward.shaken.verify import Judged

#: Causes that only one step can find.
ONLY = {
    Cause.HEADERS_TOO_MANY: 1,
    Cause.HEADER_MALFORMED: 2,
    Cause.ALG: 2,
    Cause.PPT_MISMATCH: 2,
    Cause.URL_REFUSED: 3,
    Cause.ATTEST: 4,
    Cause.CLAIM_MISSING: 4,
    Cause.DATE_FAR_FROM_IAT: 5,
    Cause.ORIG_MISMATCH: 6,
    Cause.CERTIFICATE_UNAVAILABLE: 8,
    Cause.CHAIN_NOT_TRUSTED: 8,
    Cause.CERTIFICATE_EXPIRED: 8,
    Cause.DIV_LOOP: 11,
    Cause.DIV_TOO_DEEP: 11,
    Cause.DIV_WITHOUT_BASE: 11,
}


@pytest.mark.parametrize("name", CASES)
def test_what_failed_failed_at_one_step(name: str) -> None:
    for one in judged(CASES[name]).passports:
        steps = steps_of(one)
        failed = [step.number for step in steps if step.result is Result.FAILED]
        assert failed == ([one.failed_at] if one.error else []), one
        assert one.error is None or one.failed_at == ONLY.get(one.error.cause, one.failed_at), one
        passed = [step.number for step in steps if step.result is Result.PASSED]
        assert passed == [step.number for step in steps if not failed or step.number < failed[0]]


def test_the_table_shows_each_of_them() -> None:
    causes = {one.error.cause for case in CASES.values() for one in judged(case).passports if one.error}
    assert ONLY.keys() <= causes


def test_a_certificate_nobody_asked_for_has_not_failed() -> None:
    judged_so = Judged("shaken", StirError(cause=Cause.CERTIFICATE_UNAVAILABLE, text=X5U), X5U, 8)
    asked, unasked = steps_of(judged_so), steps_of(judged_so, {X5U})
    assert [step.result for step in asked if step.number == 8] == [Result.FAILED]
    assert {step.result for step in unasked if step.number >= 8} == {Result.NOT_TRIED}
    assert {step.result for step in unasked if step.number < 8} == {Result.PASSED}


def test_the_document_numbers_them_alike() -> None:
    text = (Path(__file__).parents[3] / "docs" / "shaken.md").read_text(encoding="utf-8")
    verification = text.partition("## Verification")[2].partition("\n## ")[0]
    numbered = {int(number) for number in re.findall(r"^([0-9]+)\. ", verification, re.MULTILINE)}
    assert numbered == {*ALONE, *TOGETHER, 12}
