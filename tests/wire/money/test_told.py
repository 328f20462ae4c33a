"""What is spent is shown as the ledger has it, and somebody is told of it: on a node that runs."""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sipkit.certificates import ThrowawayAuthority
from sipkit.hooks import Hooks, Mails, https_server, openssl_signature, smtp_server
from trunkward.admission.ports import Asked, Charge, Held, Settlement, Share
from trunkward.live.client import LiveClient
from trunkward.trunks.spending import Spending
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import NORTH_NUMBER, carrier_agent, connect, customer_agent, run, tls_carrier
from wire.running.test_dead_mans_switch import talk

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ACME = "money:trunk:acme-hq"


@dataclass
class Told:
    """A node, and whom it tells."""

    node: Node
    hooks: Hooks
    mails: Mails

    def ledger(self, what: Callable[[LiveClient], Any]) -> Any:
        """Something done as a gate does it."""

        paths = self.node.paths

        async def done() -> Any:
            client = LiveClient(paths.valkey, "gate", paths.valkey_secret("gate"))
            try:
                await client.greet()
                found = what(client)
                return await found if asyncio.iscoroutine(found) else found
            finally:
                await client.close()

        return asyncio.run(done())

    def spends(self, record_id: str, micro: int) -> None:
        """A call that is over, and has cost so much."""
        costs = ((ACME, micro), ("money:tenant:acme", micro))
        self.ledger(lambda client: client.settle([Settlement(record_id=record_id, costs=costs)]))

    def shown(self, *words: str) -> dict[str, Any]:
        done: subprocess.CompletedProcess[str] = self.node.trunkward("spend", *words, "--json")
        assert done.returncode == 0, done.stderr
        (found,) = json.loads(done.stdout)["owners"]
        return dict(found)


def until(found: Callable[[], object], what: str, within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not found():
        assert time.monotonic() < end, what
        time.sleep(0.1)


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """A node that tells a webhook, one that is dead, and a mail server."""
    home = Path("/tmp") / f"tw-told-{time.time_ns()}"
    home.mkdir(mode=0o755)
    authority = ThrowawayAuthority(home)
    credential = authority.issue("127.0.0.1")
    (home / "secret").write_text(SECRET)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home)
        hooks = stack.enter_context(https_server(credential))
        mails = stack.enter_context(smtp_server(credential, starttls=True))
        authority.trust.chmod(0o644)
        alerts = {
            "webhooks": [
                {"url": url, "secret_file": str(home / "secret"), "ca": str(authority.trust)}
                for url in ("https://127.0.0.1:1/dead", hooks.url)
            ],
            "mail": {
                "server": f"127.0.0.1:{mails.port}",
                "sender": "node@example.com",
                "to": ["noc@example.com"],
                "ca": str(authority.trust),
            },
        }
        config = EXAMPLE.read_text(encoding="utf-8")
        config = config.replace("  gates: 2\n", f"  gates: 2\n  alerts: {json.dumps(alerts)}\n")
        issued = "        client_certificate: issued\n"
        config = config.replace(
            issued, f"{issued}        spend: {{call: 5, hour: 10, day: 30, month: 300}}\n"
        )
        node = start_node(config)
        stack.callback(stop_node, node)
        yield Told(node, hooks, mails)


def test_shown_and_told(told: Told) -> None:
    """Summary: spend shows caps, what is settled and what a call that runs holds; at 50 and 80 % a signed webhook and a mail come within seconds, once, though another webhook is dead; a worker killed meanwhile tells nothing twice and loses nothing."""
    node = told.node
    assert node.trunkward("spend").stdout.startswith("nobody has spent anything")
    told.spends("a" * 32, 16_000_000)
    # the hour's cap of 10.00 was passed, and half of the day's
    until(lambda: len(told.hooks.received) == 2, "two webhooks")
    until(lambda: len(told.mails.messages) == 2, "two mails")
    for hook in told.hooks.received:
        assert hook[0]["webhook-signature"] == openssl_signature(SECRET, hook)
    of_hour, of_day = (json.loads(body)["data"] for _, body in told.hooks.received)
    assert (of_hour["window"], of_hour["percent"], of_hour["cap"]) == ("hour", 100, "10.00")
    assert of_day | {"text": ""} == {
        "node": "sbc.example.com",
        "owner": "trunk:acme-hq",
        "window": "day",
        "percent": 50,
        "settled": "16.00",
        "granted": "0.00",
        "cap": "30.00",
        "currency": "EUR",
        "text": "",
    }
    assert told.mails.in_clear == ["ehlo", "STARTTLS"] * 2
    here = "sbc.example.com"
    # a call that is set up holds its first slice
    share = Share(owner=ACME, tariff="1:0:1:1", slice_micro=4_000_000, caps=Spending(day_micro=30_000_000))
    charge = Charge(node=here, currency="EUR", longest_s=75.0, shares=(share,))
    asked = Asked(record_id="b" * 32, hold_s=60.0, money=charge)
    assert isinstance(told.ledger(lambda client: client.admit(asked)), Held)
    shown = told.shown("trunk:acme-hq")
    day = next(one for one in shown["windows"] if one["window"] == "day")
    assert (day["settled"], day["held"], day["cap"], day["percent"]) == ("16.00", "4.00", "30.00", 66.7)
    (call,) = shown["calls"]
    assert (call["record_id"], call["node"], call["lasted_s"], call["held"]) == (
        "b" * 32,
        "sbc.example.com",
        None,
        "4.00",
    )
    page = node.trunkward("spend", "trunk:acme-hq").stdout
    assert "[#############.......] 66.7 %" in page
    assert f"{'b' * 32} on sbc.example.com, rings: settled 0.00, held 4.00" in page
    # a raise is in the shown cap
    raised = node.trunkward(
        *("spend", "raise", "trunk:acme-hq", "--window", "day", "--to", "40", "--for", "1h", "--why", "more")
    )
    assert raised.returncode == 0, raised.stderr
    assert [one["cap"] for one in told.shown("trunk:acme-hq")["windows"]] == ["10.00", "40.00", "300.00"]
    assert node.trunkward("spend", "raise", "trunk:acme-hq", "--end", "--why", "over").returncode == 0
    # the dead webhook's messages wait, and are seen to; the worker's end loses none and doubles none
    status = json.loads(node.trunkward("status", "--json").stdout)["money"]
    assert status["alerts_waiting"]["https://127.0.0.1:1/dead"]["messages"] == 2
    subprocess.run(["kill", "-9", str(node.pid("worker"))], check=True)
    until(lambda: node.trunkward("status").returncode == 0, "the worker to be back", 30)
    told.spends("c" * 32, 5_000_000)
    until(lambda: len(told.hooks.received) == 3, "the day's second level")
    time.sleep(2.5)
    assert len(told.hooks.received) == 3
    assert json.loads(told.hooks.received[2][1])["data"]["percent"] == 80
    until(lambda: len(told.mails.messages) == 3, "a mail of each")
    log = node.log("worker")
    assert log.count("is at 80 % of what it may spend in 24 hours") == 1
    assert node.trunkward("spend", "trunk:nobody").returncode == 2


def test_a_cap_at_what_is_spent_is_told_of_and_not_refused(told: Told) -> None:
    """Summary: of a cap that is no more than what the ledger says is spent, plan on the node file and spend raise say what is spent and until when nothing goes; a raise above it is done without a word."""
    node = told.node
    (spent,) = [one["settled"] for one in told.shown("trunk:acme-hq")["windows"] if one["window"] == "day"]
    assert Decimal(spent) > 16
    lower = node.home / "lower.yaml"
    lower.write_text((node.home / "node.yaml").read_text().replace("day: 30,", "day: 16,"))
    told_of = f"trunk acme-hq may cost 16.00 EUR a day, and {spent} are spent of it already"
    planned = node.trunkward("plan", "-f", str(lower))
    assert f"warning: {told_of}" in planned.stdout
    assert planned.returncode == 3
    raising = ("spend", "raise", "trunk:acme-hq", "--window", "hour", "--for", "1h", "--why", "x")
    raised = node.trunkward(*raising, "--to", "16")
    assert raised.returncode == 0, raised.stderr
    assert f"but: {told_of.replace('a day', 'an hour')}" in raised.stderr
    above = node.trunkward(*raising, "--to", "30")
    assert (above.returncode, "but:" in above.stderr) == (0, False), above.stderr


def test_a_call_that_runs_is_shown_with_what_it_holds(told: Told) -> None:
    """Summary: with its caps raised spend names the call that runs, with its record id, how long it lasts and what it holds; after its end nothing is held any more, and what it has cost is settled."""
    node = told.node
    for window, to in (("day", "100"), ("hour", "90")):
        raised = node.trunkward(
            *("spend", "raise", "trunk:acme-hq", "--window", window, "--to", to, "--for", "1h"),
            *("--why", "the hour's cap was reached above"),
        )
        assert raised.returncode == 0, raised.stderr

    async def shown() -> dict[str, Any]:
        return await asyncio.to_thread(told.shown, "trunk:acme-hq")

    async def scenario() -> None:
        customer, north = customer_agent(), carrier_agent()
        before = (await shown())["windows"][-1]
        async with tls_carrier(node, north):
            talking = await talk(customer, await connect(node, customer), north, NORTH_NUMBER)
            call_id = talking.call.invite.call_id
            record = await asyncio.to_thread(node.record, call_id)
            own = [one for one in (await shown())["calls"] if one["record_id"] == record["record_id"]]
            assert len(own) == 1, own
            assert Decimal(own[0]["held"]) > 0
            await asyncio.sleep(1)
            assert (await talking.call.bye()).status == 200
            await asyncio.to_thread(node.record, call_id, ended=True)

        async def settled() -> bool:
            now = await shown()
            month = now["windows"][-1]
            return Decimal(month["settled"]) > Decimal(before["settled"]) and not any(
                one["record_id"] == record["record_id"] for one in now["calls"]
            )

        for _ in range(50):
            if await settled():
                return
            await asyncio.sleep(0.2)
        raise AssertionError("what the call has cost was not settled")

    run(node, scenario)


def test_without_valkey_it_says_so(told: Told) -> None:
    """Summary: Valkey stopped: spend says that it cannot tell, with exit code 1."""
    node = told.node
    pid = node.pid("valkey")
    subprocess.run(["kill", "-STOP", str(pid)], check=True)
    try:
        done = node.trunkward("spend")
        assert (done.returncode, "what is spent cannot be told: Valkey" in done.stderr) == (1, True)
    finally:
        subprocess.run(["kill", "-CONT", str(pid)], check=True)
    until(lambda: node.trunkward("spend", "trunk:acme-hq").returncode == 0, "Valkey to answer")
