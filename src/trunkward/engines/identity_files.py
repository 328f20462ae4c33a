"""Files of the process `identities`: looked at before anything is decided on, and put where it finds them."""

from contextlib import suppress
from pathlib import Path

import msgspec
from cryptography.x509 import load_pem_x509_certificates

from trunkward.engines.identity_task import copies, identities_of, identities_task
from trunkward.engines.signer_check import why_not
from trunkward.engines.users import may
from trunkward.engines.whole_file import write_private
from trunkward.settings import Paths
from trunkward.trunks.model import Declared


class IdentityRefused(Exception):
    """A file or directory that the configuration names for signing certificates cannot be used."""


def check_identities(declared: Declared, paths: Paths) -> None:
    """Looks at files a person wrote down, and whether chains can be published. Raises `IdentityRefused`."""
    for copy, file in copies(declared, paths).items():
        text = _text(file)
        if copy == paths.policy_administrator and not _is_certificates(text):
            raise IdentityRefused(f"node.policy_administrator.certificate: {file}: no certificate in PEM")
    for name, (_, _, source) in identities_of(declared).items():
        if source.publish and not may("tw-identity", "-w", source.publish):
            raise IdentityRefused(
                f"identity of {name}: publish: {source.publish}: tw-identity, who writes there, cannot: "
                f"install -d -o tw-identity {source.publish}, and chmod o+x on the directories above"
            )
    check_kept(declared, paths)


def check_kept(declared: Declared, paths: Paths) -> None:
    """Has each signer look at the key and chain a person keeps for it. Raises `IdentityRefused`."""
    for name, why in why_not(declared, paths).items():
        raise IdentityRefused(f"identity of {name}: its signer could not sign: {why}")


def put_identities(declared: Declared, paths: Paths) -> None:
    """What the process is told at its start, and copies of what it may not read where a person keeps it.

    Raises `OSError`.
    """
    with suppress(OSError):  # of a node before this one
        paths.identities_state.unlink()
    for copy, file in copies(declared, paths).items():
        # what is public is for signers and gates, too
        mode = 0o644 if copy.suffix == ".pem" else 0o640
        write_private(copy, Path(file).read_bytes(), "root", "tw-identity", mode)
    if (task := identities_task(declared, paths)) is not None:
        write_private(paths.identities_task, msgspec.json.encode(task), "root", "tw-identity")


def _text(file: str) -> str:
    where = "node.identity or node.policy_administrator"
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as problem:
        raise IdentityRefused(f"{where}: {file}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise IdentityRefused(f"{where}: {file}: is no text") from None


def _is_certificates(text: str) -> bool:
    try:
        return bool(load_pem_x509_certificates(text.encode()))
    except ValueError:
        return False
