"""A provider without a node: the process that keeps its certificate, and real authorities over HTTPS; and a whole node that asks them."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sipkit.sti import PASSWORD, SPC, Provider
from trunkward.certificates.identities import Identities
from trunkward.engines.certificate_state import IdentitiesState, IdentityState
from trunkward.engines.users import gid, uid
from trunkward.stiauthority.server import StiAuthority, Where, accounts_of
from wire.conftest import EXAMPLE, Node, start_node, stop_node
from wire.node.parties import NORTH_NUMBER, carrier_agent, connect, customer_agent, place, run, tls_carrier

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


class Keeper:
    """Its rounds, at times a test chooses."""

    def __init__(self, provider: Provider, **task: object) -> None:
        self.provider = provider
        self.identities = Identities(provider.task(**task))  # type: ignore[arg-type]

    def round(self, at: datetime | None = None) -> IdentityState:
        """One of them; how the node's identity stands after it."""
        self.identities.round(at or datetime.now(UTC))
        return self.all.identities["node"]

    @property
    def all(self) -> IdentitiesState:
        """Of everything."""
        return self.identities.state(datetime.now(UTC))


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path)
    made.sti.start()
    try:
        yield made
    finally:
        made.sti.stop()


@pytest.fixture
def keeper(provider: Provider) -> Keeper:
    """With a first certificate in use."""
    found = Keeper(provider)
    state = found.round()
    assert state.problem == ""
    assert state.url
    return found


def late(state: IdentityState) -> datetime:
    """A moment at which renewal is due for sure, long before the end."""
    assert state.until is not None
    return state.until - timedelta(days=20)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """What a person keeps, readable by the node's users."""
    made = Path(tempfile.mkdtemp(prefix="tw-sti-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def sti(home: Path) -> Iterator[StiAuthority]:
    """The authorities a node asks, with accounts for both codes."""
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
    """One that orders its certificate, and is given none at first."""
    sti.authority.refused.add(SPC)
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
    """What is found, once it is."""
    end = time.monotonic() + within_s
    while not (value := found()):
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        time.sleep(0.2)
    return value


def identities_of_a_call(node: Node) -> list[str]:
    """The Identity headers of a call to carrier north, as they arrive there."""
    return _called(node)[0]


def why_unsigned(node: Node) -> str:
    """Why such a call, which has none, goes without, as it is on record."""
    found, call_id = _called(node)
    assert found == []
    why: str = node.record(call_id)["attest_reason"]
    return why


def _called(node: Node) -> tuple[list[str], str]:
    """Its Identity headers, and its Call-ID."""
    found: list[str] = []
    call_id = ""

    async def scenario() -> None:
        nonlocal call_id
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
        call_id = call.invite.call_id

    run(node, scenario)
    return found, call_id
