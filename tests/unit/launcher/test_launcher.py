"""The launcher's own behaviour, without setting anything up: usage, steps, locks, packages, refusals."""

import fcntl
import os
import pty
import re
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from trunkward import __version__
from trunkward.cli.main import app

LAUNCHER = Path(__file__).parents[3] / "trunkward"
#: Whatever would be set up cannot be: nobody may write there.
NOTHING = {
    "PATH": "/usr/bin:/bin",
    "TRUNKWARD_PLATFORM": "/proc/nowhere",
    "TRUNKWARD_PARTS": "/proc/nowhere",
    "TRUNKWARD_SETUP_LOG": "/proc/nowhere/log",
}


def run(script: str, tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `script` with the launcher's functions loaded, its log and parts under `tmp_path`."""
    return subprocess.run(
        ["bash", "-c", f'. "$1"; {script}', "bash", str(LAUNCHER)],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "TRUNKWARD_SETUP_LOG": str(tmp_path / "setup.log"),
            "TRUNKWARD_PARTS": str(tmp_path / "parts"),
            **env,
        },
    )


PROGRAM = {
    *(command.name or command.callback.__name__ for command in app.registered_commands if command.callback),
    *(group.name for group in app.registered_groups if group.name),
}


@pytest.mark.parametrize(
    "arguments", [[], ["help"], ["-h"], ["--help"], ["up", "--help"], ["calls", "--limit", "3", "-h"]]
)
def test_usage_names_the_commands(arguments: list[str]) -> None:
    done = subprocess.run([LAUNCHER, *arguments], capture_output=True, text=True, check=True, env=NOTHING)
    for command in {*PROGRAM, "test", "soak", "check", "bench", "shell"}:
        assert f"\n  {command} " in done.stdout


def test_the_version_needs_no_set_up() -> None:
    done = subprocess.run([LAUNCHER, "--version"], capture_output=True, text=True, check=True, env=NOTHING)
    assert done.stdout == f"trunkward {__version__}\n"


@pytest.mark.parametrize("word", ["statsu", "--json", "install", ""])
def test_what_is_no_command_is_refused_before_anything_is_installed(word: str) -> None:
    done = subprocess.run([LAUNCHER, word], capture_output=True, text=True, check=False, env=NOTHING)
    assert done.returncode == 2
    assert done.stderr == f"trunkward: there is no command '{word}'; ./trunkward help lists them\n"


@pytest.mark.parametrize("command", sorted({*PROGRAM, "test", "soak", "check", "bench", "shell"}))
def test_a_command_goes_on(tmp_path: Path, command: str) -> None:
    done = run(f"answered {command} --config x || echo goes on", tmp_path)
    assert done.stdout == "goes on\n"


def test_a_failed_step_shows_its_own_end_of_the_log_and_where_the_log_is(tmp_path: Path) -> None:
    (tmp_path / "setup.log").write_text("older trouble\n")
    done = run("step 'making tea' bash -c 'echo no water; exit 7'; echo went on", tmp_path)
    assert done.returncode == 1
    assert "making tea ..." in done.stderr
    assert "failed (exit 7)" in done.stderr
    assert str(tmp_path / "setup.log") in done.stderr
    assert "no water" in done.stderr
    assert "older trouble" not in done.stderr
    assert "went on" not in done.stdout


def test_a_step_stops_at_its_first_failing_command(tmp_path: Path) -> None:
    done = run("broken() { false; echo reached; }; step broken broken", tmp_path)
    assert done.returncode == 1
    assert "reached" not in (tmp_path / "setup.log").read_text()


def test_a_good_step_is_one_line_with_its_seconds(tmp_path: Path) -> None:
    done = run("step 'making tea' true", tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.fullmatch(r"trunkward: making tea \.\.\. \d s\n", done.stderr), done.stderr


def test_on_a_terminal_a_step_counts_its_seconds(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["bash", "-c", '. "$1"; step "making tea" sleep 2.5', "bash", str(LAUNCHER)],
        env={"PATH": os.environ["PATH"], "TRUNKWARD_SETUP_LOG": str(tmp_path / "setup.log")},
        stderr=theirs,
    ):
        os.close(theirs)
        said = b""
        with suppress(OSError):  # the other end is closed
            while part := os.read(ours, 4096):
                said += part
    os.close(ours)
    shown = said.decode().replace("\r\n", "\n")
    counted = r"\rtrunkward: making tea \.\.\. \d+ s"
    assert re.fullmatch(rf"trunkward: making tea \.\.\.({counted})+{counted}\n", shown), shown


def test_sigterm_ends_a_step_and_its_children_at_once(tmp_path: Path) -> None:
    marker = tmp_path / "alive"
    script = f"step waiting bash -c 'touch {marker}; sleep 60; rm {marker}'"
    began = time.monotonic()
    process = subprocess.Popen(
        ["bash", "-c", f'. "$1"; {script}', "bash", str(LAUNCHER)],
        env={"PATH": os.environ["PATH"], "TRUNKWARD_SETUP_LOG": str(tmp_path / "setup.log")},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not marker.exists():
        assert time.monotonic() - began < 30
        time.sleep(0.02)
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "the next run goes on from here" in said


def test_a_second_set_up_waits_and_says_so(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = subprocess.Popen(
            ["bash", "-c", f'. "$1"; lock_fd=; lock {lock}; echo mine', "bash", str(LAUNCHER)],
            env={"PATH": os.environ["PATH"], "TRUNKWARD_SETUP_LOG": str(tmp_path / "setup.log")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr
        assert "another set-up is under way" in second.stderr.readline()
    assert second.communicate(timeout=30) == ("mine\n", "")


def test_missing_packages_are_found_in_one_question(tmp_path: Path) -> None:
    done = run("packages_missing bash no-such-package-here dpkg", tmp_path)
    assert done.stdout.split() == ["no-such-package-here"]


@pytest.mark.parametrize(
    "damage", ["", "rm $r/.trunkward-platform", "echo 0 old > $r/.trunkward-platform", "rm $r/usr/bin/dpkg"]
)
def test_only_a_whole_platform_is_good(tmp_path: Path, damage: str) -> None:
    script = f"""
      r={tmp_path}/root; mkdir -p $r/usr/bin $r/var/lib/dpkg $r/etc; cp /usr/bin/true $r/usr/bin/apt-get
      cp /usr/bin/true $r/usr/bin/dpkg; echo x > $r/var/lib/dpkg/status; echo "$RECIPE" > $r$STAMP
      printf 'ID=debian\\nVERSION_ID="13"\\n' > $r/etc/os-release
      chroot() {{ true; }}
      {damage}
      platform_good $r && echo good || echo broken"""
    assert run(script, tmp_path).stdout.strip() == ("broken" if damage else "good")


def test_the_fingerprint_follows_content_not_dates(tmp_path: Path) -> None:
    done = run(
        f"""
        TOP={tmp_path}/top; mkdir -p $TOP/src/a/__pycache__ $TOP/examples; cd $TOP; touch pyproject.toml LICENSE
        echo 1 > src/a/b.py
        one=$(fingerprint); touch -d 2001-01-01 src/a/b.py; touch src/a/__pycache__/b.pyc; two=$(fingerprint)
        echo 2 > src/a/b.py; three=$(fingerprint); [[ $one == $two ]] && echo same
        [[ $one != $three ]] && echo other
        echo 3 > examples/node.yaml; [[ $(fingerprint) != $three ]] && echo example
        """,
        tmp_path,
    )
    assert done.stdout.split() == ["same", "other", "example"]


def test_without_root_and_sudo_it_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "env", "readlink", "dirname", "cat"):
        (tmp_path / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
    copy = tmp_path / "trunkward"
    copy.write_bytes(LAUNCHER.read_bytes())
    shutil.copytree(LAUNCHER.parent / "src/trunkward/debian", tmp_path / "src/trunkward/debian")
    copy.chmod(0o755)
    for folder in (tmp_path, *tmp_path.parents[:3]):  # pytest makes its folders private
        folder.chmod(0o755)
    done = subprocess.run(
        [copy, "status"],
        env={"PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
        check=False,
        user="nobody",
    )
    assert done.returncode == 1
    assert "needs root" in done.stderr


def test_versions_stand_beside_each_other_and_old_ones_go(tmp_path: Path) -> None:
    done = run(
        """
        V=$PARTS/versions; mkdir -p $V
        for v in a b c d e; do mkdir $V/$v; touch $V/$v/.trunkward-deps $V/$v/.trunkward-project; done
        ln -s versions/a $PARTS/current; ln -s versions/b $PARTS/previous
        exec {held}>$V/c.in-use; flock -s $held
        drop_old_versions $V/d; ls $V
        """,
        tmp_path,
    )
    # current, previous, one a node runs from, and the one just made
    assert done.stdout.split() == ["a", "b", "c", "c.in-use", "d"], done.stderr


def test_a_version_an_upgrade_was_killed_on_the_way_to_stays(tmp_path: Path) -> None:
    done = run(
        """
        V=$PARTS/versions; mkdir -p $V/old $V/new $V/ne $V/made $TRUNKWARD_HOME/run
        ln -s versions/old $PARTS/current
        printf '{\\n  "now": {"prefix": "%s"},\\n  "moving_to": "%s"\\n}' $V/old $V/new >$TRUNKWARD_HOME/run/version.json
        drop_old_versions $V/made; ls $V
        """,
        tmp_path,
        TRUNKWARD_HOME=str(tmp_path / "home"),
    )
    assert done.stdout.split() == ["made", "new", "old"], done.stderr


@pytest.mark.parametrize(
    "command",
    [
        *("status", "plan", "apply", "rollback", "release", "hold", "spend raise", "spend forget"),
        *("deck restore", "secret revoke", "explain", "try", "history", "export billing"),
    ],
)
def test_a_running_node_is_asked_and_changed_by_the_version_it_runs(tmp_path: Path, command: str) -> None:
    done = run(
        f"""
        NODE_DIRS=(); ensure_users() {{ :; }}; ensure_packages() {{ :; }}
        ensure_venv() {{ echo the version of the checkout; exit 9; }}
        mkdir -p $TRUNKWARD_HOME/run $PARTS/versions/old/bin; ln -s versions/old $PARTS/current
        printf '#!/bin/sh\necho old "$@"\n' >$PARTS/versions/old/bin/trunkward; chmod 755 $PARTS/versions/old/bin/trunkward
        exec {{held}}>$TRUNKWARD_HOME/run/up.lock; flock -x $held
        on_platform {command} a b
        """,
        tmp_path,
        TRUNKWARD_HOME=str(tmp_path / "home"),
    )
    assert done.stdout == f"old {command} a b\n", done.stderr


@pytest.mark.parametrize("command", ["up", "upgrade", "check-config", "restore", "install-units"])
def test_what_brings_or_checks_a_version_is_the_checkouts(tmp_path: Path, command: str) -> None:
    done = run(
        f"""
        NODE_DIRS=(); ensure_users() {{ :; }}; ensure_packages() {{ :; }}
        ensure_venv() {{ echo the version of the checkout; exit 9; }}
        mkdir -p $TRUNKWARD_HOME/run $PARTS/versions/old/bin; ln -s versions/old $PARTS/current
        touch $PARTS/versions/old/bin/trunkward; chmod 755 $PARTS/versions/old/bin/trunkward
        exec {{held}}>$TRUNKWARD_HOME/run/up.lock; flock -x $held
        on_platform {command}
        """,
        tmp_path,
        TRUNKWARD_HOME=str(tmp_path / "home"),
    )
    assert done.stdout == "the version of the checkout\n", done.stderr


def test_the_same_python_parts_are_copied_not_installed_anew(tmp_path: Path) -> None:
    done = run(
        """
        V=$PARTS/versions; mkdir -p $V/one/bin $V/other/bin; echo pinned >$PARTS/lock
        parts_of $PARTS/lock >$V/one/.trunkward-deps; echo 1 >$V/one/.trunkward-project
        echo other >$V/other/.trunkward-deps; echo 1 >$V/other/.trunkward-project
        printf '#!%s/bin/python\\n' $V/one >$V/one/bin/trunkward; chmod 755 $V/one/bin/trunkward
        ln -s /usr/bin/python3 $V/one/bin/python; echo home = /usr/bin >$V/one/pyvenv.cfg
        make_venv $V/two $PARTS/lock; cat $V/two/bin/trunkward; readlink $V/two/bin/python
        venv_whole $V/two || echo not whole yet
        """,
        tmp_path,
    )
    assert done.stdout.split("\n")[:3] == [
        f"#!{tmp_path}/parts/versions/two/bin/python",
        "/usr/bin/python3",
        "not whole yet",
    ], done.stderr


def test_a_version_s_place_follows_its_content(tmp_path: Path) -> None:
    done = run(
        f"""
        TOP={tmp_path}/top; mkdir -p $TOP/src/trunkward $TOP/examples; touch $TOP/pyproject.toml $TOP/LICENSE $TOP/lock
        echo '__version__ = "1.2.3"' >$TOP/src/trunkward/__init__.py
        one=$(version_dir $TOP/lock); echo x >>$TOP/lock; two=$(version_dir $TOP/lock)
        echo y >$TOP/src/trunkward/a.py; three=$(version_dir $TOP/lock); printf '%s\\n' $one $two $three
        """,
        tmp_path,
    )
    places = done.stdout.split()
    assert len(set(places)) == 3, done.stderr
    assert {place.rpartition("-")[0] for place in places} == {f"{tmp_path}/parts/versions/1.2.3"}


def test_a_node_that_is_up_is_known_by_its_lock(tmp_path: Path) -> None:
    done = run(
        """
        mkdir -p $TRUNKWARD_HOME/run; node_is_up || echo never started
        touch $TRUNKWARD_HOME/run/up.lock; node_is_up || echo down
        exec {held}>$TRUNKWARD_HOME/run/up.lock; flock -x $held; node_is_up && echo up
        """,
        tmp_path,
        TRUNKWARD_HOME=str(tmp_path / "home"),
    )
    assert done.stdout.split("\n")[:3] == ["never started", "down", "up"], done.stderr


@pytest.mark.parametrize("words", ["apply --help", "apply -h", "help apply", "apply --delete --help"])
def test_the_help_of_a_command_is_the_installed_programs(tmp_path: Path, words: str) -> None:
    install = """
        os_is() { true; }
        ensure_packages() { echo installs; }
        dir=$(version_dir "$TOP/requirements/runtime.lock")
        mkdir -p "$dir/bin"
        printf '#!/bin/sh\\necho "program $*"\\n' >"$dir/bin/trunkward"
        chmod 755 "$dir/bin/trunkward"
    """
    whole = 'touch "$dir/.trunkward-deps" "$dir/.trunkward-project"; '
    home = str(tmp_path / "home")
    done = run(f"{install}{whole} main {words}", tmp_path, TRUNKWARD_HOME=home)
    assert done.stdout.startswith("program apply -"), done.stderr
    # one whose installation was broken off has nothing to say, and none is installed for it
    shutil.rmtree(tmp_path / "parts")
    done = run(f"{install} main {words}", tmp_path, TRUNKWARD_HOME=home)
    assert done.stdout.startswith("Trunkward: a secure SIP trunking node. Usage:"), done.stderr
    assert "installs" not in done.stdout


def test_where_the_current_directory_is_inside(tmp_path: Path) -> None:
    def inside(current: str, *seen: str) -> str:
        return run(
            f"TOP=/home/me/checkout; PWD={current}; inner_place {' '.join(seen)}", tmp_path
        ).stdout.strip()

    # seen under its own name: there `../x` is what it is outside
    assert inside("/home/me/checkout/docs", "/root", "/home") == "/home/me/checkout/docs"
    assert inside("/home/me/checkout", "/home/me/checkout") == "/home/me/checkout"
    assert inside("/home/me/checkout/docs", "/root", "/ho") == "/srv/trunkward/docs"
    assert inside("/home/me", "/root") == "/home/me"
    assert inside("/", "/root") == "/"
