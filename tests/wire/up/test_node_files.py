"""Wrong node files, flags and commands through the real command."""

import json
import re

import pytest

from wire.up.conftest import Home, eventually

#: What is written instead of what, the line that is named if it is another, and what is said about it.
WRONG = [
    ("  tls_port: 5061", '  tls_port: "5061"', "", "node.tls_port: must be a whole number, without quotes"),
    ("  tls_port: 5061", "  tls_prt: 5061", "", "node.tls_prt: unknown key; did you mean tls_port?"),
    ("  tls_port: 5061", "  tls_port: 05061", "", "node.tls_port: 05061 would be read as another number"),
    ("  tls_port: 5061", "  tls_port: 443", "", "node.tls_port: write a port of 1024 to 65535"),
    ('          - "+12025550101"', "          - +12025550101", "",
     "tenants[acme].trunks[acme-hq].numbers[0]: must be text; put it in quotes"),
    ("    transport: udp", "    transport: tls", "  - name: south", "carriers[south]: a TLS carrier needs tls_names"),
    ("    networks: [127.0.0.41/32]", "    networks: [127.0.0.41/33]", "",
     "carriers[south].networks[0]: write a network such as 192.0.2.0/24"),
    ("  - name: south", "  - name: north", "", "carriers[north].name: another trunk or carrier has this name"),
    ("  - name: south", "  - name: '[red]south[/red]'", "", "carriers[1].name: a name is lower-case letters"),
    ("carriers:", "carriers: {", "  - name: north", "expected the node content, but found '-'"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "named", "said"), WRONG)
def test_a_wrong_file_is_refused_whole(home: Home, right: str, wrong: str, named: str, said: str) -> None:
    """Summary: `check-config` and `up` refuse a wrong file with file, line and reason, and change nothing."""
    config = home.path / "node.yaml"
    lines = config.read_text().splitlines()
    at = lines.index(right)
    lines[at] = wrong
    config.write_text("\n".join(lines) + "\n")
    before = home.files()
    for command in (("check-config", str(config)), ("up",)):
        refused = home.run(*command)
        assert refused.returncode == 2, refused
        (problem,) = re.findall(rf"^{re.escape(str(config))}:(\d+):\d+: (.*)$", refused.stderr, re.MULTILINE)
        assert int(problem[0]) == (lines.index(named) if named else at) + 1, problem
        assert said in problem[1]
        assert "refused whole" in refused.stderr
        assert "Traceback" not in refused.stderr
    after = {name: content for name, content in home.files().items() if name != "run/up.lock"}
    assert after == before


def test_a_good_file_passes(home: Home) -> None:
    """Summary: `check-config` says that a good file is good, and makes nothing."""
    before = home.files()
    good = home.run("check-config", str(home.path / "node.yaml"))
    assert good.returncode == 0
    # its deviations are told, and nothing else
    assert {line.split(": ")[1] for line in good.stderr.splitlines()} <= {"deviates from the secure default"}
    assert "good: 1 trunk, 2 carriers" in good.stdout
    assert home.files() == before


def test_up_deletes_nothing_unless_told_so(home: Home) -> None:
    """Summary: a file that deletes a carrier is not taken by `up`, nor by `apply`, without --delete; `up --delete` takes it."""
    config = home.path / "node.yaml"
    whole = config.read_text()
    fewer = whole[: whole.index("  - name: south")]

    def in_force() -> str:
        return str(json.loads((home.path / "state/config/declared.json").read_text())["node_file"])

    home.start()
    config.write_text(fewer)
    refused = home.run("apply")
    assert (refused.returncode, "add --delete to delete carrier south" in refused.stderr) == (2, True)
    assert home.stop() == 0
    home.start()
    assert "deletes carrier south, which nobody has said it may: starting on version 1" in home.out
    assert (in_force(), config.read_text()) == (whole, fewer)
    assert home.stop() == 0
    home.begin("--delete")
    eventually(lambda: "ready after" in home.out, 40, "ready")
    assert in_force() == fewer


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fly",), "No such command"),
        (("up", "--fast"), "No such option"),
        (("calls", "--limit", "none"), "valid integer"),
        (("calls", "--limit=-1"), "greater than or equal to 0"),
        (("check-config",), "Missing argument"),
        (("check-config", "/nowhere.yaml"), "there is no such file"),
        (("check-config", "/"), "cannot be read"),
        (("status",), "no node has been started here yet"),
        (("calls",), "no records yet"),
        (("call-test",), "no node has been started here yet"),
    ],
)
def test_what_cannot_be_done_is_said(home: Home, arguments: tuple[str, ...], said: str) -> None:
    """Summary: unknown commands and flags, wrong values, and a node that is not there: exit 2 and one clear line."""
    refused = home.run(*arguments)
    assert refused.returncode == 2
    assert said in refused.stderr.replace("\n", " "), refused.stderr
    assert "Traceback" not in refused.stderr
