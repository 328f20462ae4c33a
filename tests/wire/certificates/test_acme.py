"""A public authority's certificate: obtained, renewed under a running call, and kept when the authority is gone.

In the order of a node's life, on one node.
"""

import asyncio
import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from sipkit.certificates import ThrowawayAuthority
from sipkit.transport import Flow, client_context, listen_stream, open_stream, server_context
from trunkward import __version__
from trunkward.control.pki import certificate_sha256
from trunkward.engines.kamailio_control import shown_sha256
from trunkward.engines.users import gid, uid
from wire.certificates.conftest import LIFETIME_S, CarriersAuthority, shown, wait_until
from wire.certificates.pebble import Pebble
from wire.conftest import Node, trunkward
from wire.health.conftest import ask
from wire.node.parties import (
    NORTH,
    NORTH_NUMBER,
    SBC,
    Party,
    carrier_agent,
    customer_agent,
    forgotten,
    place,
    run,
)

NAME = "sbc.example.com"


def seen(trust: Path, name: str = NAME) -> bytes:
    """The certificate of a new connection, checked as a customer's PBX checks it, in DER."""
    with (
        socket.create_connection((SBC.host, SBC.port), 5) as plain,
        client_context(trust).wrap_socket(plain, server_hostname=name) as tls,
    ):
        return tls.getpeercert(binary_form=True) or b""


def shows(trust: Path, certificate: bytes) -> bool:
    """Whether a new connection is shown just this one, under this authority; another's may still be there."""
    try:
        return seen(trust) == certificate
    except ssl.SSLCertVerificationError:
        return False


def issued_last(node: Node) -> bytes:
    """The certificate the authority gave last, in DER."""
    chain = (node.state / "acme" / "chain.pem").read_bytes()
    return x509.load_pem_x509_certificates(chain)[0].public_bytes(Encoding.DER)


async def connected(node: Node, party: Party, trust: Path) -> Flow:
    tls = client_context(trust, node.credential("acme-hq"))
    flow: Flow = party.own(
        await open_stream(SBC, party.receive, tls=tls, server_name=NAME, local_host="127.0.0.1")
    )
    return flow


@asynccontextmanager
async def carrier_listening(node: Node, carriers: CarriersAuthority, party: Party) -> AsyncIterator[None]:
    """A carrier that demands the client certificate it issued."""
    context = server_context(node.credential("north"), carriers.trust, demand_client=True)
    listener = await listen_stream(NORTH, party.receive, tls=context, on_open=party.own)
    try:
        yield
    finally:
        await listener.close()
        await forgotten(node, NORTH)


def nobody_listens(port: int = 80) -> bool:
    try:
        socket.create_connection((SBC.host, port), 2).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.fixture(scope="module", autouse=True)
def obtained(node: Node, authority: Pebble) -> Iterator[None]:
    """Whatever fails later, what was said is shown."""
    yield
    for program in ("acme", "certificates"):
        print(f"---- {program}\n{node.log(program)[-3000:]}")
    print(authority.log.read_text(errors="replace")[-3000:])


def test_a_node_gets_its_certificate(node: Node, authority: Pebble) -> None:
    """Summary: a node asked for it by real ACME (external account, refused nonces, HTTP-01 on port 80) shows it to peers."""
    server = wait_until(lambda: shown(node)["server"]["until"] and shown(node)["server"], "a certificate")
    assert server["source"] == "acme https://127.0.0.60:14000/dir"
    assert server["problem"] == ""
    assert 0 < server["days_left"] * 86_400 <= LIFETIME_S
    wait_until(lambda: shows(authority.root, issued_last(node)), "it to be shown")
    for name in (NAME, "127.0.0.10"):  # the node's name, and what stands in its Contact
        assert b"Pebble" in seen(authority.root, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        seen(node.authority)
    wait_until(nobody_listens, "the port of HTTP-01 to close")
    said = node.trunkward("status").stdout
    assert "certificate shown" in said
    assert "acme https://127.0.0.60:14000/dir: 0 min left" in said
    assert "renewal at" in said


@pytest.mark.parametrize(
    ("file", "readers"),
    [
        ("state/pki/server.key", {"tw-edge"}),
        ("run/edge/server.pem", {"tw-edge"}),
        ("run/edge/client-north.pem", {"tw-edge"}),
        ("state/pki/acme-account.key", {"tw-cert"}),
        ("run/acme/external.key", {"tw-cert"}),
    ],
)
def test_who_reads_what(node: Node, file: str, readers: set[str]) -> None:
    """Summary: the process that speaks with the Internet reads no key but its account's, and nobody else reads that."""
    able = set()
    for user in ("tw-edge", "tw-cert", "tw-gate", "tw-worker"):
        become = [
            "setpriv",
            f"--reuid={uid(user)}",
            f"--regid={gid(user)}",
            "--clear-groups",
            "--inh-caps=-all",
            "--",
        ]
        tried = subprocess.run(
            [*become, "cat", str(node.home / file)], capture_output=True, timeout=10, check=False
        )
        if tried.returncode == 0:
            able.add(user)
    assert able == readers


@pytest.mark.parametrize(("program", "user"), [("acme", "tw-cert"), ("certificates", "tw-edge")])
def test_no_privilege_is_left(node: Node, program: str, user: str) -> None:
    """Summary: port 80 is had without a capability: the process has none, and no way to gain one."""
    (pid,) = node.family(program)
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    assert status["Uid"].split() == [str(uid(user))] * 4
    assert status["NoNewPrivs"].strip() == "1"
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name


@pytest.mark.parametrize("program", ["acme", "certificates"])
def test_a_restart_shows(node: Node, program: str) -> None:
    """Summary: killed and started anew, it has another start in the metrics, which the alert for restarts goes by; status tells its version."""

    def started() -> str:
        name = f'trunkward_part_start_timestamp_seconds{{part="{program}"}}'
        return next((line for line in ask("/metrics")[1].splitlines() if line.startswith(name)), "")

    def told() -> dict[str, object]:
        part: dict[str, object] = json.loads(node.trunkward("status", "--json").stdout)["parts"][program]
        return part

    first, was = wait_until(started, "its start"), node.pid(program)
    began = float(first.rpartition(" ")[2])
    wait_until(lambda: time.time() - began > 2, "its age: starts that are less apart are taken for one")
    os.kill(was, signal.SIGKILL)
    wait_until(lambda: started() not in ("", first), "another start")
    wait_until(lambda: (told()["version"], told()["restarts"]) == (__version__, 1), "its restart to be told")
    build = f'trunkward_build_info{{part="{program}",version="{__version__}"}} 1.0'
    wait_until(lambda: build in ask("/metrics")[1], "its version in the metrics")


def test_a_call_outlives_the_renewal(node: Node, authority: Pebble, carriers: CarriersAuthority) -> None:
    """Summary: renewed while a call runs over TLS: the call's BYE works on its old connection, a new one sees the new certificate."""

    async def scenario() -> None:
        customer, carrier = customer_agent(), carrier_agent()
        async with carrier_listening(node, carriers, carrier):
            flow = await connected(node, customer, authority.root)
            call = await place(customer, flow, NORTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            before = flow.peer_certificate()  # type: ignore[attr-defined]
            new = await asyncio.to_thread(
                wait_until, lambda: (now := seen(authority.root)) != before and now, "a renewed certificate"
            )
            was, now = x509.load_der_x509_certificate(before), x509.load_der_x509_certificate(new)
            assert now.not_valid_after_utc > was.not_valid_after_utc
            # the key stays: a request signed once serves every renewal
            assert now.public_key() == was.public_key()
            assert flow.is_open
            assert (await call.bye()).status == 200
            await there.ended()
            # and calls go over the new one
            again = customer_agent()
            call = await place(again, await connected(node, again, authority.root), NORTH_NUMBER)
            await carrier.incoming()
            await call.answered()
            assert (await call.bye()).status == 200

    run(node, scenario)


def test_what_a_carrier_issued_is_shown_to_it_and_its_change_noticed(
    node: Node, authority: Pebble, carriers: CarriersAuthority
) -> None:
    """Summary: a carrier sees the client certificate it issued, not the server's; a new pair of files is used without a restart."""
    seen_by_carrier: list[str] = []

    async def scenario() -> None:
        carrier, customer = carrier_agent(), customer_agent()
        async with carrier_listening(node, carriers, carrier):
            flow = await connected(node, customer, authority.root)
            call = await place(customer, flow, NORTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            seen_by_carrier.append(hashlib.sha256(there.flow.peer_certificate() or b"").hexdigest())  # type: ignore[attr-defined]
            assert (await call.bye()).status == 200

    def issued() -> str:
        return certificate_sha256(carriers.chain.read_bytes())

    run(node, scenario)
    assert seen_by_carrier == [issued()]
    carriers.renew()
    in_use = node.run / "edge" / "client-north.pem"
    # said once Kamailio, too, has read what was written
    said = f'"sha256": "{issued()}"'
    wait_until(lambda: said in node.log("certificates"), "the new pair in use")
    assert certificate_sha256(in_use.read_bytes()) == issued()
    wait_until(lambda: not shown(node)["client-north"]["problem"], "no problem")
    run(node, scenario)
    assert seen_by_carrier[1] == issued() != seen_by_carrier[0]
    # half a change, as when a person forgets one file: said, and nothing is changed
    kept = in_use.read_bytes()
    carriers.key.write_text("no key")
    problem = wait_until(lambda: shown(node)["client-north"]["problem"], "the problem to be said")
    assert problem == "no private key in PEM, or one that is broken"
    assert in_use.read_bytes() == kept
    carriers.renew()
    wait_until(lambda: not shown(node)["client-north"]["problem"], "the problem to be gone")


def due_for_renewal(node: Node, left_s: int) -> Path:
    """Puts a certificate in the place of the one there is that is to be renewed at once; who issued it.

    It is tried again after a twenty-fourth of the certificate's life, and seldom when that is over
    (`control.renewal`): `left_s` is what everything a test does meanwhile has to fit into.
    """
    issuer = ThrowawayAuthority(Path(tempfile.mkdtemp(dir=node.home)), "who issued the last one")
    now = datetime.now(UTC)
    key = load_pem_private_key((node.state / "pki" / "server.key").read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    held = issuer.issue(
        NAME,
        hosts=(NAME, "127.0.0.10"),
        not_before=now - timedelta(seconds=2.1 * left_s),
        not_after=now + timedelta(seconds=left_s),
        key=key,
    )
    (node.state / "acme" / "chain.pem").write_bytes(held.certificate.read_bytes())  # owner and mode stay
    os.kill(node.pid("acme"), signal.SIGKILL)  # it looks at its start
    return issuer.trust


def test_an_authority_that_is_gone_or_refuses_changes_nothing(node: Node, authority: Pebble) -> None:
    """Summary: authority down, then refusing the name: the old certificate goes on, status says what is wrong and until when; then it is renewed."""
    authority.stop()
    kept = due_for_renewal(node, left_s=60)
    wait_until(
        lambda: shown_sha256(SBC.host, SBC.port) == hashlib.sha256(issued_last(node)).hexdigest(),
        "it to be shown",
    )
    before = x509.load_der_x509_certificate(seen(kept))
    wait_until(lambda: "asked for" in shown(node)["server"]["problem"], "the problem to be said")
    server = shown(node)["server"]
    assert "127.0.0.60" in server["problem"]
    assert "refused" in server["problem"].lower()
    assert server["next_attempt"] is not None
    assert server["until"] == before.not_valid_after_utc.isoformat()
    said = node.trunkward("status").stdout
    assert "asked for again at" in said
    authority.start(refuses=NAME)
    refused = wait_until(
        lambda: "rejectedIdentifier" in (now := str(shown(node)["server"]["problem"])) and now, "a refusal"
    )
    assert str(refused).startswith("asked for")
    # by what it is, not checked: it may be past its end by now
    assert shown_sha256(SBC.host, SBC.port) == before.fingerprint(hashes.SHA256()).hex()
    authority.stop()
    authority.start(lifetime_s=3600)  # it knows nobody any more: not us either
    wait_until(lambda: shown(node)["server"]["problem"] == "", "the renewal")
    # obtained it is by one process, put into use by another, a second later at most
    wait_until(lambda: shows(authority.root, issued_last(node)), "what was issued to be shown")


def test_a_restarted_node_has_it_at_once(node: Node, authority: Pebble) -> None:
    """Summary: a node that is stopped and started shows the certificate it had from its first second, without asking."""
    before = issued_last(node)
    assert seen(authority.root) == before
    authority.stop()
    node.process.send_signal(signal.SIGINT)
    assert node.process.wait(30) == 0
    with (node.home / "up.out").open("wb") as out:
        node.process = subprocess.Popen([trunkward(), "up"], env=node.environment, stdout=out, stderr=out)
    began = time.monotonic()
    while True:
        try:
            assert seen(authority.root) == before
            break
        except (ConnectionError, TimeoutError, ssl.SSLEOFError):
            assert time.monotonic() - began < 30
            time.sleep(0.05)
    node.wait_ready()
    assert seen(authority.root) == before
