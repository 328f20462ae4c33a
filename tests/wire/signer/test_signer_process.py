"""Summary: a real signer under its own user: who gets in, what it signs, how it dies and comes back."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from trunkward.engines.denied_file import LOOK_S
from trunkward.engines.pki_files import read_evidence_key
from trunkward.engines.signer_client import LEFT_ALONE_S, SignerClient, SignerRefused, SignerUnavailable
from trunkward.engines.signer_wire import MAX_FRAME, Signed
from trunkward.engines.whole_file import write_whole
from trunkward.shaken import base64url
from trunkward.shaken.denied import DenyList, issue
from wire.records.parties import eventually
from wire.signer.conftest import lines_below

EDGE, GATE, SIGNER, RESOLD = 64011, 64012, 64013, 64017


def ask[T](node: Any, act: Callable[[SignerClient], Awaitable[T]]) -> T:
    async def run() -> T:
        client = SignerClient(node.socket)
        try:
            return await act(client)
        finally:
            await client.close()

    return asyncio.run(run())


def lines(node: Any) -> list[dict[str, Any]]:
    return lines_below(node.journal.parent)


def told(node: Any, kind: str, count: int) -> list[dict[str, Any]]:
    """Its lines of a kind, once there are so many: those nobody waits for are written behind what is answered."""

    def found() -> list[dict[str, Any]]:
        return [line for line in lines(node) if line["kind"] == kind]

    return eventually(lambda: found() if len(found()) >= count else [], 20, f"{count} lines {kind}")


def strangers(node: Any, count: int) -> list[int]:
    """Whose refusals are journaled, once there are `count`."""
    return [line["uid"] for line in told(node, "peer-refused", count)]


def test_the_key_is_unreadable_to_edge_and_gate(node: Any) -> None:
    code = "import sys; print(len(open(sys.argv[1]).read()))"
    for uid in (EDGE, GATE):
        tried = node.run_as(uid, code, str(node.files.shaken_key))
        assert tried.returncode == 1
        assert "PermissionError" in tried.stderr
    # The trial itself works: the same code, as the user it belongs to.
    assert node.run_as(SIGNER, code, str(node.files.shaken_key)).returncode == 0
    # Nobody but root reads what makes evidence, or the authorities.
    for uid in (EDGE, GATE, SIGNER):
        for path in (node.files.evidence_key, node.files.shaken_authority_key, node.files.sip_authority_key):
            assert "PermissionError" in node.run_as(uid, code, str(path)).stderr
    assert node.run_as(EDGE, code, str(node.files.node_key)).returncode == 0
    assert "PermissionError" in node.run_as(GATE, code, str(node.files.node_key)).stderr
    assert node.run_as(GATE, code, str(node.files.origid_secret)).returncode == 0
    assert "PermissionError" in node.run_as(EDGE, code, str(node.files.origid_secret)).stderr


KNOCK = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(20)
body = sys.argv[2].encode()
try:
    s.sendall(len(body).to_bytes(4, "big") + body); print(len(s.recv(65536)))
except (ConnectionResetError, BrokenPipeError):
    print(0)
"""


def test_only_the_gates_user_gets_an_answer(node: Any) -> None:
    node.start(allow_uid=GATE)
    body = json.dumps(
        {"id": "1", "trunk": "a", "tenant": "t", "orig": "12025550100", "dest": ["12025550110"], "level": "C",
         "ingress": "t", "rule": "C-unknown-customer", "origid": "123e4567-e89b-82d3-a456-426655440000", "record_id": "r"}
    )  # fmt: skip
    assert int(node.run_as(GATE, KNOCK, str(node.socket), body).stdout) > 500
    for uid in (EDGE, EDGE, SIGNER, 0):
        assert int(node.run_as(uid, KNOCK, str(node.socket), body).stdout) == 0

    # One line a minute for each of them: EDGE came twice.
    assert strangers(node, 3) == [EDGE, SIGNER, 0]


def test_root_may_ask_whether_it_is_alive_and_nothing_else(node: Any) -> None:
    node.start(allow_uid=GATE)
    for uid, answer in ((0, 4), (GATE, 4), (EDGE, 0)):
        assert int(node.run_as(uid, KNOCK, str(node.socket), "").stdout) == answer, uid
    assert strangers(node, 1) == [EDGE]
    assert int(node.run_as(0, KNOCK, str(node.socket), "{}").stdout) == 0
    assert strangers(node, 2) == [EDGE, 0]
    assert {line["kind"] for line in lines(node)} == {"started", "peer-refused"}


def test_a_taken_metrics_port_stops_no_signature(node: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        node.start(metrics_port=taken.getsockname()[1])
        assert ask(node, lambda client: client.sign(node.request(), 20)).attest == "B"


def _changed(token: str) -> str:
    """A token whose signature is another one, whatever it was."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def test_levels(node: Any) -> None:
    node.start()
    a = ask(node, lambda client: client.sign(node.request("A", evidence=node.token()), 20))
    assert (a.attest, base64url.decode(a.identities[0].split(".")[1])[:13]) == ("A", b'{"attest":"A"')
    b = ask(node, lambda client: client.sign(node.request("B", orig="12025550142"), 20))
    assert b.attest == "B"
    for evidence, reason in (
        (None, "evidence-missing"),
        (node.token(trunk="beta"), "evidence-of-other-trunk"),
        (node.token(tn="12025550101"), "evidence-for-other-number"),
        (_changed(node.token()), "evidence-signature-invalid"),
    ):
        request = node.request("A", evidence=evidence)
        with pytest.raises(SignerRefused, match=reason):
            ask(node, lambda client, request=request: client.sign(request, 20))  # type: ignore[misc]
    for relationship, reason in (
        (None, "relationship-missing"),
        (node.relationship(trunk="beta"), "relationship-of-other-trunk"),
        (node.relationship(until=int(time.time())), "customer-verified-too-long-ago"),
        (_changed(node.relationship()), "relationship-signature-invalid"),
    ):
        request = msgspec.structs.replace(node.request("B"), relationship=relationship)
        with pytest.raises(SignerRefused, match=reason):
            ask(node, lambda client, request=request: client.sign(request, 20))  # type: ignore[misc]


def test_property_4_evidence_that_was_revoked_is_refused_within_a_second(node: Any) -> None:
    """Summary: Property 4 at the signer: one that knows a token refuses it as soon as it sees its record on the list of `control`, for which it looks twice a second at least, and journals that."""
    node.start()
    request = node.request("A", evidence=node.token())
    assert ask(node, lambda client: client.sign(request, 20)).attest == "A"
    place, key = node.files.denied_evidence, read_evidence_key(node.files.evidence_key)
    revoked = issue(key, DenyList(sequence=1, until={"num-1": 2**40}))
    lists: list[dict[str, Any]] = []
    # neither damage nor an older list gives it back
    for number, content in enumerate((revoked, "x", issue(key, DenyList())), 1):
        write_whole(place, content.encode(), 0o644)
        lists = told(node, "denied-evidence", number)
        with pytest.raises(SignerRefused, match="evidence-revoked"):
            ask(node, lambda client: client.sign(request, 20))
    assert LOOK_S <= 0.5
    assert (lists[0]["added"], lists[0]["error"]) == (["num-1"], "")
    assert [bool(line["error"]) for line in lists] == [False, True, True]


def test_many_at_once_over_one_connection(node: Any) -> None:
    process = node.start()

    async def many(client: SignerClient) -> list[Signed]:
        return await asyncio.gather(
            *(client.sign(node.request(orig=str(12025550100 + n)), 10) for n in range(500))
        )

    signed = ask(node, many)
    for number, answer in enumerate(signed):
        payload = json.loads(base64url.decode(answer.identities[0].split(".")[1]))
        assert payload["orig"]["tn"] == str(12025550100 + number)
        assert abs(payload["iat"] - time.time()) < 30
    process.terminate()
    assert process.wait(30) == 0
    assert not node.socket.exists()
    kinds = [line["kind"] for line in lines(node)]
    assert kinds == ["started", *["signed"] * 500, "stopped"]
    assert (node.report().lines, node.report().findings) == (502, [])
    assert [answer.journal for answer in signed] == list(range(2, 502))


def test_garbage_hurts_only_its_sender(node: Any) -> None:
    node.start()

    async def mixed(client: SignerClient) -> None:
        await client.sign(node.request(), 20)
        for body in (b"{", b"\xff\x00", b"[1]", b""):
            reader, writer = await asyncio.open_unix_connection(str(node.socket))
            # what it refuses has an id, and goes on; what is no request at all, or announces a byte over the
            # limit, ends this connection and no other
            asked = b'{"id":"x"}'
            writer.write(len(asked).to_bytes(4, "big") + asked)
            refused = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
            assert json.loads(refused) == {"id": "x", "error": "request-malformed"}
            writer.write((len(body) or MAX_FRAME + 1).to_bytes(4, "big") + body)
            with suppress(ConnectionResetError):
                await asyncio.wait_for(reader.read(), 20)  # to its end
            writer.close()
        await client.sign(node.request(), 20)

    ask(node, mixed)
    # one line a minute, whatever was wrong with the others
    assert [line["error"] for line in told(node, "stream-broken", 1)] == ["request-malformed"]


def test_killed_and_restarted_under_one_client(node: Any) -> None:
    process = node.start()

    async def through_a_kill(client: SignerClient) -> None:
        await client.sign(node.request(), 20)
        process.kill()
        process.wait(30)
        started = time.monotonic()
        with pytest.raises(SignerUnavailable):
            await client.sign(node.request(), 1)
        assert time.monotonic() - started < 20
        # Its socket is still there, and its last line is torn.
        with node.journal.open("ab") as file:
            file.write(b'{"seq":3,"pre')
        await asyncio.to_thread(node.start)
        await client.sign(node.request(), 20)

    ask(node, through_a_kill)
    assert [line["kind"] for line in lines(node)] == [
        "started",
        "signed",
        "torn-line-moved-aside",
        "started",
        "signed",
    ]
    assert (node.report().lines, node.report().findings) == (5, [])


def test_a_frozen_signer_costs_one_deadline_a_second_and_no_more(node: Any) -> None:
    """What is on its way waits its deadline, what comes after does not; when it goes on it signs again."""
    process = node.start()

    async def frozen(client: SignerClient) -> None:
        request = node.request()
        await client.sign(request, 20)
        process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        results = await asyncio.gather(
            *(client.sign(request, 0.2) for _ in range(2000)), return_exceptions=True
        )
        assert time.monotonic() - started < 60  # one after the other: 400 s
        reasons = {result.reason for result in results if isinstance(result, SignerUnavailable)}
        assert len(results) == 2000
        assert all(isinstance(result, SignerUnavailable) for result in results)
        assert reasons == {"signer-timeout", "signer-overloaded"}
        started, heard = time.monotonic(), Counter[str]()
        while time.monotonic() - started < 2.5:
            with pytest.raises(SignerUnavailable) as lost:
                await client.sign(request, 0.1)
            heard[lost.value.reason] += 1
            await asyncio.sleep(0.01)
        assert set(heard) <= {"signer-silent", "signer-timeout", "signer-overloaded"}
        # who is told at once has waited for nothing; each for itself: all of them
        assert heard["signer-timeout"] <= (time.monotonic() - started) / LEFT_ALONE_S + 1
        assert heard["signer-silent"] > heard["signer-timeout"]
        process.send_signal(signal.SIGCONT)
        # late answers to those who left must not reach the next one
        other, until = node.request(orig="12025550177"), time.monotonic() + 30
        answered: Signed | None = None
        while answered is None:
            assert time.monotonic() < until, "it does not sign again"
            await asyncio.sleep(0.01)
            with suppress(SignerUnavailable):
                answered = await client.sign(other, 5)
        assert b"12025550177" in base64url.decode(answered.identities[0].split(".")[1])

    ask(node, frozen)


def test_whoever_sees_its_socket_is_taken_in(node: Any) -> None:
    """Asked in the moment its name is there, again and again: never `signer-unreachable`."""
    for _ in range(5):
        process = node.start(wait=False)
        while not node.socket.exists():
            assert process.poll() is None
        assert ask(node, lambda client: client.sign(node.request(), 5)).attest == "B"
        process.terminate()
        assert process.wait(30) == 0


def test_no_signer_at_all(node: Any) -> None:
    with pytest.raises(SignerUnavailable, match="signer-unreachable"):
        ask(node, lambda client: client.sign(node.request(), 1))


def test_metrics_count_on_loopback(node: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node.start(metrics_port=port)
    ask(node, lambda client: client.sign(node.request(), 20))
    with pytest.raises(SignerRefused):
        ask(node, lambda client: client.sign(node.request("A"), 20))
    node.run_as(EDGE, KNOCK, str(node.socket), "{}")
    wanted = {
        'trunkward_signer_signatures_total{attest="B"} 1.0',
        'trunkward_signer_refusals_total{reason="evidence-missing"} 1.0',
        "trunkward_signer_refused_peers_total 1.0",
        "trunkward_signer_fit 1.0",
    }

    def scraped() -> set[str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            return set(answer.read().decode().splitlines())

    eventually(lambda: wanted <= scraped(), 20, "all are counted")


def test_the_head_of_the_journal_is_told(node: Any) -> None:
    process = node.start()
    ask(node, lambda client: client.sign(node.request(), 20))
    process.terminate()
    assert process.wait(30) == 0
    last = node.journal.read_bytes().splitlines()[-1]
    told = json.loads(node.head.read_bytes())
    assert told == {"journal": "node", "seq": 3, "hash": sha256(last).hexdigest()}


def test_second_signer_is_refused(node: Any) -> None:
    node.start()
    second = node.start(wait=False)
    assert second.wait(30) == 78
    ask(node, lambda client: client.sign(node.request(), 20))


@pytest.mark.parametrize(
    ("spoil", "spc", "cause"),
    [
        (lambda node: node.files.shaken_key.chmod(0o640), "709J", "key-file-open-to-others"),
        (lambda node: os.chown(node.files.shaken_key, 0, 0), "709J", "file-unreadable"),
        (lambda node: None, "809J", "certificate-spc-mismatch"),
        (lambda node: node.files.shaken.write_bytes(node.files.node.read_bytes()), "709J", "certificate"),
    ],
)
def test_it_refuses_to_start(node: Any, spoil: Callable[[Any], object], spc: str, cause: str) -> None:
    spoil(node)
    process: subprocess.Popen[bytes] = node.start(spc=spc, wait=False)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 78
    error = json.loads(said.splitlines()[-1])["error"]
    assert cause in error
    assert ("has to own it" in error) == (cause == "file-unreadable")  # whose the key has to be
    assert not node.socket.exists()


def limited(node: Any, process: subprocess.Popen[bytes], size: int | str) -> None:
    """RLIMIT_FSIZE makes the journal's file system "full" for this process alone; the soft limit only."""
    as_signer = ["setpriv", f"--reuid={SIGNER}", f"--regid={SIGNER}", "--clear-groups"]
    subprocess.run([*as_signer, "prlimit", f"--pid={process.pid}", f"--fsize={size}:"], check=True)


def test_property_9_a_full_disk_stops_no_signature_and_the_gap_is_declared(node: Any) -> None:
    """Property 9, the signer's half: the call goes on, signed, and the journal says what it lacks."""
    process = node.start()
    assert ask(node, lambda client: client.sign(node.request(), 20)).journal == 2
    size = node.journal.stat().st_size
    limited(node, process, size + 100)  # a part of a line
    for _ in range(3):
        assert ask(node, lambda client: client.sign(node.request(), 20)).journal is None
    assert node.journal.stat().st_size == size
    limited(node, process, "unlimited")
    told(node, "gap", 1)
    kinds = [line["kind"] for line in lines(node)]
    # nobody asked for a signature meanwhile
    assert kinds == ["started", "signed", "gap"]
    assert ask(node, lambda client: client.sign(node.request(), 20)).journal == 4
    gap = lines(node)[2]
    assert gap["count"] == 3
    assert lines(node)[1]["at"] <= gap["first"] <= gap["last"] <= gap["at"]
    assert "cannot be written" in gap["cause"]
    assert node.report().findings == []
    assert "3 lines are missing" in node.report().declared[0]


def test_a_gap_is_declared_by_the_next_start(node: Any) -> None:
    process = node.start()
    told(node, "started", 1)
    limited(node, process, node.journal.stat().st_size)
    ask(node, lambda client: client.sign(node.request(), 20))
    process.kill()
    process.wait(30)
    node.start()
    told(node, "started", 2)
    assert [(line["kind"], line.get("count")) for line in lines(node)] == [
        ("started", None),
        ("gap", 1),
        ("started", None),
    ]
    assert [line.get("unended") for line in lines(node) if line["kind"] == "started"] == [None, True]
    assert "only in the calls' records" in node.report().declared[-1]
    # an orderly end leaves nothing to tell of
    node.processes[-1].terminate()
    assert node.processes[-1].wait(30) == 0
    node.start()
    assert [line.get("unended") for line in told(node, "started", 3)] == [None, True, None]


def test_property_34_values_are_deleted_when_their_time_is_over_and_a_line_says_so(node: Any) -> None:
    """Property 34: kept 730 days here; the deletion is recorded, and the journal still verifies."""
    node.start()
    ask(node, lambda client: client.sign(node.request(), 20))
    node.processes[0].terminate()
    node.processes[0].wait(30)
    details = node.home / "signer" / "details"
    (today,) = details.iterdir()
    assert "12025550100" in today.read_text()
    assert "12025550100" not in node.journal.read_text()
    old = details / "2024-01-01.jsonl"
    old.write_bytes(b"")
    os.chown(old, SIGNER, SIGNER)
    node.start()
    eventually(lambda: not old.exists(), 20, "its day is deleted")
    assert today.exists()
    (deleted,) = told(node, "details-deleted", 1)
    assert (deleted["day"], deleted["kept_days"]) == ("2024-01-01", 730)
    assert node.report().findings == []


def test_property_10_no_user_reads_the_key_of_an_identity_that_is_not_his(node: Any) -> None:
    """Property 10: not Kamailio, not the gate, and not the signer of another identity."""
    code = "import sys; open(sys.argv[1]).read()"
    resold = node.files.identity_key("resold")
    readers = {node.files.shaken_key: SIGNER, resold: RESOLD}
    for key, reader in readers.items():
        assert key.stat().st_mode & 0o777 == 0o600
        for uid in (EDGE, GATE, SIGNER, RESOLD):
            tried = node.run_as(uid, code, str(key))
            assert tried.returncode == (0 if uid == reader else 1), (key, uid)
            assert uid == reader or "PermissionError" in tried.stderr
