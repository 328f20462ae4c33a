"""The files that the engines and the supervisor read, as they should be for what is in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import random_serial_number

from trunkward.admission.emergency import emergency_table
from trunkward.control.declared import InForce
from trunkward.control.pki import certificate_pem, issue_sip_authority
from trunkward.engines.call_id_mask_key import kept_mask_key
from trunkward.engines.certificates import first_end
from trunkward.engines.departed import edge_settings
from trunkward.engines.kamailio import EdgeFiles, render_edge_json, render_kamailio_cfg, render_tls_cfg
from trunkward.engines.open_files import open_files
from trunkward.engines.peer_authorities import authority_copy, authority_texts, with_authorities
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.signers import metrics_document, signer_programs
from trunkward.engines.supervisor import Program, programs, render_supervisord_conf
from trunkward.engines.valkey import (
    SHARED_USERS,
    render_users_acl,
    render_valkey_conf,
    shared_secrets,
    valkey_passwords,
)
from trunkward.engines.valkey import USERS as VALKEY_USERS
from trunkward.engines.whole_file import write_private
from trunkward.settings import SYSTEM_AUTHORITIES, Paths, live_file
from trunkward.trunks.model import Declared, SharedLive
from trunkward.trunks.secret import SealedSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of the edge's or root's, as it should be."""

    path: Path
    text: str
    group: str = "tw-edge"
    mode: int = 0o640

    def write(self) -> bool:
        """Writes it unless it is so already; whether it was written."""
        try:
            if self.path.read_bytes() == self.text.encode():
                return False
        except FileNotFoundError:
            pass
        write_private(self.path, self.text, "root", self.group, self.mode)
        return True


def render(paths: Paths, in_force: InForce, *, now: datetime) -> list[Program]:
    """Writes the files of engines and supervisor; the processes they make. Running ones go on as they are."""
    declared = in_force.declared()
    for file in rendered(paths, declared, in_force.version, now=now, sealed=in_force.secrets):
        write_private(file.path, file.text, "root", file.group, file.mode)
    write_private(paths.run / "edge" / "nobody-ca.pem", _nobody(now), "root", "tw-edge")
    return programs(declared, paths, signer_programs(declared, paths))


def rendered(
    paths: Paths,
    declared: Declared,
    version: int,
    *,
    now: datetime,
    sealed: Mapping[str, Sequence[SealedSecret]],
    beside: Declared | None = None,
) -> list[File]:
    """The engines' files for what is in force, as they should be. `sealed`: secrets in force, by trunk.

    `beside`: what the edge must still know for a moment, because gates judge by it until they have
    the new one.
    """
    files, mask_key = EdgeFiles.under(paths), kept_mask_key(paths)
    texts = authority_texts(beside or declared)
    known = with_authorities(beside or declared, paths)
    cfg = render_kamailio_cfg(declared, paths, mask_key=mask_key)
    settings = edge_settings(
        render_edge_json(known, paths, emergency_table(known, {}), mask_key=mask_key, sealed=sealed),
        files.edge_json,
        version=version,
        authorities={
            str(authority_copy(paths, name)): sha256(pem.encode()).hexdigest() for name, pem in texts.items()
        },
        now_s=int(now.timestamp()),
    )
    trusted = PkiFiles(paths.pki).sip_authority.read_text(encoding="ascii") + "".join(
        dict.fromkeys(texts.values())
    )
    # for `web`, which may not read where they stand
    ends = {name: first_end(pem.encode()) for name, pem in texts.items()}
    signers = signer_programs(declared, paths)
    conf = render_supervisord_conf(programs(declared, paths, signers), paths, open_files())
    return [
        *(File(path=authority_copy(paths, name), text=pem) for name, pem in texts.items()),
        File(path=paths.run / "edge" / "peers-ca.pem", text=trusted),
        File(path=files.tls_cfg, text=render_tls_cfg(known, paths)),
        File(path=files.edge_json, text=settings),
        File(path=files.kamailio_cfg, text=cfg),
        File(path=paths.signers, text=metrics_document(declared, paths), group="root", mode=0o644),
        File(path=paths.shown_authorities, text=msgspec.json.encode(ends).decode(), group="tw-web"),
        *_valkey_files(paths, declared.node.live),
        *_fetcher_files(paths, declared.node.verification.ca_file),
        File(path=paths.run / "supervisord.conf", text=conf, group="root", mode=0o600),
    ]


def _valkey_files(paths: Paths, shared: SharedLive | None) -> list[File]:
    where = File(path=live_file(paths.run), text=shared.where if shared else "", group="tw-live", mode=0o640)
    if shared is not None:
        secrets_of = shared_secrets(shared)
        files = [
            File(path=paths.valkey_secret(user), text=text, group=SHARED_USERS[user])
            for user, text in secrets_of.items()
        ]
        if not shared.where.startswith("/"):
            pem = Path(shared.ca_file or SYSTEM_AUTHORITIES).read_text(encoding="ascii", errors="replace")
            files.append(File(path=paths.valkey_authorities, text=pem, group="tw-live"))
        return [where, *files]
    passwords = valkey_passwords(paths)
    return [
        where,
        *(
            File(path=paths.valkey_secret(user), text=passwords[user], group=group)
            for user, group in VALKEY_USERS.items()
        ),
        File(path=paths.valkey_run / "users.acl", text=render_users_acl(passwords), group="tw-live"),
        File(path=paths.valkey_run / "valkey.conf", text=render_valkey_conf(paths), group="tw-live"),
    ]


def _fetcher_files(paths: Paths, ca_file: str) -> list[File]:
    if not ca_file:
        return []
    pem = Path(ca_file).read_text(encoding="ascii", errors="replace")
    return [File(path=paths.fetcher_authorities, text=pem, group="tw-fetcher")]


def _nobody(now: datetime) -> str:
    """An authority whose key nobody has: what a TLS profile trusts that is to trust nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    return certificate_pem(
        issue_sip_authority(key, node="nobody", serial=random_serial_number(), now=now)
    ).decode()
