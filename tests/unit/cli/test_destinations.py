"""`trunkward destinations` at the terminal."""

import json
from pathlib import Path

import msgspec
import pytest

from trunkward.cli.destinations import run, run_trunk
from trunkward.control.declared import InForce
from trunkward.settings import Paths

HEADER = "prefix,country,class,risk,rate\n"


def test_a_number_and_its_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("+37120", None, as_json=False) == 0
    assert capsys.readouterr().out == "+37120: LV, mobile, high risk, 0.813162 a minute (+3712)\n"


def test_nobodys_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("+999123", None, as_json=False) == 0
    assert capsys.readouterr().out == (
        "+999123: no country, unknown, high risk, no price known (no prefix fits)\n"
    )


def test_the_table_with_date_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("", None, as_json=False) == 0
    said = capsys.readouterr().out
    assert said.startswith("destinations of 20")
    assert "phonenumbers 9" in said
    assert "countries" in said


def test_a_country_in_small_letters(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("us", None, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["country"] == "US"
    assert {one["class"] for one in document["classes"]} == {
        "fixed-or-mobile",
        "personal",
        "premium",
        "toll-free",
    }


def test_lines_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.csv"
    file.write_text(HEADER + "+371,,,low,0.02\n", encoding="utf-8")
    assert run("+37120", file, as_json=False) == 0
    assert "LV, mobile, low risk, 0.02 a minute" in capsys.readouterr().out


def test_every_wrong_line_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.csv"
    file.write_text(HEADER + "371,,,low,\n+371,,,none,\n", encoding="utf-8")
    assert run("", file, as_json=False) == 2
    said = capsys.readouterr().err
    assert f"{file}: line 2: '371' is no prefix" in said
    assert f"{file}: line 3: 'none' is no risk" in said


@pytest.mark.parametrize(("asked", "why"), [("uk", "no country 'UK'"), ("0171", "'0171' is no number")])
def test_what_is_neither(asked: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(asked, None, as_json=False) == 2
    assert why in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("", tmp_path / "none.csv", as_json=False) == 2
    assert "no such file" in capsys.readouterr().err


# ---- what a trunk may call ---------------------------------------------------------------------------

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")
NAMES = "  - name: acme\n"
OPENS_FRANCE = NAMES + "    destinations: {allow: [US, FR]}\n"
FRANCE = "+33199001234"


@pytest.fixture
def node(tmp_path: Path) -> Paths:
    """A node whose file opens France, and whose configuration in force does not."""
    assert NAMES in EXAMPLE
    paths = Paths(
        config=tmp_path / "node.yaml", state=tmp_path / "state", run=tmp_path / "run", log=tmp_path / "log"
    )
    for directory in (paths.state, paths.run):
        directory.mkdir()
    paths.config.write_text(EXAMPLE.replace(NAMES, OPENS_FRANCE), encoding="utf-8")
    put_in_force(paths, EXAMPLE)
    return paths


def put_in_force(paths: Paths, text: str) -> None:
    held = InForce(version=7, node_file=text, certificates={"acme-hq": ["ab" * 32]}, evidence={})
    paths.declared.parent.mkdir(parents=True, exist_ok=True)
    paths.declared.write_bytes(msgspec.json.encode(held))


def test_a_trunk_may_call_what_is_in_force_and_not_what_its_file_says(
    node: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_trunk(node, None, "acme-hq", FRANCE, as_json=True) == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["reason"] == "destination-not-allowed"
    assert said.err == (
        f"{node.config} is not what is in force (version 7): ./trunkward plan says what differs\n"
    )
    assert run_trunk(node, None, "acme-hq", "", as_json=True) == 0
    assert "FR" not in json.loads(capsys.readouterr().out)["may_call"]
    # the file, when it is asked for
    assert run_trunk(node, node.config, "acme-hq", FRANCE, as_json=True) == 0
    assert capsys.readouterr().err == ""


def test_a_country_may_be_asked_of(node: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_trunk(node, node.config, "acme-hq", "fr", as_json=False) == 0
    told = capsys.readouterr().out
    assert told.startswith("acme-hq and FR: may call FR/geographic, FR/mobile")
    assert "not FR/premium: premium numbers of FR are not opened by tenant acme; to let it pass: add" in told
    assert run_trunk(node, node.config, "acme-hq", "GB/mobile", as_json=False) == 3
    assert "may call nothing of it" in capsys.readouterr().out
    assert run_trunk(node, node.config, "acme-hq", "+44", as_json=False) == 3
    capsys.readouterr()
    assert run_trunk(node, node.config, "acme-hq", "+0", as_json=False) == 2
    assert "or a country: GB" in capsys.readouterr().err
    assert run_trunk(node, node.config, "acme-hq", "Atlantis", as_json=False) == 2


def test_nothing_is_said_of_a_file_that_is_in_force(node: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    put_in_force(node, node.config.read_text(encoding="utf-8"))
    assert run_trunk(node, None, "acme-hq", FRANCE, as_json=True) == 0
    assert capsys.readouterr().err == ""


def test_where_nothing_is_in_force_nobody_may_call(node: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    node.declared.unlink()
    assert run_trunk(node, None, "acme-hq", FRANCE, as_json=True) == 2
    assert "no node has been started here yet" in capsys.readouterr().err
