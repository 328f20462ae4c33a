"""Summary: a signing key that stays in a token (SoftHSM): calls are signed with it, and nobody has it in a file."""

import asyncio
import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from sipkit.passports import verified
from trunkward.control import pki
from trunkward.engines.signer_client import SignerClient
from trunkward.engines.signer_wire import Signed

SIGNER = 64013
MODULE = "/usr/lib/softhsm/libsofthsm2.so"

#: As the signer's user: makes the key pair inside, and shows the public half.
_MAKE = """
import sys, pkcs11
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters
token = pkcs11.lib(sys.argv[1]).get_token(token_label="shaken")
with token.open(user_pin="1234", rw=True) as session:
    parameters = session.create_domain_parameters(
        pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True
    )
    public, private = parameters.generate_keypair(store=True, label="709J")
    assert private[pkcs11.Attribute.EXTRACTABLE] is False
    sys.stdout.write(encode_ec_public_key(public).hex())
"""


@dataclass
class Token:
    """A token of the signer's user."""

    home: Path
    uri: str
    environment: dict[str, str]


@pytest.fixture
def token(node: Any) -> Token:
    """With a key in it, and the node's certificate issued for that."""
    home = node.home / "token"
    (home / "tokens").mkdir(parents=True)
    conf = home / "softhsm2.conf"
    conf.write_text(
        f"directories.tokendir = {home / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    pin = home / "pin"
    pin.write_text("1234\n")
    pin.chmod(0o600)
    for path in (home, home / "tokens", pin):
        os.chown(path, SIGNER, SIGNER)
    environment = {"SOFTHSM2_CONF": str(conf)}
    become = ["setpriv", f"--reuid={SIGNER}", f"--regid={SIGNER}", "--clear-groups"]
    init = [
        "softhsm2-util",
        "--init-token",
        "--free",
        "--label",
        "shaken",
        "--pin",
        "1234",
        "--so-pin",
        "4321",
    ]
    subprocess.run([*become, *init], env=os.environ | environment, check=True, capture_output=True)
    made = node.run_as(SIGNER, _MAKE, MODULE, environment=environment)
    assert made.returncode == 0, made.stderr
    files = node.files
    authority = pki.read_pair(files.shaken_authority.read_bytes(), files.shaken_authority_key.read_bytes())
    public = load_der_public_key(bytes.fromhex(made.stdout))
    assert authority is not None
    assert isinstance(public, ec.EllipticCurvePublicKey)
    certificate = pki.issue_shaken_certificate(
        public,
        authority=authority,
        spc="709J",
        serial=1 << 100,
        now=datetime.now(UTC),
    )
    files.shaken.write_bytes(pki.certificate_pem(certificate))
    return Token(home, f"pkcs11:token=shaken;object=709J?module-path={MODULE}&pin-source={pin}", environment)


def sign(node: Any, count: int = 1) -> list[Signed]:
    async def run() -> list[Signed]:
        client = SignerClient(node.socket)
        try:
            return await asyncio.gather(*(client.sign(node.request(), 20) for _ in range(count)))
        finally:
            await client.close()

    return asyncio.run(run())


def test_property_10_calls_are_signed_by_a_key_that_is_in_a_token(node: Any, token: Token) -> None:
    """Summary: Property 10: a key generated in SoftHSM, which does not let it out, signs; the certificate's key verifies it."""
    node.start(key=token.uri, environment=token.environment)
    for signed in sign(node, 20):
        assert verified(signed.identities[0], node.files.shaken)["attest"] == "B"
    # nobody has the key in a file, not even its own user
    node.files.shaken_key.unlink()
    assert sign(node)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda t: (t.home / "pin").write_text("9999"), "key-token-lost"),
        (lambda t: shutil.rmtree(t.home / "tokens"), "key-token-lost"),
        (lambda t: (t.home / "pin").chmod(0o644), "key-file-open-to-others"),
        (lambda t: setattr(t, "uri", t.uri.replace("709J", "other")), "key-token-lost"),
    ],
)
def test_it_does_not_start_without_the_token(node: Any, token: Token, spoil: Any, cause: str) -> None:
    """Summary: a wrong PIN, a PIN others can read, a token or a key that is not there: not started, with the cause."""
    spoil(token)
    process = node.start(key=token.uri, environment=token.environment, wait=False)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 78
    assert cause in said.decode()
    assert "1234" not in said.decode()
