"""A node whose signing certificate comes from an authority: who may read what, what calls carry, and a revocation.

In the order of a node's life, on one node.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from sipkit.passports import head_of
from sipkit.sti import PASSWORD, SPC
from trunkward.control.deviations import deviations
from trunkward.control.node_file import read_node_file
from trunkward.engines.probes import get
from trunkward.engines.users import USERS, gid, uid
from trunkward.settings import WEB_PORT
from trunkward.shaken.credential import credential_of
from trunkward.shaken.crl import read_crl
from trunkward.shaken.published import published_at
from trunkward.shaken.trusted_list import read_trusted_list
from trunkward.shaken.verify import CalledAs, Verstat, verify
from trunkward.stiauthority.server import StiAuthority, Where, accounts_of
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.health.conftest import ask
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

X5U = "    x5u: https://cert.example.com/trunkward/test.pem\n"
#: Another code of the same provider's.
OTHER_SPC = "001T"
IDENTITY = """\
    x5u: {sti.published_url}
    certificates: acme
    authority:
      directory: {sti.directory_url}
      terms_agreed: true
      account: "{spc}"
      user: tester-{spc}
      password_file: {home}/password
      ca: {sti.home.https_authority}
    publish:
      directory: {published}
      ca: {sti.home.https_authority}
      address: {sti.where.address}
  policy_administrator:
    url: {sti.administrator.url}
    certificate: {sti.home.administrator_certificate}
    ca: {sti.home.https_authority}
    revocations_every_s: 2
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tw-sti-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def sti(home: Path) -> Iterator[StiAuthority]:
    published = home / "published"
    published.mkdir()
    os.chown(published, uid("tw-identity"), gid("tw-identity"))
    password = home / "password"
    password.write_text(f"{PASSWORD}\n")
    password.chmod(0o600)
    made = StiAuthority.at(
        home / "sti",
        accounts=accounts_of([SPC, OTHER_SPC], user="tester", password=PASSWORD),
        where=Where(address="127.0.0.70"),
        published=published,
    )
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def node(home: Path, sti: StiAuthority) -> Iterator[Node]:
    sti.authority.refused.add(SPC)  # at first
    text = EXAMPLE.read_text(encoding="utf-8")
    assert text.count(X5U) == 1
    identity = IDENTITY.format(sti=sti, spc=SPC, home=home, published=home / "published")
    running = start_node(text.replace(X5U, identity))
    yield running
    for program in ("identities", "signer"):
        print(f"---- {program}\n{running.log(program)[-3000:]}")
    stop_node(running)


def certs(node: Node) -> dict[str, Any]:
    """What `trunkward certs` says of the node's identity."""
    document: dict[str, Any] = json.loads(node.trunkward("certs", "--json").stdout)
    found: dict[str, Any] = document["identities"]["node"]
    return found


def wait_until[T](found: Callable[[], T], what: str, within_s: float = 60.0) -> T:
    end = time.monotonic() + within_s
    while not (value := found()):
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        time.sleep(0.2)
    return value


def identities_of_a_call(node: Node) -> list[str]:
    """The Identity headers of a call to carrier north, as they arrive there."""
    found: list[str] = []

    async def scenario() -> None:
        caller, north = customer_agent(), carrier_agent()
        async with tls_carrier(node, north):
            flow = await connect(node, caller)
            call = await place(caller, flow, NORTH_NUMBER)
            there = await north.incoming()
            await call.answered()
            await there.confirmed()
            assert (await call.bye()).status == 200
            await flow.close()
        found.extend(there.invite.get_all("Identity"))

    run(node, scenario)
    return found


def test_its_signer_waits_for_its_first_certificate(node: Node, sti: StiAuthority) -> None:
    """Summary: before the first certificate is issued the node is up and calls go unsigned; its signer waits, says so once, and signs within seconds of the issue, in the same process."""
    assert "signer is not ready: waits for its first certificate" in (node.home / "up.out").read_text()
    wait_until(lambda: certs(node).get("failures"), "it was asked for")
    before = node.pid("signer")
    for command, more in (("certs", ""), ("status", "signer       not ready")):
        told = node.trunkward(command)
        assert told.returncode == 1
        assert "    its signer waits for its first certificate" in told.stdout
        assert more in told.stdout
    found = certs(node)
    assert (found["signs"], found["signs_nothing_because"]) == (False, "certificate-awaited")
    metrics = get(WEB_PORT, "/metrics")
    assert 'trunkward_signing_certificate_signs{identity="node"} 0.0' in metrics
    assert 'trunkward_signer_identity{part="signer",serial="",unfit="certificate-awaited"} 1.0' in metrics
    assert not identities_of_a_call(node)
    wait_until(node.calls, "the call's record")
    assert node.calls()[0]["attest_reason"] == "certificate-awaited"
    sti.authority.refused.clear()
    node.trunkward("certs", "renew", within_s=200)
    wait_until(lambda: certs(node)["signs"], "it signs", within_s=3.0)
    assert len(identities_of_a_call(node)) == 1
    assert node.pid("signer") == before
    assert node.log("signer").count("waits-for-certificate") == 1
    assert "not-started" not in node.log("signer")


def test_a_node_gets_its_signing_certificate(node: Node, sti: StiAuthority) -> None:
    """Summary: a node asks for its signing certificate by real ACME, and `certs` and `status` say how it stands."""
    wait_until(lambda: certs(node).get("url"), "a certificate")
    found = certs(node)
    assert (found["spc"], found["certificates"], found["problem"]) == (SPC, "acme", "")
    assert found["revocation"] == "good"
    chain = (node.state / "identities" / "node.pem").read_bytes()
    assert found["url"] == published_at(sti.published_url, SPC, chain)
    said = node.trunkward("status").stdout
    assert f"signs as node                {SPC}, acme {sti.directory_url}: 89 days left" in said
    assert f"published at {found['url']}; last found there" in said
    assert "trusted list                 1 authorities" in said
    node.wait_ready()
    assert 'trunkward_signing_certificate_problem{identity="node"} 0.0' in get(WEB_PORT, "/metrics")
    text = (node.home / "node.yaml").read_text()
    assert not [d for d in deviations(read_node_file(text, "node.yaml")) if "TEST authority" in d.what]


@pytest.mark.parametrize(
    ("file", "readers"),
    [
        ("state/pki/identities/node.key", {"tw-signer"}),
        ("state/pki/identities/node-account.key", {"tw-identity"}),
        ("run/identities/node.password", {"tw-identity"}),
        ("run/identities/task.json", {"tw-identity"}),
        ("state/identities/node.pem", set(USERS)),
        ("state/identities/trusted-list.jwt", set(USERS)),
        ("state/identities/crl.der", set(USERS)),
        ("run/identities/administrator.pem", set(USERS)),
    ],
)
def test_who_reads_what(node: Node, file: str, readers: set[str]) -> None:
    """Summary: Property 10: the process that speaks with authorities has no key that signs, the one that signs no account."""
    able = set()
    for user in USERS:
        become = [
            "setpriv",
            f"--reuid={uid(user)}",
            f"--regid={gid(user)}",
            "--clear-groups",
            "--inh-caps=-all",
            "--",
        ]
        done = subprocess.run([*become, "test", "-r", str(node.home / file)], check=False)
        if not done.returncode:
            able.add(user)
    assert able == readers


def test_account_and_certificate_have_different_keys(node: Node) -> None:
    """Summary: Property 11: the account's key is not the certificate's."""
    pki = node.state / "pki" / "identities"
    assert (pki / "node.key").read_bytes() != (pki / "node-account.key").read_bytes()


def test_calls_are_signed_under_the_published_certificate(node: Node, sti: StiAuthority) -> None:
    """Summary: what a carrier finds behind a call's x5u verifies it, by the lists the administrator signed."""
    (identity,) = identities_of_a_call(node)
    url = head_of(identity)["x5u"]
    assert url == certs(node)["url"]
    assert sti.published is not None
    pem, now_s = (sti.published / url.rpartition("/")[2]).read_bytes(), time.time()
    administrator = sti.home.administrator.certificate
    trusted = read_trusted_list(
        (node.state / "identities" / "trusted-list.jwt").read_bytes(), [administrator], now_s
    )
    revoked = read_crl((node.state / "identities" / "crl.der").read_bytes(), [administrator], now_s)
    credential = credential_of(pem, trusted, revoked, now_s, hard=True)
    called = CalledAs(
        orig=(ACME_NUMBER[1:],),
        to=NORTH_NUMBER[1:],
        request_uri=NORTH_NUMBER[1:],
        date_s=None,
        call_id="1",
    )
    found = verify([identity], call=called, credentials={url: credential}, now_s=now_s)
    assert (found.outcome, found.spc) == (Verstat.PASSED, SPC)


def test_property_35_what_is_scraped_of_its_certificate_and_lists(node: Node) -> None:
    """Summary: Property 35: on a node that knows a policy administrator /metrics has all that alerts ask of its signing certificate and of the two lists."""

    def found() -> dict[str, float]:
        lines = [
            line for line in ask("/metrics")[1].splitlines() if re.match(r"trunkward_(signing|list)_", line)
        ]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    wait_until(
        lambda: "trunkward_signing_certificate_found_timestamp_seconds" in str(found()), "it was found"
    )
    told = {re.sub(r'(part="[^"]*",?)', "", name): value for name, value in found().items()}
    for name in ("expiry_timestamp_seconds", "renewal_timestamp_seconds"):
        assert told[f'trunkward_signing_certificate_{name}{{identity="node"}}'] > time.time()
    assert told['trunkward_signing_certificate_revoked{identity="node"}'] == 0
    assert told['trunkward_signing_certificate_problem{identity="node"}'] == 0
    for which in ("trusted", "revocations"):
        assert told[f'trunkward_list_failing{{list="{which}"}}'] == 0
        assert time.time() - told[f'trunkward_list_fetched_timestamp_seconds{{list="{which}"}}'] < 600


def changed(node: Node, **instead: str) -> subprocess.CompletedProcess[str]:
    """Applies the node file with other words in it."""
    text = (node.home / "node.yaml").read_text(encoding="utf-8")
    for before, after in instead.items():
        assert before in text
        text = text.replace(before, after)
    (node.home / "node.yaml").write_text(text, encoding="utf-8")
    return node.trunkward("apply", "--restart")


def test_what_is_changed_reaches_the_process_that_orders(node: Node) -> None:
    """Summary: a change of what only a file tells `identities` starts it anew, and it has what is new."""
    before = node.pid("identities")
    done = changed(node, revocations_every_s="list_every_s: 7200\n    revocations_every_s")
    assert done.returncode == 0, done.stderr
    assert "starting identities anew" in done.stderr
    assert node.pid("identities") != before
    assert json.loads((node.run / "identities" / "task.json").read_text())["list_every_s"] == 7200
    wait_until(lambda: certs(node).get("signs"), "it signs")


def test_another_code_leaves_the_node_unsigned_and_ordering(node: Node, sti: StiAuthority) -> None:
    """Summary: with another service provider code calls go unsigned until its certificate is there; `plan`, `apply`, `certs` and `status` say so, and `certs renew` does not wait."""
    sti.authority.refused.add(OTHER_SPC)
    text = (node.home / "node.yaml").read_text(encoding="utf-8")
    (node.home / "other.yaml").write_text(text.replace(SPC, OTHER_SPC), encoding="utf-8")
    planned = node.trunkward("plan", "--config", str(node.home / "other.yaml")).stdout
    assert f"its certificate is for {SPC}, not for {OTHER_SPC} (certificate-spc-mismatch)" in planned
    before = node.pid("identities")
    done = changed(node, **{SPC: OTHER_SPC})
    assert done.returncode == 0, done.stderr
    assert "signer does not sign: calls go unsigned" in done.stderr
    assert node.pid("identities") != before
    wait_until(lambda: certs(node).get("failures"), "it was asked for")
    for command in ("certs", "status"):
        told = node.trunkward(command)
        assert told.returncode == 1
        assert "its signer signs nothing: certificate-spc-mismatch" in told.stdout
    assert not identities_of_a_call(node)
    sti.authority.refused.clear()
    renewed = node.trunkward("certs", "renew", within_s=200)
    assert "authority says" not in renewed.stdout
    assert certs(node)["url"].rpartition("/")[2].startswith(f"{OTHER_SPC}-")
    wait_until(lambda: certs(node)["signs"], "its signer has started")
    assert len(identities_of_a_call(node)) == 1
    # and back
    assert changed(node, **{OTHER_SPC: SPC}).returncode == 0
    wait_until(lambda: certs(node).get("signs") and certs(node)["url"], "the first code's is back")


def test_a_revoked_certificate_signs_no_more(node: Node, sti: StiAuthority) -> None:
    """Summary: Property 19: revoked, it is refused with the next revocation list; calls go on, unsigned, and it is told."""
    chain = (node.state / "identities" / "node.pem").read_bytes()
    placed = len(sti.authority._orders)
    sti.home.revoke(x509.load_pem_x509_certificate(chain), datetime.now(UTC))
    wait_until(lambda: certs(node)["revocation"] == "revoked", "the revocation list")
    assert "certificate-revoked" in certs(node)["problem"]
    # its signer looks at the lists each half minute
    wait_until(lambda: not identities_of_a_call(node), "unsigned calls", 75.0)
    done = node.trunkward("certs")
    assert done.returncode == 1
    assert "find out why" in done.stdout
    said = node.trunkward("status").stdout
    assert "signer: " in said
    # nothing was asked for behind a person's back
    assert len(sti.authority._orders) == placed
    assert "its signer signs nothing: certificate-revoked" in done.stdout
