"""Wrong node files, flags and commands through the real command."""

import pytest

from wire.up.conftest import Home

#: What is written instead of what, in which line, and what is said about it.
WRONG = [
    ("  tls_port: 5061", '  tls_port: "5061"', "must be a whole number"),
    ("  tls_port: 5061", "  tls_prt: 5061", "did you mean tls_port?"),
    ('          - "+12025550101"', "          - +12025550101", "put it in quotes"),
    ("    transport: udp", "    transport: tls", "carriers"),
    ("    networks: [127.0.0.1/32]", "    networks: [127.0.0.1/33]", "carriers"),
    ("  - name: south", "  - name: north", "name"),
    ("  - name: south", "  - name: [red]south[/red]", ""),
    ("carriers:", "carriers: {", ""),
]


@pytest.mark.parametrize(("right", "wrong", "said"), WRONG)
def test_a_wrong_file_is_refused_whole(home: Home, right: str, wrong: str, said: str) -> None:
    """Summary: `check-config` and `up` refuse a wrong file with file, line and reason, and change nothing."""
    config = home.path / "node.yaml"
    lines = config.read_text().splitlines()
    number = lines.index(right)
    lines[number] = wrong
    config.write_text("\n".join(lines) + "\n")
    before = home.files()
    for command in (("check-config", str(config)), ("up",)):
        refused = home.run(*command)
        assert refused.returncode == 2, refused
        assert f"{config}:" in refused.stderr
        assert said in refused.stderr
        assert "refused whole" in refused.stderr
        assert "Traceback" not in refused.stderr
        named = [int(line.split(":")[1]) for line in refused.stderr.splitlines() if line.startswith(f"{config}:")
                 and line.split(":")[1].isdigit()]  # fmt: skip
        # the line itself, or where the entry it belongs to begins
        assert any(abs(line - number - 1) <= 3 for line in named), refused.stderr
    after = {name: content for name, content in home.files().items() if name != "run/up.lock"}
    assert after == before


def test_a_good_file_passes(home: Home) -> None:
    """Summary: `check-config` says that a good file is good, and makes nothing."""
    before = home.files()
    good = home.run("check-config", str(home.path / "node.yaml"))
    assert (good.returncode, good.stderr) == (0, "")
    assert "good: 1 trunks, 2 carriers" in good.stdout
    assert home.files() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fly",), "No such command"),
        (("up", "--fast"), "No such option"),
        (("calls", "--limit", "none"), "valid integer"),
        (("calls", "--limit", "0"), "greater than or equal to 1"),
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
