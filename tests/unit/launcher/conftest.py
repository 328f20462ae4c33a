"""A machine made of stubs: the launcher's functions with every program that would change something replaced."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[3] / "trunkward"
#: How long a stub that is to be broken off would go on.
_FOREVER = "60"
_STUBS = {
    # "ii name" for each line of the file `installed`
    "dpkg-query": """
        case $1 in
          -s) grep -qx "$2" $D/installed ;;
          *) sed 's/^/ii /' $D/installed ;;
        esac""",
    "dpkg": 'echo "dpkg $*" >>$D/calls',
    "apt-get": """
        echo "apt-get $*" >>$D/calls
        case " $* " in *" --no-install-recommends install "*) ;; *) exit 0 ;; esac
        if [[ -e $D/break ]]; then touch $D/under-way; [[ $(<$D/break) != fail ]] || exit 100; sleep """
    + _FOREVER
    + """; fi
        for word; do case $word in -* | install | DPkg* | Dpkg*) ;; *) echo "$word" >>$D/installed ;; esac; done""",
    "debootstrap": """
        for word; do [[ $word != /* ]] || : ${root:=$word}; done
        mkdir -p $root/usr/bin $root/var/lib/dpkg $root/etc
        if [[ -e $D/break ]]; then touch $D/under-way; [[ $(<$D/break) != fail ]] || exit 1; sleep """
    + _FOREVER
    + """; fi
        echo x >$root/var/lib/dpkg/status
        for name in apt-get dpkg; do printf '#!/bin/sh\\n' >$root/usr/bin/$name; chmod 755 $root/usr/bin/$name; done
        printf 'ID=debian\\nVERSION_ID="13"\\n' >$root/etc/os-release""",
    "unshare": 'shift 3; exec "$@"',
    "chroot": 'root=$1; shift; case $1 in groupadd | useradd) exec "$D/bin/$1" --root "$root" "${@:2}" ;; esac',
    "getent": """
        entries=$(<$D/etc/$1) missing=0
        if [[ $# == 1 ]]; then printf '%s\\n' "$entries"; exit; fi
        for key in "${@:2}"; do
          found=
          while IFS=: read -r name x number rest; do
            if [[ $name == "$key" || $number == "$key" ]]; then printf '%s\\n' "$name:$x:$number:$rest"; found=yes; fi
          done <<<"$entries"
          [[ $found ]] || missing=2
        done
        exit $missing""",
    "groupadd": """
        root=$D; number=
        while (($# > 1)); do case $1 in --root) root=$2; shift ;; --gid) number=$2; shift ;; esac; shift; done
        echo "$1:x:$number:" >>$root/etc/group""",
    "useradd": """
        root=$D; number=
        while (($# > 1)); do
          case $1 in --root) root=$2; shift ;; --uid) number=$2; shift ;; --*-dir | --gid | --shell) shift ;; esac
          shift
        done
        echo "$1:x:$number:0::/nonexistent:/usr/sbin/nologin" >>$root/etc/passwd""",
}
_SETTINGS = """
    PLATFORM=$D/platform POLICY=$D/policy-rc.d UNITS=$D/units STAMP=/.platform-of-the-tests
    have_debootstrap() { true; }
    find_mirrors() { mirrors=(http://mirror.example.com/debian http://mirror.example.com/debian-security); }
    carry_settings() { settings_files >"$1$STAMP.settings"; }
    lock_fd= venv_fd= INNER_ENV=()
"""


@dataclass
class Machine:
    """The machine's files, and what was run on it."""

    path: Path
    broken: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Stubs and an empty machine."""
        for folder in ("bin", "etc", "parts"):
            (self.path / folder).mkdir()
        for name, script in _STUBS.items():
            (self.path / "bin" / name).write_text(f"#!/usr/bin/env bash\n{script}\n")
            (self.path / "bin" / name).chmod(0o755)
        for name in ("installed", "calls", "etc/passwd", "etc/group"):
            (self.path / name).touch()

    def command(self, script: str) -> tuple[list[str], dict[str, str]]:
        """The words and the environment to run a script of the launcher's functions with."""
        environment = {
            "PATH": f"{self.path / 'bin'}:{os.environ['PATH']}",
            "D": str(self.path),
            "TRUNKWARD_SETUP_LOG": str(self.path / "setup.log"),
            "TRUNKWARD_PARTS": str(self.path / "parts"),
        }
        return ["bash", "-c", f'. "$1"; {_SETTINGS}{script}', "bash", str(LAUNCHER)], environment

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Runs a script to its end."""
        words, environment = self.command(script)
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=30)

    def break_off(self, script: str, how: str) -> subprocess.CompletedProcess[str]:
        """Runs a script until it is in the middle of its work, and ends it there.

        `how`: `fail`, or the name of a signal.
        """
        (self.path / "break").write_text("fail" if how == "fail" else "wait")
        words, environment = self.command(script)
        process = subprocess.Popen(
            words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
        )
        until = time.monotonic() + 20
        while not (self.path / "under-way").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.01)
        if how != "fail":
            process.send_signal(signal.Signals[how])
        if (
            how == "SIGKILL"
        ):  # what it left goes on by itself: ended as a person would, else the next run waits for it
            process.wait()
            quiet = 0
            while quiet < 3:  # one that is just becoming another program has no environment to be known by
                left = self._left()
                for number in left:
                    with suppress(OSError):
                        os.kill(number, signal.SIGKILL)
                quiet = 0 if left else quiet + 1
                time.sleep(0.02)
        out, said = process.communicate(timeout=20)
        (self.path / "break").unlink()
        (self.path / "under-way").unlink()
        return subprocess.CompletedProcess(words, process.returncode, out, said)

    def _left(self) -> list[int]:
        """Processes of this machine."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"D={self.path}\0".encode() in (process / "environ").read_bytes():
                    found.append(int(process.name))
        return found

    def file(self, name: str) -> str:
        """What a file of the machine holds."""
        return (self.path / name).read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)
