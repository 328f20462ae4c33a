"""Summary: a real signer under its own user: who gets in, what it signs, how it dies and comes back."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from trunkward.engines.signer_client import SignerClient, SignerRefused, SignerUnavailable
from trunkward.engines.signer_wire import MAX_FRAME, Signed
from trunkward.shaken import base64url
from trunkward.signer.journal import verify

EDGE, GATE, SIGNER = 64011, 64012, 64013


def ask[T](node: Any, act: Callable[[SignerClient], Awaitable[T]]) -> T:
    async def run() -> T:
        client = SignerClient(node.socket)
        try:
            return await act(client)
        finally:
            await client.close()

    return asyncio.run(run())


def lines(node: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in node.journal.read_text().splitlines()]


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
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(5)
body = sys.argv[2].encode()
try:
    s.sendall(len(body).to_bytes(4, "big") + body); print(len(s.recv(65536)))
except (ConnectionResetError, BrokenPipeError):
    print(0)
"""


def test_only_the_gates_user_gets_an_answer(node: Any) -> None:
    node.start(allow_uid=GATE)
    body = json.dumps(
        {"id": "1", "trunk": "a", "tenant": "t", "orig": "12025550100", "dest": ["12025550110"], "level": "B",
         "customer": "k", "rule": "B-known-customer", "origid": "123e4567-e89b-82d3-a456-426655440000", "record_id": "r"}
    )  # fmt: skip
    assert int(node.run_as(GATE, KNOCK, str(node.socket), body).stdout) > 500
    for uid in (EDGE, EDGE, SIGNER, 0):
        assert int(node.run_as(uid, KNOCK, str(node.socket), body).stdout) == 0
    strangers = [line["uid"] for line in lines(node) if line["kind"] == "peer-refused"]
    # One line a minute for each of them: EDGE came twice.
    assert strangers == [EDGE, SIGNER, 0]


def test_root_may_ask_whether_it_is_alive_and_nothing_else(node: Any) -> None:
    node.start(allow_uid=GATE)
    for uid, answer in ((0, 4), (GATE, 4), (EDGE, 0)):
        assert int(node.run_as(uid, KNOCK, str(node.socket), "").stdout) == answer, uid
    assert [line["uid"] for line in lines(node) if line["kind"] != "started"] == [EDGE]
    assert int(node.run_as(0, KNOCK, str(node.socket), "{}").stdout) == 0
    assert [line["uid"] for line in lines(node) if line["kind"] != "started"] == [EDGE, 0]


def test_a_taken_metrics_port_stops_no_signature(node: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        node.start(metrics_port=taken.getsockname()[1])
        assert ask(node, lambda client: client.sign(node.request(), 2)).attest == "B"


def _changed(token: str) -> str:
    """A token whose signature is another one, whatever it was."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def test_levels(node: Any) -> None:
    node.start()
    a = ask(node, lambda client: client.sign(node.request("A", evidence=node.token()), 2))
    assert (a.attest, base64url.decode(a.identities[0].split(".")[1])[:13]) == ("A", b'{"attest":"A"')
    b = ask(node, lambda client: client.sign(node.request("B", orig="12025550142"), 2))
    assert b.attest == "B"
    for evidence, reason in (
        (None, "evidence-missing"),
        (node.token(trunk="beta"), "evidence-of-other-trunk"),
        (node.token(tn="12025550101"), "evidence-for-other-number"),
        (_changed(node.token()), "evidence-signature-invalid"),
    ):
        request = node.request("A", evidence=evidence)
        with pytest.raises(SignerRefused, match=reason):
            ask(node, lambda client, request=request: client.sign(request, 2))  # type: ignore[misc]


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
    assert process.wait(10) == 0
    assert not node.socket.exists()
    kinds = [line["kind"] for line in lines(node)]
    assert kinds == ["started", *["signed"] * 500, "stopped"]
    assert verify(node.journal) == 502


def test_garbage_hurts_only_its_sender(node: Any) -> None:
    node.start()

    async def mixed(client: SignerClient) -> None:
        await client.sign(node.request(), 2)
        reader, writer = await asyncio.open_unix_connection(str(node.socket))
        for body in (b"{", b"\xff\x00", b"[1]", b'{"id":"x"}'):
            writer.write(len(body).to_bytes(4, "big") + body)
        answers = [
            await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big")) for _ in range(4)
        ]
        assert [json.loads(answer)["error"] for answer in answers] == ["request-malformed"] * 4
        assert json.loads(answers[3])["id"] == "x"
        # One byte over the limit: this connection ends, the other goes on.
        writer.write((MAX_FRAME + 1).to_bytes(4, "big"))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        writer.close()
        await client.sign(node.request(), 2)

    ask(node, mixed)
    assert "stream-broken" in [line["kind"] for line in lines(node)]


def test_killed_and_restarted_under_one_client(node: Any) -> None:
    process = node.start()

    async def through_a_kill(client: SignerClient) -> None:
        await client.sign(node.request(), 2)
        process.kill()
        process.wait(5)
        started = time.monotonic()
        with pytest.raises(SignerUnavailable):
            await client.sign(node.request(), 1)
        assert time.monotonic() - started < 5
        # Its socket is still there, and its last line is torn.
        with node.journal.open("ab") as file:
            file.write(b'{"seq":3,"pre')
        await asyncio.to_thread(node.start)
        await client.sign(node.request(), 2)

    ask(node, through_a_kill)
    assert [line["kind"] for line in lines(node)] == [
        "started",
        "signed",
        "torn-line-moved-aside",
        "started",
        "signed",
    ]
    assert verify(node.journal) == 5


def test_frozen_signer_costs_the_deadline_and_no_more(node: Any) -> None:
    process = node.start()

    async def frozen(client: SignerClient) -> None:
        await client.sign(node.request(), 2)
        process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        results = await asyncio.gather(
            *(client.sign(node.request(), 0.2) for _ in range(2000)), return_exceptions=True
        )
        assert time.monotonic() - started < 10  # one after the other: 400 s
        reasons = {result.reason for result in results if isinstance(result, SignerUnavailable)}
        assert len(results) == 2000
        assert all(isinstance(result, SignerUnavailable) for result in results)
        assert reasons == {"signer-timeout", "signer-overloaded"}
        process.send_signal(signal.SIGCONT)
        # Late answers to those who left must not reach the next one.
        answer = await client.sign(node.request(orig="12025550177"), 5)
        assert b"12025550177" in base64url.decode(answer.identities[0].split(".")[1])

    ask(node, frozen)


def test_no_signer_at_all(node: Any) -> None:
    with pytest.raises(SignerUnavailable, match="signer-unreachable"):
        ask(node, lambda client: client.sign(node.request(), 1))


def test_metrics_count_on_loopback(node: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node.start(metrics_port=port)
    ask(node, lambda client: client.sign(node.request(), 2))
    with pytest.raises(SignerRefused):
        ask(node, lambda client: client.sign(node.request("A"), 2))
    node.run_as(EDGE, KNOCK, str(node.socket), "{}")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    for line in (
        'trunkward_signer_signatures_total{attest="B"} 1.0',
        'trunkward_signer_refusals_total{reason="evidence-missing"} 1.0',
        "trunkward_signer_refused_peers_total 1.0",
        "trunkward_signer_fit 1.0",
    ):
        assert line in text


def test_journal_command(node: Any) -> None:
    node.start().terminate()
    node.processes[0].wait(10)
    command = [sys.executable, "-m", "trunkward.signer", "--verify-journal", str(node.journal)]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    good = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "2 lines, chain unbroken" in good.stdout
    node.journal.write_text(node.journal.read_text().replace('"spc":"709J"', '"spc":"809J"'))
    bad = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (bad.returncode, ":2: the chain is broken" in bad.stderr) == (1, True)


def test_second_signer_is_refused(node: Any) -> None:
    node.start()
    second = node.start(wait=False)
    assert second.wait(10) == 78
    ask(node, lambda client: client.sign(node.request(), 2))


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
    _, said = process.communicate(timeout=20)
    assert process.returncode == 78
    assert cause in json.loads(said.splitlines()[-1])["error"]
    assert not node.socket.exists()


def test_full_disk_means_no_signature(node: Any) -> None:
    # RLIMIT_FSIZE makes the journal's file system "full" for this process alone.
    process = node.start()
    ask(node, lambda client: client.sign(node.request(), 2))
    size = node.journal.stat().st_size
    as_signer = ["setpriv", f"--reuid={SIGNER}", f"--regid={SIGNER}", "--clear-groups"]
    limit = [*as_signer, "prlimit", f"--pid={process.pid}"]
    # The soft limit only; 100 bytes more are a part of a line.
    subprocess.run([*limit, f"--fsize={size + 100}:"], check=True)
    with pytest.raises(SignerRefused, match="journal-unavailable"):
        ask(node, lambda client: client.sign(node.request(), 2))
    assert node.journal.stat().st_size == size
    subprocess.run([*limit, "--fsize=unlimited:"], check=True)
    ask(node, lambda client: client.sign(node.request(), 2))
    assert [line["kind"] for line in lines(node)] == ["started", "signed", "signed"]
    assert verify(node.journal) == 3
