"""The report of a run, for a person: a summary first, times of a clock, nothing empty."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from trunkward.calltest.evidence import AS_RECORDED
from trunkward.calltest.expectations import judge
from trunkward.calltest.parties import LabShaken
from trunkward.calltest.report import print_report
from unit.calltest.recorded import good_call, lab


def printed(shaken: LabShaken, directory: Path, **record: Any) -> list[str]:
    call = good_call(shaken, directory)
    call = replace(call, record={**(call.record or {}), **record})
    out = StringIO()
    print_report([judge(call, lab(shaken))], Console(file=out, width=200), took_s=61.4)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_summary_comes_first_and_the_time_it_took_last(shaken: LabShaken, tmp_path: Path) -> None:
    lines = printed(shaken, tmp_path)
    head, row = lines[:2]
    assert head.split() == ["call", "s", "signed", "lost"]
    assert row.split() == ["1", "customer", "to", "north", "ok", "9.5", "A", "0"]
    assert lines[-1].startswith("all ")
    assert lines[-1].endswith("expectations held, 1 call, 61 s")


def test_the_summary_fits_a_terminal(shaken: LabShaken, tmp_path: Path) -> None:
    call = good_call(shaken, tmp_path)
    title = "customer with a number not its own to north"
    out = StringIO()
    judged = judge(replace(call, plan=replace(call.plan, title=title)), lab(shaken))
    print_report([judged], Console(file=out, width=80), took_s=1)
    assert title in out.getvalue().splitlines()[1]


def test_times_are_a_clock_s_and_nothing_is_empty(shaken: LabShaken, tmp_path: Path) -> None:
    legs = [
        {"side": "customer", "srtp_suite": "", "key_source": "none"},
        {"side": "carrier", "errors_in": 2},
    ]
    lines = printed(
        shaken,
        tmp_path,
        attest="",
        blame="nobody",
        started_at=0.4,
        answered_at=3723.0,
        end_code=200,
        legs=legs,
    )
    (record,) = [line for line in lines if line.startswith("record ")]
    assert "not signed, judged 00:00:00 UTC, answered 01:02:03 UTC" in record
    assert "nobody" not in record
    (srtp,) = [line for line in lines if line.startswith("SRTP, as recorded")]
    assert srtp.replace("│", " ").split()[3:] == ["plain", "RTP", "not", "recorded"]
    (lost,) = [line for line in lines if line.startswith("packets not relayed")]
    assert lost.replace("│", " ").split()[-3:] == ["not", "recorded", "2"]


def test_why_a_call_went_unsigned_stands_beside_it(shaken: LabShaken, tmp_path: Path) -> None:
    call = good_call(shaken, tmp_path)
    record = {**(call.record or {}), "attest": "", "attest_reason": "certificate-key-mismatch"}
    call = replace(call, plan=replace(call.plan, attest=AS_RECORDED), record=record)
    out = StringIO()
    print_report([judge(call, lab(shaken))], Console(file=out, width=200), took_s=1)
    (identity,) = [line for line in out.getvalue().splitlines() if line.startswith("Identity ")]
    assert "did not sign it" in identity
    assert "certificate-key-mismatch" in identity
