"""A node goes over to another version and back while calls run; what does not come up goes back by itself."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import trunkward
from sipkit.call import Call
from sipkit.transport import Flow
from wire.conftest import EXAMPLE, Node, home_of, start_node_in, stop_node
from wire.node.parties import (
    NORTH_NUMBER,
    Party,
    carrier_agent,
    connect,
    customer_agent,
    faults_in,
    place,
    reoffer,
    run,
    tls_carrier,
)
from wire.operations.versions import change, make_version
from wire.records.parties import eventually

OLD, NEW, BROKEN, LATER = "0.0.8", "0.0.9", "0.0.10", "0.0.11"
#: What OLD's supervisor was told of rtpengine, and those that NEW and LATER come with.
MEDIA, OTHER_MEDIA = '"--log-level=4"', '"--log-level=3"'
#: Seconds between two calls.
APART_S = 0.25
#: Seconds a PBX goes on trying to connect.
TRIES_S = 30.0


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node of the old version, and others beside it.

    One has another edge and starts rtpengine otherwise, one's worker dies, one is the first again with another number.
    """
    home = home_of(EXAMPLE.read_text(encoding="utf-8"))
    make_version(home, OLD)
    for version in (NEW, LATER):
        package = make_version(home, version)
        edge = package / "edge" / "headers.py"
        edge.write_text(edge.read_text() + "\n# of another version\n")
        change(package / "engines" / "rtpengine.py", MEDIA, OTHER_MEDIA)
    worker = make_version(home, BROKEN) / "worker" / "__main__.py"
    change(worker, "    paths = _arguments()\n", "    raise SystemExit(9)\n")
    running = start_node_in(home, [str(home / "versions" / OLD / "bin" / "trunkward")])
    yield running
    stop_node(running)


def _begin(node: Node, version: str, *options: str) -> subprocess.Popen[str]:
    command = [str(node.home / "versions" / version / "bin" / "trunkward"), "upgrade", *options]
    return subprocess.Popen(
        command, env=node.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _upgrade(node: Node, version: str, *options: str) -> tuple[int, str]:
    process = _begin(node, version, *options)
    said, _ = process.communicate(timeout=100)
    print(said)
    return process.returncode, said


def _apply(node: Node, version: str, text: str) -> tuple[int, str]:
    """Writes the node file, and has a version apply it."""
    (node.home / "node.yaml").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [node.home / "versions" / version / "bin" / "trunkward", "apply"],
        env=node.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def _without_tokens(node: Node) -> None:
    """As a version left it that knew no relationships and no blocks."""
    file = node.state / "config" / "declared.json"
    before = json.loads(file.read_bytes())
    for key in ("relationships", "blocks", "evidence_key"):
        del before[key]
    file.write_text(json.dumps(before))  # in its place: its owner and its mode are what they were


def _in_use(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((node.run / "version.json").read_text())
    return found


def _runs(node: Node, program: str) -> str:
    """The command line of a part's own process, "" when it has none at the moment."""
    try:
        return Path(f"/proc/{node.pid(program)}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (OSError, ValueError, AssertionError):  # the last: while it is replaced, the supervisor knows none
        return ""


class Pbx:
    """Places calls one after the other; when its connection goes it connects again, and what was not answered is tried anew."""

    def __init__(self, node: Node, agent: Party) -> None:
        """Nothing is connected yet."""
        self.node, self.agent = node, agent
        self.flow: Flow | None = None
        self.calls = 0
        self.tried_again = 0
        self.refused: list[int] = []
        agent.dial = self.dial

    async def dial(self, _uri: str = "") -> Flow:
        """Its connection, opened anew if need be."""
        until = time.monotonic() + TRIES_S
        while self.flow is None or not self.flow.is_open:
            try:
                self.flow = await connect(self.node, self.agent)
            except OSError:
                assert time.monotonic() < until, "nobody accepts connections"
                await asyncio.sleep(0.05)
        return self.flow

    async def call(self) -> None:
        """One call to its end."""
        self.calls += 1
        while True:
            try:
                call = await place(self.agent, flow := await self.dial(), NORTH_NUMBER)
            except ConnectionError:
                self.tried_again += 1
                continue
            final = asyncio.ensure_future(call.final(30))
            await asyncio.wait({final, flow.closed}, return_when=asyncio.FIRST_COMPLETED)  # type: ignore[attr-defined]
            if final.done():
                break
            final.cancel()
            self.tried_again += 1
        if (status := final.result().status) != 200:
            self.refused.append(status)
            return
        await self.hang_up(call)

    async def hang_up(self, call: Call) -> None:
        """A BYE; once more when its connection goes, and then it may have arrived the first time."""
        again = False
        while True:
            call.flow = await self.dial()
            bye = asyncio.ensure_future(call.bye())
            await asyncio.wait({bye, call.flow.closed}, return_when=asyncio.FIRST_COMPLETED)  # type: ignore[attr-defined]
            if bye.done() and bye.exception() is None:
                assert bye.result().status in ((200, 481) if again else (200,))
                return
            bye.cancel()
            again = True


async def _under_calls(node: Node, version: str, *options: str) -> tuple[int, str]:
    """Upgrades while calls are placed and others held; checks them all."""
    customer, carrier = customer_agent(), carrier_agent()
    pbx = Pbx(node, customer)
    async with tls_carrier(node, carrier):
        held = []
        for _ in range(3):
            call = await place(customer, await pbx.dial(), NORTH_NUMBER)
            there = await carrier.incoming()
            await call.answered()
            await there.confirmed()
            held.append((call, there))
        upgrading = asyncio.create_task(asyncio.to_thread(_upgrade, node, version, *options))
        placed = []
        while not upgrading.done():
            placed.append(asyncio.create_task(pbx.call()))
            await asyncio.sleep(APART_S)
        await asyncio.gather(*placed)
        outcome = await upgrading
        assert pbx.refused == []
        print(f"{pbx.calls} calls, {pbx.tried_again} of them tried again on a new connection")
        assert pbx.calls > 8
        for call, there in held:
            call.flow = await pbx.dial()
            assert (await call.reinvite(reoffer(call))).status == 200
            there.flow = carrier.flows[-1]
            assert (await there.reinvite(reoffer(there))).status == 200
        (one, one_there), (two, two_there), (three, _) = held
        assert (await one.bye()).status == 200
        assert await one_there.ended() == "peer-bye"
        assert (await two_there.bye()).status == 200
        assert await two.ended() == "peer-bye"
        await pbx.hang_up(three)
        for call, _ in held:
            # a worker that was taken back waits between two starts
            record = await asyncio.to_thread(node.record, call.invite.call_id, ended=True, within_s=20)
            assert record["ending"] == "bye"
        return outcome


def test_upgraded_under_calls_and_back(node: Node) -> None:
    """Summary: to another version and back under calls: none refused, held calls' re-INVITE and BYE work; media untouched."""
    (node.state / "pki" / "digest.secret").unlink()  # of a version that had none
    _without_tokens(node)
    media, supervisor = node.pid("rtpengine"), int((node.run / "supervisor.pid").read_text())

    async def there() -> None:
        code, said = await _under_calls(node, NEW)
        assert code == 0, said
        assert f"kamailio runs version {NEW}" in said
        assert "rtpengine is started otherwise by this version" in said

    run(node, there)
    # without anybody's `apply`: gates have what signers ask for
    declared = json.loads((node.state / "config" / "declared.json").read_bytes())
    assert list(declared["relationships"]) == list(declared["evidence"]) == ["acme-hq"]
    assert declared["evidence"]["acme-hq"]
    used = _in_use(node)
    assert (used["now"]["version"], used["before"]["version"], used["moving_to"]) == (NEW, OLD, "")
    for part in ("signer", "worker", "gate-0", "gate-1"):
        assert f"/versions/{NEW}/" in _runs(node, part)
    assert f"/versions/{NEW}/" in (node.run / "edge" / "kamailio.cfg").read_text()
    assert (node.home / "current").resolve().name == NEW
    assert (node.home / "previous").resolve().name == OLD

    async def back() -> None:
        code, said = await _under_calls(node, NEW, "--back")
        assert code == 0, said

    run(node, back)
    assert _in_use(node)["now"]["version"] == OLD
    assert (node.pid("rtpengine"), int((node.run / "supervisor.pid").read_text())) == (media, supervisor)
    node.wait_ready()
    assert not faults_in(node.log("kamailio"))


def test_what_does_not_come_up_goes_back_by_itself(node: Node) -> None:
    """Summary: a version whose worker dies is taken back by itself, under calls, and says why; calls go on."""

    async def scenario() -> None:
        code, said = await _under_calls(node, BROKEN)
        assert code == 1, said
        assert f"version {BROKEN} did not come up: worker" in said
        assert f"the node runs version {OLD} as before" in said

    run(node, scenario)
    assert _in_use(node)["now"]["version"] == OLD
    for part in ("signer", "worker", "gate-0", "gate-1"):
        assert f"/versions/{OLD}/" in _runs(node, part)
    node.wait_ready()


def test_killed_in_the_middle_it_is_done_again(node: Node, tmp_path: Path) -> None:
    """Summary: kill -9 of an upgrade half way: the node serves, and the same command ends what was begun.

    Nobody changes the node meanwhile: not while the upgrade holds it, nor half moved.
    """
    text = (node.home / "node.yaml").read_text(encoding="utf-8")
    in_force = (node.state / "config" / "declared.json").read_bytes()
    with _begin(node, NEW) as first:
        try:
            eventually(lambda: f"/versions/{NEW}/" in _runs(node, "signer"), 60, "a part moved")
            first.send_signal(signal.SIGSTOP)
            changing = f"trunkward upgrade (process {first.pid}) is changing this node"
            with ThreadPoolExecutor() as at_once:  # each waits ten seconds for its turn
                refused = (
                    at_once.submit(_apply, node, OLD, text + "# another\n"),
                    at_once.submit(_upgrade, node, NEW),
                )
            for code, said in (each.result() for each in refused):
                assert (code, changing in said) == (2, True), said
        finally:
            first.kill()
    for version in (OLD, NEW):
        code, said = _apply(node, version, text + "# another\n")
        assert (code, "broken off half way: ./trunkward upgrade ends it" in said) == (2, True), said
    (node.home / "node.yaml").write_text(text, encoding="utf-8")
    assert (node.state / "config" / "declared.json").read_bytes() == in_force
    assert _in_use(node)["now"]["version"] == OLD
    assert _in_use(node)["moving_to"].endswith(NEW)
    code, said = _upgrade(node, NEW, "--backup", str(tmp_path / "before"))
    assert code == 0, said
    assert _in_use(node)["now"]["version"] == NEW
    with tarfile.open(tmp_path / "before") as tar:
        content = tar.extractfile("manifest.json")
        assert content is not None
        # for going back, so the version before must take it
        assert json.load(content)["version"] == OLD
    assert f"/versions/{NEW}/" in _runs(node, "gate-1")


def test_changes_and_upgrades_start_nothing_anew_that_need_not_be(node: Node) -> None:
    """Summary: a number applied after an upgrade that left rtpengine as it was leaves it, too; an upgrade after it leaves Kamailio.

    Another version than the one that runs changes nothing.
    """
    assert _in_use(node)["now"]["version"] == NEW
    text = (node.home / "node.yaml").read_text(encoding="utf-8")
    other = text.replace("        numbers:\n", '        numbers:\n          - "+12025550119"\n', 1)
    assert other != text
    media, kamailio = node.pid("rtpengine"), node.pid("kamailio")
    for version in (OLD, LATER):
        code, said = _apply(node, version, other)
        assert (code, f"the node runs version {NEW}" in said) == (2, True), said
        assert "./trunkward upgrade must come first" in said
    code, said = _apply(node, NEW, other)
    assert (code, "is in force" in said) == (0, True), said
    assert (node.pid("rtpengine"), node.pid("kamailio")) == (media, kamailio)
    code, said = _upgrade(node, LATER)
    assert code == 0, said
    assert "rtpengine is started otherwise by this version" in said
    assert (node.pid("rtpengine"), node.pid("kamailio")) == (media, kamailio)
    for part in ("signer", "worker", "gate-0", "gate-1"):
        assert f"/versions/{LATER}/" in _runs(node, part)
    code, said = _upgrade(node, LATER, "--back")
    assert code == 0, said
    assert _in_use(node)["now"]["version"] == NEW
    assert node.pid("kamailio") == kamailio


def test_what_cannot_be_an_upgrade_is_refused(node: Node, tmp_path: Path) -> None:
    """Summary: no node, a version older than the one before, a node that is not whole: refused, nothing changed."""
    shutil.rmtree(node.home / "versions" / "0.0.1", ignore_errors=True)
    make_version(node.home, "0.0.1")
    before = (node.run / "version.json").read_bytes()
    code, said = _upgrade(node, "0.0.1")
    assert (code, "back goes only the version it ran before" in said) == (2, True), said
    nowhere = subprocess.run(
        [node.home / "versions" / OLD / "bin" / "trunkward", "upgrade"],
        env=os.environ | {"TRUNKWARD_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (nowhere.returncode, "no node is up" in nowhere.stderr) == (2, True), nowhere.stderr
    os.kill(node.pid("worker"), signal.SIGSTOP)
    try:
        eventually(lambda: node.trunkward("status", "--json").returncode, 30, "the worker is missed")
        code, said = _upgrade(node, BROKEN)
        assert (code, "the node is not whole" in said) == (2, True), said
    finally:
        os.kill(node.pid("worker"), signal.SIGCONT)
    assert (node.run / "version.json").read_bytes() == before
    assert trunkward.__version__ not in (OLD, NEW, BROKEN, LATER)
