"""Secrets on a running node: made, exchanged, taken back, in force within a second, and kept by a backup."""

import base64
import hashlib
import json
import sqlite3
import tarfile
import time
from contextlib import closing

from wire.identification.conftest import Site, config
from wire.identification.digest_client import Answering, digest_call
from wire.identification.test_ways import Shown, come, identity
from wire.node.parties import NORTH_NUMBER, customer_agent, run


def tried(site: Site, password: str, username: str = "west-digest") -> int:
    """What is said to a call with this password. No carrier is there: who is recognised gets 503."""
    found: list[int] = []

    async def scenario() -> None:
        customer = customer_agent()
        customer.identity = identity("by-digest")
        flow = await come(site, customer, Shown())
        knows = Answering(username=username, password=password)
        _, reply = await digest_call(customer, flow, NORTH_NUMBER, knows)
        found.append(reply.status)

    run(site.node, scenario)
    return found[0]


def test_the_life_of_a_secret(site: Site) -> None:
    """Summary: both secrets are good while they overlap, the old one ends to the second, a revoked one at once; each act is a version with its actor and in force within a second."""
    node = site.node
    first = site.passwords["by-digest"]
    assert (tried(site, first), tried(site, "wrong")) == (503, 403)
    refused = node.trunkward("secret", "new", "by-digest", "--output", str(node.home / "x"))
    assert refused.returncode == 2
    assert "secret rotate by-digest" in refused.stderr
    second = site.secret("rotate", "by-digest", "--overlap", "1h")
    assert (tried(site, first), tried(site, second)) == (503, 503)
    listed = [json.loads(line) for line in node.trunkward("secret", "list", "--json").stdout.splitlines()]
    mine = [one for one in listed if one["trunk"] == "by-digest"]
    assert [one["good"] for one in mine] == [True, True]
    assert [one["until"] is None for one in mine] == [True, False]
    # of three the oldest is gone at once, and the one before ends to the second
    third = site.secret("rotate", "by-digest", "--overlap", "2s")
    ends = time.monotonic() + 2
    assert tried(site, first) == 403
    while time.monotonic() < ends:
        time.sleep(0.1)
    assert (tried(site, second), tried(site, third)) == (403, 503)
    began = time.monotonic()
    assert node.trunkward("secret", "revoke", "by-digest").returncode == 0
    assert tried(site, third) == 403
    print(f"revoked and refused after {time.monotonic() - began:.2f} s, two processes' starts included")
    status = json.loads(node.trunkward("status", "--json").stdout)
    assert "./trunkward secret new by-digest" in status["secrets"]["by-digest"]
    site.passwords["by-digest"] = site.secret("new", "by-digest")
    assert tried(site, site.passwords["by-digest"]) == 503
    assert json.loads(node.trunkward("status", "--json").stdout)["secrets"] == {}
    history = [json.loads(line) for line in node.trunkward("history", "--json").stdout.splitlines()]
    assert [one["command"] for one in history[:4]] == [
        "secret new by-digest",
        "secret revoke by-digest",
        "secret rotate by-digest",
        "secret rotate by-digest",
    ]
    assert all(one["actor"]["name"] for one in history)


def test_a_secret_is_shown_on_a_terminal_or_written_to_a_new_file_only(site: Site) -> None:
    """Summary: into a pipe, or over a file that is there, no secret is written, and none is made."""
    node = site.node
    for arguments, why in [
        ((), "--output FILE"),
        (("--output", str(node.home / "node.yaml")), "there is such a file"),
        (("--output", "/nowhere/x"), "no such directory"),
        (("--output", "/proc/x"), "/proc/x: "),
    ]:
        done = node.trunkward("secret", "rotate", "by-all", *arguments)
        assert done.returncode == 2
        assert why in done.stderr
    assert (
        len(
            [
                line
                for line in node.trunkward("secret", "list", "--json").stdout.splitlines()
                if '"by-all"' in line
            ]
        )
        == 1
    )


def test_what_is_missing_is_told_by_plan_and_apply(site: Site) -> None:
    """Summary: a trunk whose username or realm has changed, or that has no secret, is named by plan, apply and status with the command that helps; put back, its secret is good again."""
    node = site.node
    text = config(site.authority.trust).replace("  gates: 2\n", "  gates: 2\n  probes: {every_s: 0}\n")
    file = node.home / "other.yaml"
    file.write_text(text.replace("west-digest", "west-other"), encoding="utf-8")
    planned = json.loads(node.trunkward("plan", "-f", str(file), "--json").stdout)
    assert "its secret is for west-digest at sbc.example.com" in planned["secrets"]["by-digest"]
    applied = node.trunkward("apply", "-f", str(file))
    assert applied.returncode == 0, applied.stderr
    assert "trunk by-digest: its secret is for west-digest" in applied.stderr
    assert "no calls trunk by-digest: its secret is for west-digest" in node.trunkward("status").stdout
    password = site.passwords["by-digest"]
    assert {tried(site, password, "west-other"), tried(site, password)} == {403}
    file.write_text(text, encoding="utf-8")
    assert node.trunkward("apply", "-f", str(file)).returncode == 0
    assert tried(site, password) == 503


def test_what_is_kept_is_worth_nothing_without_the_key(site: Site) -> None:
    """Summary: neither the database nor what is in force has a password, its hash, or the key; the key is the gates' alone."""
    node = site.node
    key = node.state / "pki" / "digest.secret"
    assert key.stat().st_mode & 0o777 == 0o600
    database, in_force = node.state / "config" / "config.db", node.state / "config" / "declared.json"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("select sha256, md5 from secrets where trunk = 'by-both'").fetchall()
    assert [(len(sha256), len(md5)) for sha256, md5 in rows] == [(12 + 32 + 16, 12 + 16 + 16)]
    password = site.passwords["by-both"]
    hashed = hashlib.sha256(f"by-both:sbc.example.com:{password}".encode())
    master = key.read_text().strip()
    for file in (database, in_force):
        content = file.read_bytes()
        for clear in (password, hashed.hexdigest(), master):
            assert clear.encode() not in content
            assert base64.b64encode(clear.encode()) not in content
        for raw in (hashed.digest(), bytes.fromhex(master)):
            assert raw not in content
            assert base64.b64encode(raw) not in content


def test_a_backup_has_secrets_and_their_key(site: Site) -> None:
    """Summary: a backup holds the sealed secrets and the key that opens them."""
    node = site.node
    file = node.home / "backup.tar"
    done = node.trunkward("backup", str(file))
    assert done.returncode == 0, done.stderr
    with tarfile.open(file) as archive:
        names = archive.getnames()
    assert any(name.endswith("pki/digest.secret") for name in names), names
    assert any(name.endswith("config/config.db") for name in names)
