"""`trunkward call-test`: which calls its options mean, and which mean none."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trunkward.calltest.other_provider import Fault
from trunkward.calltest.signed_call import Wanted
from trunkward.cli import call_test
from trunkward.cli.call_test import Asked
from trunkward.cli.main import app
from trunkward.shaken.attest import Attestation


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Asked]:
    """What was asked for; nothing is placed."""
    heard: list[Asked] = []

    def run(_paths: object, asked: Asked, **_: Any) -> int:
        heard.append(asked)
        return 0

    monkeypatch.setenv("TRUNKWARD_HOME", str(tmp_path))
    monkeypatch.setattr(call_test, "run", run)
    return heard


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("", Asked(trunk="", carrier="", wanted=Wanted())),
        ("--trunk a", Asked(trunk="a", carrier="", wanted=Wanted())),
        (
            "--trunk a --from +12025550150",
            Asked(trunk="a", carrier="", wanted=Wanted(calling="+12025550150")),
        ),
        ("--carrier n", Asked(trunk="", carrier="n", wanted=Wanted())),
        ("--carrier n --level B", Asked(trunk="", carrier="n", wanted=Wanted(level=Attestation.B))),
        (
            "--carrier n --level C --fault url --from +12025550150",
            Asked(
                trunk="",
                carrier="n",
                wanted=Wanted(calling="+12025550150", level=Attestation.C, fault=Fault.URL),
            ),
        ),
    ],
)
def test_what_is_meant(words: str, wanted: Asked, asked: list[Asked]) -> None:
    done = CliRunner().invoke(app, ["call-test", *words.split()])
    assert (done.exit_code, asked) == (0, [wanted]), done.output


@pytest.mark.parametrize(
    "words",
    [
        "--trunk a --carrier n",
        "--from +12025550150",
        "--level A",
        "--trunk a --level A",
        "--carrier n --fault url",
        "--carrier n --level D",
        "--carrier n --level A --fault wrong",
        "--carrier n --from nobody",
    ],
)
def test_what_means_nothing_is_refused(words: str, asked: list[Asked]) -> None:
    done = CliRunner().invoke(app, ["call-test", *words.split()])
    assert (done.exit_code, asked) == (2, [])
