"""The signers of a node: one process for each identity, with a user, a key and a journal of its own.

The node's own is `signer`, as `tw-signer`. Each reseller who has a certificate has one more, under a user
that nobody else is: what one of them is made to do, by whatever error, reaches no other's key. Who has which
user is known by whom his journal belongs to.
"""

import os
import pwd
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from trunkward.control.blocks import needs_blocks
from trunkward.engines.identity_task import identities_of, signing_files
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.supervisor import Program
from trunkward.engines.users import USERS, uid
from trunkward.engines.whole_file import read_plain
from trunkward.settings import METRICS_PORT, SIGNER_METRICS_PORT, Paths, signer_name
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates, Revocation
from trunkward.trunks.transit import OF_NODE

#: Users for resellers' signers; where all are taken, no more can have an identity on this node.
POOL = tuple(name for name in USERS if name.startswith("tw-signer-"))
#: Metrics of a reseller's signer: this and the number of its user.
_METRICS_PORT = METRICS_PORT - 20
_MAX_BYTES = 1 << 16


class NoUserLeft(ValueError):
    """More identities than users; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One of them."""

    identity: str
    user: str

    @property
    def name(self) -> str:
        """The process, and what its directories are called."""
        return signer_name(self.identity)

    @property
    def metrics_port(self) -> int:
        """On 127.0.0.1."""
        if self.identity == OF_NODE:
            return SIGNER_METRICS_PORT
        return _METRICS_PORT + int(self.user.rpartition("-")[2])


def signers_of(resellers: Iterable[str], paths: Paths) -> list[Signer]:
    """The node's own, and those of resellers who have an identity. Raises `NoUserLeft`."""
    users = users_of(resellers, _held(paths))
    return [
        Signer(identity=OF_NODE, user="tw-signer"),
        *(Signer(identity=name, user=user) for name, user in users.items()),
    ]


def users_of(identities: Iterable[str], held: Mapping[str, str]) -> dict[str, str]:
    """By identity, in order, its user: the one it has, else one that nobody has. Raises `NoUserLeft`."""
    found: dict[str, str] = {}
    for name in sorted(identities):
        taken = {*found.values(), *(user for other, user in held.items() if other != name)}
        if (own := held.get(name)) in POOL and own not in found.values():
            found[name] = own
            continue
        free = next((user for user in POOL if user not in taken), None)
        if free is None:
            raise NoUserLeft(
                f"no user is left for the signer of {name}, there are {len(POOL)}: those of resellers who "
                "have no identity any more are free again once the node was stopped and started"
            )
        found[name] = free
    return found


def departed(resellers: Iterable[str], paths: Paths) -> list[str]:
    """Whose signer has kept something here and is no more."""
    return sorted(_held(paths).keys() - set(resellers))


def signer_programs(declared: Declared, paths: Paths) -> list[Program]:
    """Their processes. Raises `NoUserLeft`."""
    return [
        Program(name=signer.name, user=signer.user, command=_command(signer, declared, paths), priority=20)
        for signer in signers_of(declared.reseller_identities, paths)
    ]


def metrics_document(declared: Declared, paths: Paths) -> str:
    """Where each tells its numbers, for `read_ports`."""
    return msgspec.json.encode(
        {each.name: each.metrics_port for each in signers_of(declared.reseller_identities, paths)}
    ).decode()


def read_ports(paths: Paths) -> dict[str, int]:
    """Where each signer that runs here tells its numbers, on 127.0.0.1, by its name."""
    try:
        return msgspec.json.decode(read_plain(paths.signers, _MAX_BYTES), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        return {signer_name(OF_NODE): SIGNER_METRICS_PORT}


def _command(signer: Signer, declared: Declared, paths: Paths) -> list[str]:
    identity = signer.identity
    spc, x5u, source = identities_of(declared)[identity]
    pki = PkiFiles(paths.pki)
    chain, key = signing_files(declared, paths, identity)
    resold = declared.reseller_identities.get(identity)
    if source.certificates is Certificates.TEST:
        trust = ["--authorities", str(pki.shaken_authority)]
    else:
        trust = [
            *("--trusted-list", str(paths.trusted_list)),
            *("--revocations", str(paths.revocations)),
            *("--policy-administrator", str(paths.policy_administrator)),
            *(["--hard-revocation"] if source.revocation is Revocation.HARD else []),
        ]
    return [
        *(sys.executable, "-m", "trunkward.signer"),
        *("--name", identity),
        *("--socket", str(paths.signer_socket_of(identity))),
        *("--key", key),
        *("--certificate-chain", str(chain)),
        *(["--ordered"] if source.certificates is Certificates.ACME else []),
        *trust,
        *("--x5u", x5u),
        *("--spc", spc),
        *("--evidence-key", str(pki.evidence_public_key)),
        *("--denied-evidence", str(pki.denied_evidence)),
        *("--journal", str(paths.signer_journal(identity))),
        *("--head", str(paths.signer_head(identity))),
        *("--gap", str(paths.signer_run(identity) / "gap.json")),
        *("--heads", str(paths.heads)),
        *(["--unsafe-trusted-clock"] if declared.node.unsafe_trusted_clock else []),
        *("--keep-days", str(declared.retention.signatures_days)),
        *(["--journal-days", str(kept)] if (kept := declared.retention.journals_days) is not None else []),
        *("--allow-uid", str(uid("tw-gate"))),
        *("--metrics-port", str(signer.metrics_port)),
        *(["--recorded-only"] if needs_blocks(declared, identity) else []),
        *(["--third-party"] if resold is not None and resold.third_party else []),
    ]


def _held(paths: Paths) -> dict[str, str]:
    """By identity that has a journal here, whom that belongs to; those that are root's are nobody's."""
    held = {}
    own = signer_name(OF_NODE)
    for directory in paths.state.glob(f"{own}-*"):
        try:
            owner = pwd.getpwuid(os.stat(directory, follow_symlinks=False).st_uid).pw_name
        except (OSError, KeyError):
            continue
        if owner in POOL:
            held[directory.name.removeprefix(f"{own}-")] = owner
    return held
