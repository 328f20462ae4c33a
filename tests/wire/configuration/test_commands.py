"""plan, apply, rollback, history, get, diff, export: what they say, what they change, what they leave alone."""

import json
import os
import signal
import subprocess
import time

import pytest

from wire.configuration.conftest import TEXT, WITH_BEST, Changed
from wire.conftest import trunkward


def test_plan_shows_and_changes_nothing(changed: Changed) -> None:
    """Summary: plan of the same file ends with 0, of another with 3 and every difference, of a wrong one with 2; nothing is changed."""
    node = changed.node
    file = node.home / "other.yaml"
    before = changed.in_force(), changed.history()
    same = node.trunkward("plan")
    assert (same.returncode, "no change" in same.stdout) == (0, True), same.stderr
    file.write_text(WITH_BEST.replace('prefixes: ["+1303"]', 'prefixes: ["+1304"]'))
    other = node.trunkward("plan", "-f", str(file))
    assert other.returncode == 3, other.stderr
    for line in ("+ tenant best", "+ trunk best-hq", "+ number +12025550111", "~ carrier south",
                 "    prefixes: [+1303] -> [+1304]", "then: gates and edge take it while they run"):  # fmt: skip
        assert line in other.stdout
    planned = json.loads(node.trunkward("plan", "--json", "-f", str(file)).stdout)
    assert (planned["effect"], planned["deletes"], planned["changed"]) == ("reload", [], True)
    file.write_text(TEXT.replace('ports: "30000-39999"', 'ports: "30000-30999"'))
    media = node.trunkward("plan", "-f", str(file))
    assert "then: restarts rtpengine: running calls lose their media" in media.stdout
    # of this machine's addresses none is one for documents
    moved = TEXT.replace("  contact_host: 127.0.0.10\n", "").replace(
        "address: 127.0.0.10\n", "address: 192.0.2.1\n", 1
    )
    file.write_text(moved)
    elsewhere = node.trunkward("plan", "-f", str(file))
    assert elsewhere.returncode == 2, elsewhere.stdout
    assert "kamailio cannot listen on 192.0.2.1:5061/tcp: this machine does not have" in elsewhere.stderr
    assert "running calls notice nothing" not in elsewhere.stdout
    file.write_text("nonsense: 1\n")
    wrong = node.trunkward("plan", "-f", str(file))
    assert wrong.returncode == 2
    assert "unknown key" in wrong.stderr
    assert (changed.in_force(), changed.history()) == before


def test_apply_twice_is_once(changed: Changed) -> None:
    """Summary: a second apply finds nothing to do and makes no version; who, when and what stands in the history."""
    first = changed.apply(WITH_BEST)
    again = changed.apply(WITH_BEST)
    assert again["version"] == first["version"]
    assert "nothing to do" in again["said"]
    newest = changed.history()[0]
    assert newest["number"] == first["version"]
    assert newest["in_force"] is True
    assert newest["command"] == "apply"
    assert newest["actor"]["name"]
    assert newest["summary"] == "+1 tenant (best), +1 trunk (best-hq), +1 number (+12025550111)"
    assert abs(newest["at"] - time.time()) < 60


def test_what_apply_puts_right_without_a_change_is_told(changed: Changed) -> None:
    """Summary: a certificate that is for another key is issued anew by `apply` of the same file, which says so and makes no version."""
    first = changed.apply(TEXT)
    pki = changed.node.state / "pki"
    (pki / "shaken.pem").write_bytes((pki / "node.pem").read_bytes())
    again = changed.apply(TEXT)
    assert again["version"] == first["version"]
    assert "pki/shaken.pem: certificate-key-mismatch, issued anew" in again["said"]
    assert (
        f"nothing else to do: version {first['version']} is in force; what is named above was put right"
        in (again["said"])
    )


def test_deleting_needs_a_word(changed: Changed) -> None:
    """Summary: a file without a trunk that was there is refused without --delete, and nothing is changed."""
    changed.apply(WITH_BEST)
    before = changed.in_force(), changed.history()
    refused = changed.apply(TEXT, code=2)
    assert (
        "--json asks nothing: add --delete to delete tenant best, trunk best-hq; nothing" in refused["said"]
    )
    assert (changed.in_force(), changed.history()) == before


def test_the_version_that_was_expected(changed: Changed) -> None:
    """Summary: --expect refuses when another version is the newest."""
    now = changed.version()
    refused = changed.apply(WITH_BEST, "--expect", str(now - 1), code=2)
    assert f"version {now - 1} was expected, but the newest is {now}" in refused["said"]
    assert changed.version() == now
    assert changed.apply(WITH_BEST, "--expect", str(now))["version"] == now + 1


def test_reading_back_and_rolling_back(changed: Changed) -> None:
    """Summary: get, diff and export read back; rollback puts an earlier file in force as a new version and writes the node file; edits never applied are kept beside it."""
    node, first = changed.node, changed.version()
    changed.apply(WITH_BEST)
    trunk = json.loads(node.trunkward("get", "trunks", "best-hq", "--json").stdout)
    assert (trunk["tenant"], trunk["enabled"], trunk["tls_names"]) == ("best", True, ["pbx.best.example.com"])
    assert "number +12025550111" in node.trunkward("get", "numbers").stdout
    assert "max_call_s: 14400" in node.trunkward("get", "trunk", "best-hq").stdout
    assert node.trunkward("get", "trunks", "nobody").returncode == 2
    assert node.trunkward("get", "planets").returncode == 2
    said = node.trunkward("diff", str(first))
    assert (said.returncode, "+ trunk best-hq" in said.stdout) == (3, True)
    assert node.trunkward("diff", str(first), str(first)).returncode == 0
    assert node.trunkward("export").stdout == WITH_BEST
    assert node.trunkward("export", str(first)).stdout == TEXT
    assert node.trunkward("export", "999").returncode == 2
    file = node.home / "node.yaml"
    file.write_text(WITH_BEST + "# never applied\n")
    back = node.trunkward("rollback", str(first), "--delete")
    assert back.returncode == 0, back.stderr
    assert file.read_text() == TEXT == changed.in_force()["node_file"]
    (kept,) = node.home.glob("node.yaml.unapplied-*")
    assert kept.read_text() == WITH_BEST + "# never applied\n"
    kept.unlink()
    assert changed.history()[0]["command"] == f"rollback {first}"
    assert changed.version() == first + 2
    assert node.trunkward("rollback", "999").returncode == 2


def test_another_file_becomes_the_node_file(changed: Changed) -> None:
    """Summary: apply -f OTHER writes the accepted text to the node file, so that the next up goes on with it."""
    other = changed.node.home / "other.yaml"
    other.write_text(WITH_BEST)
    done = changed.node.trunkward("apply", "-f", str(other))
    assert done.returncode == 0, done.stderr
    assert (changed.node.home / "node.yaml").read_text() == WITH_BEST
    assert not list(changed.node.home.glob("node.yaml.unapplied-*"))


def test_two_at_once_are_one_after_the_other(changed: Changed) -> None:
    """Summary: four applies at once of four files: each waits for the one before; every one is a version, the last is in force."""
    node, before = changed.node, changed.version()
    files = []
    for number in range(4):
        files.append(node.home / f"n{number}.yaml")
        files[-1].write_text(TEXT + f"# {number}\n")
    at_once = [
        subprocess.Popen(
            [trunkward(), "apply", "-f", str(file)], env=node.environment, stderr=subprocess.PIPE
        )
        for file in files
    ]
    said = [process.communicate(timeout=60)[1].decode() for process in at_once]
    codes = [process.returncode for process in at_once]
    assert all(
        code == 0 or "is changing the configuration" in text for code, text in zip(codes, said, strict=True)
    ), said
    history = changed.history()
    assert history[0]["number"] == before + codes.count(0)
    assert changed.in_force()["version"] == history[0]["number"]
    assert changed.in_force()["node_file"] == (node.home / "node.yaml").read_text()
    assert codes.count(0) >= 2


@pytest.mark.parametrize("delays_ms", [(300, 700, 900, 1100, 1400)])
def test_killed_anywhere_the_next_one_heals(changed: Changed, delays_ms: tuple[int, ...]) -> None:
    """Summary: apply is killed at five moments: the old or the new is in force, history and journal hold, and the next apply makes everything agree."""
    node = changed.node
    other = node.home / "other.yaml"
    texts = [TEXT, WITH_BEST]
    for number, delay in enumerate(delays_ms):
        wanted = texts[(number + 1) % 2] + f"# {number}\n"
        before = changed.in_force()
        other.write_text(wanted)
        killed = subprocess.Popen(
            [trunkward(), "apply", "--delete", "-f", str(other)],
            env=node.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            killed.wait(delay / 1000)
        except subprocess.TimeoutExpired:
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()
        after = changed.in_force()
        assert after == before or after["node_file"] == wanted
        changed.history()
        healed = node.trunkward("apply", "--delete", "-f", str(other))
        assert healed.returncode == 0, healed.stderr
        assert changed.in_force()["node_file"] == (node.home / "node.yaml").read_text() == wanted
        newest = changed.history()[0]
        assert newest["number"] == changed.in_force()["version"]
        changed.until_gates_have(newest["number"])
    node.wait_ready()


def test_without_a_node_it_waits_for_the_next_up(changed: Changed) -> None:
    """Summary: apply where no node runs makes a version and the node file; nothing is served until `up`."""
    home = changed.node.home / "second"
    home.mkdir()
    environment = changed.node.environment | {"TRUNKWARD_HOME": str(home)}
    (home / "other.yaml").write_text(TEXT)
    done = subprocess.run(
        [trunkward(), "apply", "-f", str(home / "other.yaml")],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "version 1" in done.stderr
    assert "the next up takes it" in done.stderr
    assert (home / "node.yaml").read_text() == TEXT
    assert not (home / "state" / "config" / "declared.json").exists()
    assert (home / "state" / "config" / "config.db").stat().st_mode & 0o777 == 0o600
