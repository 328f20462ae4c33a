"""Property 31: who a call came from, with the proof, in one command, on a real node with real calls."""

import asyncio
import json
import re
import signal
import sqlite3
import time
import zipfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from urllib.request import urlopen

from sipkit.message import Message
from wire.node.parties import (
    ACME_NUMBER,
    NORTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    tls_carrier,
)
from wire.records.parties import eventually
from wire.verification.conftest import Verified, path_of
from wire.verification.test_calls_in import CALLING, call_in, record_of, signed


async def call_out(verified: Verified) -> tuple[Message, dict[str, Any]]:
    """A call of our customer's: its INVITE as the carrier saw it, and its record."""
    node, caller, north = verified.node, customer_agent(), carrier_agent()
    async with tls_carrier(node, north):
        flow = await connect(node, caller)
        call = await place(caller, flow, NORTH_NUMBER, sender=f"<sip:{ACME_NUMBER}@inner.acme>")
        there = await north.incoming()
        await call.answered()
        await there.confirmed()
        assert (await call.bye()).status == 200
        await flow.close()
    return there.invite, await asyncio.to_thread(node.record, call.invite.call_id, ended=True)


async def asked(verified: Verified, *words: str) -> CompletedProcess[str]:
    return await asyncio.to_thread(verified.node.trunkward, "traceback", *words)


def hashes(message: Message) -> list[str]:
    return [sha256(value.encode()).hexdigest() for value in message.get_all("Identity")]


async def signed_heads(verified: Verified, line: int) -> None:
    """Waits for a signed head beyond a line: a signer tells its own each five seconds, the worker signs each minute."""
    node = verified.node

    def reached() -> bool:
        told = node.trunkward("journal", "heads", "--json")
        heads = json.loads(told.stdout)["heads"] if told.returncode == 0 else []
        return any(head["journal"] == "node" and head["seq"] >= line for head in heads)

    def told() -> bool:
        file = node.paths.signer_head()
        return file.exists() and json.loads(file.read_bytes())["seq"] >= line

    await asyncio.to_thread(eventually, told, 30, "the signer tells its head")
    node.signal("worker", signal.SIGTERM)  # one that starts signs at once
    await asyncio.to_thread(eventually, reached, 90, "a signed head beyond the line")
    await asyncio.to_thread(node.wait_ready)


def test_property_31_a_traceback_is_answered_in_one_command(verified: Verified) -> None:
    """Summary: Property 31: the customer of a call out with KYC record, connection, level, evidence and the signer's proof; the provider of a call in by its verified code; written down it is signed and journaled, and what is changed in it shows."""
    node = verified.node

    async def scenario() -> None:
        invite, out = await call_out(verified)
        provider = verified.provider()
        async with verified.host() as host:
            host.publish(path_of(provider), provider.chain)
            call, _, _ = await call_in(verified, signed(provider))
        into = await record_of(verified, call)
        await signed_heads(verified, out["attestation"]["journal"])
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"

        pack = node.home / "answer.zip"
        began = time.monotonic()
        done = await asked(
            *(verified, "answer", NORTH_NUMBER, "--at", at, "--other", ACME_NUMBER),
            *("--for", "ITG 2026-0417", "--received", "2h", "--out", str(pack)),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        print(f"a pack of one call, journaled and in force: {time.monotonic() - began:.1f} s")
        assert "our customer acme, KYC record KYC-2026-17, verified 2026-01-15" in done.stdout
        assert "journaled as version" in done.stderr
        with zipfile.ZipFile(pack) as archive:
            found = json.loads(archive.read("answer.json"))
            assert sorted(archive.namelist()) == [
                *("README.txt", "SHA256SUMS", "SHA256SUMS.sig", "answer.json", "answer.txt", "heads.pub"),
            ]
            manifest = archive.read("SHA256SUMS")
        (told,) = found["calls"]
        assert told["record_id"] == out["record_id"]
        # its signer's line is the only one about these numbers, and no other call is missed
        assert (found["searched"]["signed_lines"], found["signed_without_record"]) == (1, [])
        assert (told["on_node"], found["searched"]["signed_lines_problem"]) == (None, "")
        came_from = told["from"]
        assert (came_from["kind"], came_from["name"], came_from["tenant"]) == ("customer", "acme-hq", "acme")
        assert came_from["authenticated_by"] == ["network", "certificate"]
        assert came_from["certificate_sha256"] == out["certificate_sha256"] != ""
        assert (told["to"]["kind"], told["to"]["name"]) == ("carrier", "north")
        assert (told["attestation"]["level"], told["attestation"]["rule"]) == ("A", "A-own-inventory")
        assert told["identity"] == {"received": [], "signed": hashes(invite)}
        assert len(told["identity"]["signed"]) == 1
        proof = told["proof"]
        assert (proof["agrees_with_record"], proof["problem"]) == (True, "")
        assert proof["head"], "no signed head in the answer"
        assert proof["values"]["orig"][1] == ACME_NUMBER.lstrip("+")
        assert told["ladder"][0]["text"].startswith("INVITE")

        # the act: who asked, who answered, the answer's hash, and no number
        history = await asyncio.to_thread(node.trunkward, "history", "--json", "--limit", "1")
        newest = json.loads(history.stdout)
        assert newest["summary"] == "traceback answered: ITG 2026-0417, 1 call"
        entry = await asyncio.to_thread(_last_entry, node.paths.configuration_db)
        assert entry["traceback"]["manifest_sha256"] == sha256(manifest).hexdigest()
        assert NORTH_NUMBER not in json.dumps(entry)

        # upstream: another question, only looked at
        done = await asked(verified, "answer", CALLING, "--at", at, "--json")
        assert done.returncode == 0, done.stderr
        theirs = {each["record_id"]: each for each in json.loads(done.stdout)["calls"]}[into["record_id"]]
        assert theirs["from"]["kind"] == "upstream-provider"
        assert (theirs["from"]["name"], theirs["from"]["signed_by_spc"]) == ("north", "709J")
        assert theirs["identity"]["received"] == hashes(call.invite)
        assert (theirs["to"]["kind"], theirs["to"]["name"]) == ("customer", "acme-hq")

        await _looked_at(verified, pack, node.home)

    run(node, scenario)


async def _looked_at(verified: Verified, pack: Path, home: Path) -> None:
    good = await asked(verified, "verify", str(pack))
    assert good.returncode == 0, good.stdout + good.stderr
    assert "1 call signed: 1 with a line in the journal here that leads to a head" in good.stdout
    assert (await asyncio.to_thread(verified.node.trunkward, "journal", "verify")).returncode == 0
    # the same with the key alone, as whoever asked can; which one it is all say alike
    key = str(verified.node.state / "pki/heads.pub")
    alone = await asked(verified, "verify", str(pack), "--key", key)
    assert alone.returncode == 0
    assert "1 call signed: whether the journal has its line, the node can say" in alone.stdout
    heads = await asyncio.to_thread(verified.node.trunkward, "journal", "heads", "--json")
    number = json.loads(heads.stdout)["key_sha256"]
    assert f"the key sha256:{number}" in good.stdout
    assert f"the key sha256:{number}" in alone.stdout

    changed = home / "changed"
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(changed)
    text = (changed / "answer.json").read_text()
    (changed / "answer.json").write_text(text.replace("KYC-2026-17", "KYC-2026-18"))
    bad = await asked(verified, "verify", str(changed))
    assert bad.returncode == 1
    assert "answer.json was changed" in bad.stderr


def _last_entry(database: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (entry,) = connection.execute("select entry from journal order by seq desc limit 1").fetchone()
    found: dict[str, Any] = json.loads(entry)
    return found


def test_property_31_nothing_found_says_what_was_searched(verified: Verified) -> None:
    """Summary: Property 31: where nothing is found the answer says what was searched and how long calls are kept, with exit code 1, and can be written down as well; a question without time or asker is refused."""
    node = verified.node
    out = node.home / "nothing"
    asking = ("traceback", "answer", "+12125550199", "--at", "2026-11-25T14:30:00Z", "--within", "10m")
    done = node.trunkward(*asking, "--for", "ITG 7", "--out", str(out))
    assert done.returncode == 1, done.stdout + done.stderr
    assert (
        "searched       2026-11-25T14:20:00.000Z to 2026-11-25T14:40:00.000Z: 0 calls on record"
        in done.stdout
    )
    assert "calls are kept 365 days; the oldest is of " in done.stdout
    assert node.trunkward("traceback", "verify", str(out)).returncode == 0
    assert "is there already" in node.trunkward(*asking, "--for", "ITG 7", "--out", str(out)).stderr
    assert "--for" in node.trunkward(*asking, "--out", str(node.home / "other")).stderr
    assert node.trunkward("traceback", "answer", "+12125550199").returncode == 2


def test_property_31_who_watches_hears_of_a_request_that_is_not_answered(verified: Verified) -> None:
    """Summary: Property 31: a request that was opened is in status, metrics and the worker's log when its 24 hours are nearly over, and not any more when it is answered; the register then has the answer's hash, and that it was in time."""
    node = verified.node
    received = datetime.now(UTC) - timedelta(hours=20)
    when = f"{received:%Y-%m-%dT%H:%M:%SZ}"
    assert node.trunkward("traceback", "open", "ITG 31", "--received", when).returncode == 0
    due_at = received.timestamp() // 1 + 86_400

    def metrics() -> str:
        with urlopen("http://127.0.0.1:9307/metrics", timeout=20) as answer:
            return str(answer.read().decode())

    due = re.compile(r"^trunkward_traceback_due_timestamp_seconds\{[^}]*\} (\S+)$", re.MULTILINE)

    def scraped() -> bool:
        found = due.search(metrics())
        return found is not None and float(found[1]) == due_at

    eventually(scraped, 20, "when it is due, by the worker's metrics")
    eventually(lambda: "'ITG 31' is not answered" in node.log("worker"), 70, "the worker tells of it")
    assert "traceback request 'ITG 31' is not answered: it is due" in node.trunkward("status").stdout
    assert "is in the register, and open" in node.trunkward("traceback", "open", "itg 31").stderr

    out = node.home / "in-time"
    asking = ("traceback", "answer", "+12125550199", "--at", "2026-11-25T14:30:00Z", "--for", "ITG 31")
    assert "leave it out" in node.trunkward(*asking, "--received", "1h", "--out", str(out)).stderr
    done = node.trunkward(*asking, "--out", str(out))
    assert done.returncode == 1, done.stderr  # no call was found, which is an answer
    assert json.loads((out / "answer.json").read_text())["request"]["received_at"][:19] + "Z" == when
    assert "ITG 31" not in node.trunkward("status").stdout
    eventually(lambda: due.search(metrics()) is None, 20, "nothing is due any more")
    listed = node.trunkward("traceback", "list", "--all", "--json").stdout.splitlines()
    (one,) = [told for told in map(json.loads, listed) if told["request"] == "ITG 31"]
    assert (one["state"], one["received_at"]) == ("answered", when)
    assert 3 * 3600 < one["left_s"] <= 4 * 3600
    assert one["answers"][0]["manifest_sha256"] == sha256((out / "SHA256SUMS").read_bytes()).hexdigest()
    assert node.trunkward("journal", "verify").returncode == 0
