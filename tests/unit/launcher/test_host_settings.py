"""The launcher reads the host's mirrors and registry settings, and leaves out what means nothing inside."""

import subprocess
import tempfile
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[3] / "trunkward"


def bash(script: str, *arguments: str | Path) -> str:
    """Run `script` with the launcher's functions loaded; its standard output."""
    words = ["bash", "-c", f'. "$1"; shift; {script}', "bash", str(LAUNCHER), *map(str, arguments)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def apt_dir(tmp_path: Path, name: str, text: str) -> Path:
    """A folder like /etc/apt with one file in it."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param("sources.list", "", [], id="nothing"),
        pytest.param(
            "sources.list",
            "deb [arch=amd64 trusted=yes] http://mirror.example.com/debian/ bookworm main contrib # near\n"
            "deb http://mirror.example.com/debian-security bookworm-security main\n",
            ["http://mirror.example.com/debian", "http://mirror.example.com/debian-security"],
            id="one-line form",
        ),
        pytest.param(
            "sources.list",
            "deb https://mirror.example.com/debian bookworm main",
            ["https://mirror.example.com/debian", "https://mirror.example.com/debian-security"],
            id="no newline at the end, no security entry: its sibling",
        ),
        pytest.param(
            "sources.list.d/debian.sources",
            "Types: deb deb-src\nURIs: http://mirror.example.com/debian\n# a remark\nSuites: bookworm\n"
            " bookworm-updates\nComponents: main\nSigned-By: /usr/share/keyrings/debian.gpg\n\n"
            "Types: deb\nURIs: http://safe.example.com/sec/\nSuites: bookworm-security\nComponents: main",
            ["http://mirror.example.com/debian", "http://safe.example.com/sec"],
            id="deb822 with a continued field",
        ),
        pytest.param(
            "sources.list.d/debian.sources",
            "Types: deb\nEnabled: no\nURIs: http://off.example.com/debian\nSuites: bookworm\n"
            "Components: main\n",
            [],
            id="deb822 switched off",
        ),
        pytest.param(
            "sources.list",
            "deb https://php.example.com/php bookworm main\n"
            "deb https://docker.example.com/linux/debian bookworm stable\n"
            "deb http://mirror.example.com/debian bookworm main\n",
            ["http://mirror.example.com/debian", "http://mirror.example.com/debian-security"],
            id="other people's archives are not taken for Debian's",
        ),
        pytest.param(
            "sources.list",
            "deb http://archive.example.com/ubuntu noble main universe\n",
            [],
            id="an Ubuntu host",
        ),
        pytest.param(
            "sources.list",
            "deb-src http://mirror.example.com/debian bookworm main\n",
            [],
            id="sources only",
        ),
    ],
)
def test_mirrors(tmp_path: Path, name: str, text: str, expected: list[str]) -> None:
    assert bash('debian_mirrors "$1"', apt_dir(tmp_path, name, text)).split() == expected


def test_a_host_without_a_mirror_says_how_to_name_one(tmp_path: Path) -> None:
    words = ["bash", "-c", '. "$1"; debian_mirrors() { :; }; find_mirrors; echo on', "bash", str(LAUNCHER)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "TRUNKWARD_MIRROR=http://HOST/debian" in done.stderr
    named = 'export TRUNKWARD_MIRROR=http://near.example.com/debian/; debian_mirrors "$1"'
    assert bash(
        named, apt_dir(tmp_path, "sources.list", "deb http://far.example.com/debian sid main")
    ).split() == [
        "http://near.example.com/debian",
        "http://near.example.com/debian-security",
    ]


def test_a_mirror_list_file_gives_its_first_mirror(tmp_path: Path) -> None:
    listed = tmp_path / "debian.list"
    listed.write_text("https://near.example.com/debian\nhttps://far.example.com/debian\n")
    apt = apt_dir(tmp_path, "sources.list", f"deb mirror+file://{listed} bookworm main\n")
    assert bash('debian_mirrors "$1"', apt).split()[0] == "https://near.example.com/debian"


def test_pip_settings_keep_what_is_reachable_inside(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ca.crt").touch()
    conf = tmp_path / "pip.conf"
    conf.write_text(
        "[global]\n# a remark\nfind-links = /opt/wheels https://wheels.example.com/\nuser = true\n"
        "extra-index-url =\n    file:///opt/pypi/simple\n    https://index.example.com/simple\n"
        "cert: /etc/ca.crt\nclient_cert = /etc/not-inside.pem\ntimeout=60\n[list]\nformat = json\n"
    )
    lines = bash('pip_settings "$1" "$2"', conf, tmp_path).splitlines()
    assert lines[0] == "[global]"
    assert sorted(lines[1:]) == [
        "cert = /etc/ca.crt",
        "extra-index-url = https://index.example.com/simple",
        "find-links = https://wheels.example.com/",
        "timeout = 60",
    ]


def test_environment_inside(tmp_path: Path) -> None:
    script = """
      export PIP_FIND_LINKS=/opt/wheels PIP_INDEX_URL=https://index.example.com/simple PIP_TARGET=/x SECRET=1
      export TRUNKWARD_HOME=/tmp/lab PIP_CERT=/not/inside.crt
      inner_env "$1"; printf '%s\\n' "${INNER_ENV[@]}" """
    lines = set(bash(script, tmp_path).splitlines())
    assert {
        "TRUNKWARD_HOME=/tmp/lab",
        "PIP_INDEX_URL=https://index.example.com/simple",
        "HOME=/root",
    } <= lines
    assert not [line for line in lines if line.startswith(("PIP_FIND", "PIP_TARGET", "PIP_CERT", "SECRET"))]


def test_which_of_the_hosts_directories_are_seen_inside(tmp_path: Path) -> None:
    here = Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        seen = bash('cd "$1"; host_dirs "$2"', here, tmp_path).splitlines()
        assert set(seen) >= {str(path) for path in map(Path, ("/root", "/tmp", "/home")) if path.is_dir()}
        assert not {"/etc", "/usr", "/var", "/opt", "/srv", "/proc", "/"} & set(seen)
        # where the caller stands, unless the system inside has something there
        assert str(here) in seen
        (tmp_path / f".{here}").mkdir(parents=True)
        assert str(here) in bash('cd "$1"; host_dirs "$2"', here, tmp_path).splitlines()
        (tmp_path / f".{here}" / "something").touch()
        assert str(here) not in bash('cd "$1"; host_dirs "$2"', here, tmp_path).splitlines()
    finally:
        here.rmdir()
