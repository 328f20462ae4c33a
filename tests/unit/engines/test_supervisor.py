"""The supervisor's file: words survive as they are, and every program is confined."""

import configparser
import shlex
from pathlib import Path

import pytest

from trunkward.engines.supervisor import Program, render_supervisord_conf
from trunkward.settings import Paths


def _section(program: Program) -> dict[str, str]:
    base = Path("/srv/100% node")
    paths = Paths(config=base / "node.yaml", state=base / "state", run=base / "run", log=base / "log")
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(render_supervisord_conf([program], paths, 20_000))
    return dict(parser[f"program:{program.name}"])


@pytest.mark.parametrize(
    "word",
    ["plain", "two words", "it's", 'a "quote"', "100%", "$HOME", "back\\slash", "https://e/;a?b#c", ""],
)
def test_a_word_of_a_command_comes_through(word: str) -> None:
    program = Program(name="signer", user="tw-signer", command=["/bin/x", word, "end"], priority=1)
    command = shlex.split(_section(program)["command"] % {})
    assert command[-3:] == ["/bin/x", word, "end"]


def test_a_port_is_taken_before_root_is_given_up() -> None:
    hosts = ("127.0.0.10", "2001:db8::10")
    program = Program(name="p", user="tw-cert", command=["/bin/x"], priority=1, bound=(hosts, 80))
    command = shlex.split(_section(program)["command"])
    bind = command.index("trunkward.certificates.bind")
    assert command[bind - 2 : bind + 2] == ["-I", "-m", "trunkward.certificates.bind", ",".join(hosts)]
    assert command[bind + 2] == "80"
    assert command[bind + 3].endswith("setpriv")
    # and no capability stays for it
    confined = command[bind + 3 : command.index("/bin/x")]
    assert {"--reuid=tw-cert", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"} <= set(confined)


@pytest.mark.parametrize("own_processes", [False, True])
def test_the_wish_to_die_comes_after_the_change_of_user(own_processes: bool) -> None:
    program = Program(name="p", user="tw-gate", command=["/bin/x"], priority=1, own_processes=own_processes)
    command = shlex.split(_section(program)["command"])
    become, die = command.index("--reuid=tw-gate"), len(command) - 1 - command[::-1].index("--pdeathsig=KILL")
    assert become < die < command.index("/bin/x")
    confined = command[become : command.index("/bin/x")]
    assert {"--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--init-groups"} <= set(confined)
    assert ("--pid" in command) == own_processes
