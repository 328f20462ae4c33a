"""A certificate that cannot be used stops the start with one sentence, before anything is made."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sipkit.certificates import ThrowawayAuthority
from trunkward.engines.users import gid
from wire.conftest import EXAMPLE, new_home, trunkward

FILES = "  certificate: {{files: {{chain: {home}/chain.pem, key: {home}/key.pem}}}}\n  tls_port: 5061\n"
ACME = """\
  certificate:
    acme:
      directory: https://ca.example.net/directory
      terms_agreed: true
      external_account: {{key_id: kid-1, hmac_file: {home}/hmac}}
  tls_port: 5061
"""


@pytest.fixture
def home() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("`up` needs root")
    made = new_home()
    credential = ThrowawayAuthority(made / "authority").issue(
        "sbc.example.com", hosts=("sbc.example.com", "127.0.0.10")
    )
    for source, target in ((credential.certificate, "chain.pem"), (credential.key, "key.pem")):
        shutil.copyfile(source, made / target)
        os.chown(made / target, 0, gid("tw-edge"))
        (made / target).chmod(0o640)
    yield made
    shutil.rmtree(made)


def other_names(home: Path) -> None:
    credential = ThrowawayAuthority(home / "authority").issue("other.example.com")
    shutil.copyfile(credential.certificate, home / "chain.pem")
    shutil.copyfile(credential.key, home / "key.pem")


def of_another_key(home: Path) -> None:
    shutil.copyfile(ThrowawayAuthority(home / "authority").issue("sbc.example.com").key, home / "key.pem")


REFUSED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": (
        FILES, lambda home: (home / "chain.pem").unlink(), "node.certificate: {home}/chain.pem: No such file or directory",
    ),
    "another key": (
        FILES, of_another_key, "node.certificate: {home}/chain.pem: the first certificate is not for this private key",
    ),
    "other names": (
        FILES, other_names,
        "node.certificate: {home}/chain.pem: does not carry sbc.example.com, 127.0.0.10 in subjectAltName",
    ),
    "root's alone": (
        FILES, lambda home: (home / "key.pem").chmod(0o600),
        ("node.certificate: {home}/key.pem: tw-edge cannot read it, who looks for changes while the node runs: "
         "chgrp tw-edge {home}/key.pem; chmod 640 {home}/key.pem, and chmod o+x on the directories above"),
    ),
    "no MAC key": (
        ACME, lambda home: (home / "hmac").write_text("what they mailed me"),
        "node.certificate.acme.external_account: {home}/hmac: not a key in base64url, as the authority gives it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_one_sentence(case: str, home: Path) -> None:
    """Summary: files that do not fit, name others or cannot be read, and a MAC key that is none: exit 2, one sentence, no keys made."""
    certificate, spoil, said = REFUSED[case]
    spoil(home)
    text = EXAMPLE.read_text(encoding="utf-8").replace("  tls_port: 5061\n", certificate.format(home=home))
    (home / "node.yaml").write_text(text, encoding="utf-8")
    started = subprocess.run(
        [trunkward(), "up"],
        env=os.environ | {"TRUNKWARD_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode == 2, started.stdout + started.stderr
    assert f"not started: {said.format(home=home)}\n" in started.stderr
    assert not list((home / "state" / "pki").iterdir())
