"""The authority that a developer starts: what it prints goes into a node file, and what it serves is real."""

import os
import signal
import subprocess
import time
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.x509 import load_pem_x509_certificates

from sipkit.sti import SPC
from trunkward.control.node_file import read_node_file
from trunkward.fetch.policy_administrator import PolicyAdministrator
from trunkward.shaken.trusted_list import read_trusted_list
from trunkward.trunks.signing import Certificates
from wire.conftest import EXAMPLE, trunkward


def test_what_it_prints_is_a_node_file_s_and_what_it_serves_is_signed(tmp_path: Path) -> None:
    """Summary: `trunkward test-authority` prints the keys that a node needs, and serves until Ctrl-C."""
    home = tmp_path / "sti"
    environment = os.environ | {"TRUNKWARD_HOME": str(tmp_path)}
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            [trunkward(), "test-authority", "--spc", SPC, "--spc", "001T", "--home", str(home)],
            env=environment,
            stdout=out,
            stderr=out,
        )
    try:
        administrator = PolicyAdministrator("https://127.0.0.1:8444", home / "https-ca.pem")
        until = time.monotonic() + 30
        token = b""
        while not token:
            try:
                token = administrator.trusted_list()
            except Exception:
                assert process.poll() is None, (tmp_path / "out").read_text()
                assert time.monotonic() < until, (tmp_path / "out").read_text()
                time.sleep(0.2)
        printed = (tmp_path / "out").read_text()
        own, resold = printed[printed.index("node:") :].split("Into the reseller whose code is 001T:")
        given = yaml.safe_load(own)["node"]
        theirs = yaml.safe_load(resold)["identity"]
        assert theirs.pop("spc") == "001T"
        assert theirs == {key: given["identity"][key] for key in theirs}
        assert given["identity"]["authority"]["account"] == "test"
        file = yaml.safe_load(EXAMPLE.read_text())
        file["node"] |= given
        node = read_node_file(yaml.safe_dump(file), "node.yaml").node
        assert node.signing.certificates is Certificates.ACME
        assert node.spc == SPC
        assert node.policy_administrator is not None
        signer = Path(node.policy_administrator.certificate_file)
        found = read_trusted_list(token, load_pem_x509_certificates(signer.read_bytes()), time.time())
        assert len(found.roots) == 1
        # one that runs is told of a revocation by its files
        revoked = [trunkward(), "test-authority", "--revoke", "75a1", "--home", str(home)]
        subprocess.run(revoked, env=environment, check=True)
        listed = x509.load_der_x509_crl(administrator.revocations())
        assert listed.get_revoked_certificate_by_serial_number(0x75A1) is not None
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
