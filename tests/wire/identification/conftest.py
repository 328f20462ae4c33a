"""A node with a trunk for each way of being recognised, and combinations of them."""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sipkit.certificates import ThrowawayAuthority
from wire.conftest import EXAMPLE, Node, start_node, stop_node

#: By trunk: how it is recognised, what that needs, the last two digits of its number.
TRUNKS = {
    "by-network": ("[network]", "networks: [127.0.1.1]", "11"),
    "by-certificate": ("[certificate]", "client_certificate: issued", "12"),
    "by-authority": (
        "[certificate]",
        "client_certificate: {{ca: {ca}, subject: pbx.west.example.com}}",
        "13",
    ),
    "by-digest": ("[digest]", "username: west-digest", "14"),
    "by-both": ("[network, digest]", "networks: [127.0.1.5], unsafe_md5: true", "15"),
    "by-all": ("[network, certificate, digest]", "networks: [127.0.1.6], client_certificate: issued", "16"),
    "by-chain": ("[network, certificate]", "networks: [127.0.1.7], client_certificate: issued", "17"),
}


@dataclass(frozen=True, kw_only=True)
class Site:
    """The node, and what its parties know."""

    node: Node
    authority: ThrowawayAuthority
    #: By trunk.
    passwords: dict[str, str] = field(repr=False)

    def secret(self, *arguments: str) -> str:
        """What `trunkward secret` writes; it must be done."""
        file = Path(tempfile.mkdtemp(dir=self.node.home)) / "secret"
        done = self.node.trunkward("secret", *arguments, "--output", str(file))
        assert done.returncode == 0, done.stderr
        assert file.stat().st_mode & 0o777 == 0o600
        password = file.read_text().strip()
        assert password not in done.stdout + done.stderr
        return password


def number_of(trunk: str) -> str:
    """A trunk's own number."""
    return f"+120255501{TRUNKS[trunk][2]}"


def config(authority: Path) -> str:
    """The example, and these trunks of another tenant."""
    text = EXAMPLE.read_text(encoding="utf-8")
    trunks = "".join(
        f"      - name: {name}\n        identified_by: {ways}\n"
        + "".join(f"        {line}\n" for line in needs.format(ca=authority).split(", unsafe")[:1])
        + ("        unsafe_md5: true\n" if "unsafe_md5" in needs else "")
        + f'        numbers: ["{number_of(name)}"]\n'
        for name, (ways, needs, _) in TRUNKS.items()
    )
    # one key a line, where two are in one
    trunks = trunks.replace(", client_certificate", "\n        client_certificate")
    return text.replace("carriers:\n", f"  - name: west\n    trunks:\n{trunks}\ncarriers:\n", 1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """It runs, and the trunks with digest have their secrets."""
    yield from running(tmp_path_factory.mktemp("west"), start_node)


def running(directory: Path, start: Callable[[str], Node]) -> Iterator[Site]:
    """A site while it is needed; `directory` is for its authority, `start` starts a node of a node file."""
    authority = ThrowawayAuthority(directory, "West PBX authority")
    node = start(config(authority.trust))
    made = Site(node=node, authority=authority, passwords={})
    for trunk, (ways, _, _) in TRUNKS.items():
        if "digest" in ways:
            made.passwords[trunk] = made.secret("new", trunk)
    yield made
    assert not any(
        password.encode() in content
        for folder, _, names in os.walk(node.home)
        for content in (_content(Path(folder) / name) for name in names if name != "secret")
        for password in made.passwords.values()
    ), "a secret in clear"
    stop_node(node)


def _content(path: Path) -> bytes:
    """What is in a file; b"" of what is none, or has gone meanwhile: the node runs."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:
        return b""
