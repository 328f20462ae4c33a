"""`export` takes a version as ever, and `billing`; what does not go together is refused."""

import pytest
from typer.testing import CliRunner

from trunkward.cli.main import app


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the commands were asked for; none of them does anything."""
    seen: list[object] = []

    def version(_: object, number: int | None) -> int:
        seen.append(number)
        return 0

    def told(*_: object, **more: object) -> int:
        seen.append(more)
        return 0

    monkeypatch.setattr("trunkward.cli.versions.run_export", version)
    monkeypatch.setattr("trunkward.cli.billing.run", told)
    monkeypatch.setattr("trunkward.cli.rerate.run", told)
    monkeypatch.setattr("trunkward.cli.reconcile.run", told)
    return seen


def run(words: str) -> int:
    return CliRunner().invoke(app, words.split()).exit_code


def test_export_is_about_versions_without_another_word(asked: list[object]) -> None:
    assert [run(words) for words in ("export", "export 3", "export version 4")] == [0, 0, 0]
    assert asked == [None, 3, 4]
    assert run("export three") == 2


def test_export_billing(asked: list[object]) -> None:
    assert run("export billing --from 7d --json-lines --summary") == 0
    assert asked == [{"as_json": True, "summary": True}]


@pytest.mark.parametrize(
    "words",
    [
        "export billing",
        "export billing --from 2026-02-30",
        "export billing --from 2026-03-01 --to 2026-02-01",
        "export billing --from 1d --csv --json-lines",
        "rerate --deck north --from 1d --apply",
        "rerate --deck north --from 1d --why so",
        "rerate --from 1d",
        "reconcile north file.csv",
        "reconcile north file.csv --from 1d --window 0",
        "reconcile north file.csv --from 1d --dates year",
    ],
)
def test_what_cannot_be_meant(words: str, asked: list[object]) -> None:
    assert (run(words), asked) == (2, [])


def test_rerate_and_reconcile(asked: list[object]) -> None:
    assert run("rerate --deck north --from 2d --to 1d --apply --why mail") == 0
    assert run("reconcile north file.csv --from 2d --zone Europe/Berlin --dates day --country +44") == 0
    first, second = asked
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert (first["why"], second["zone"], second["dates"], second["window_s"], second["country"]) == (
        "mail",
        "Europe/Berlin",
        "day",
        30,
        "44",
    )
