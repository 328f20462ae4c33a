"""Preparing a node: from a declared configuration to everything its processes need on disk."""

import os
import re
import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import random_serial_number

from trunkward.admission.emergency import emergency_table
from trunkward.control.declared import InForce, with_certificates
from trunkward.control.evidence import inventory_evidence
from trunkward.control.pki import SipNames, certificate_pem, issue_sip_authority
from trunkward.engines.certificates import accepted_fingerprints, authority_ends, why_no_authority
from trunkward.engines.kamailio import EdgeFiles, render_edge_json, render_kamailio_cfg, render_tls_cfg
from trunkward.engines.layout import write_private
from trunkward.engines.open_files import open_files
from trunkward.engines.pki_files import PkiFacts, PkiFiles, PkiOwners, ensure_pki, read_evidence_key
from trunkward.engines.supervisor import programs, render_supervisord_conf
from trunkward.engines.users import gid, uid
from trunkward.settings import SIGNER_METRICS_PORT, Paths
from trunkward.trunks.model import Declared

#: 16 random bytes in hex.
_MASK_KEY = re.compile(r"[0-9a-f]{32}")


class NotPrepared(Exception):
    """Something the configuration names cannot be used; the message says what."""


def prepare(
    paths: Paths,
    declared: Declared,
    node_file: str,
    *,
    now: datetime,
    tell: Callable[[str], None],
    topos_storage: str = "htable",
) -> InForce:
    """Keys, certificates, the configuration in force, the engines' files. Needs root; safe to repeat.

    `tell` hears of each change to keys and certificates that were there before.
    """
    first = not PkiFiles(paths.pki).sip_authority.exists()
    for change in ensure_pki(paths.pki, _pki_facts(declared), _pki_owners(), now=now):
        if not first:
            tell(change)
    in_force = _put_in_force(paths, declared, node_file, now)
    declared = _with_authorities(in_force.declared(), paths)
    files = EdgeFiles.under(paths)
    emergency = emergency_table(declared, {})
    cfg = render_kamailio_cfg(declared, paths, mask_key=_mask_key(paths), topos_storage=topos_storage)
    write_private(files.kamailio_cfg, cfg, "root", "tw-edge")
    write_private(files.tls_cfg, render_tls_cfg(declared, paths), "root", "tw-edge")
    write_private(
        files.edge_json,
        render_edge_json(declared, paths, emergency, mask_key=_mask_key(paths)),
        "root",
        "tw-edge",
    )
    authorities = [PkiFiles(paths.pki).sip_authority, *_authorities(declared)]
    trusted = "".join(file.read_text(encoding="ascii") for file in authorities)
    write_private(paths.run / "edge" / "peers-ca.pem", trusted, "root", "tw-edge")
    write_private(paths.run / "edge" / "nobody-ca.pem", _nobody(now), "root", "tw-edge")
    conf = render_supervisord_conf(
        programs(declared, paths, signer_command(declared, paths)), paths, open_files()
    )
    write_private(paths.run / "supervisord.conf", conf, "root", "root", 0o600)
    return in_force


def _mask_key(paths: Paths) -> str:
    """The secret Call-IDs are shuffled with; made once, because running calls need it again."""
    path = paths.state / "call-id-mask.secret"
    try:
        held = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        held = ""
    if not _MASK_KEY.fullmatch(held):
        held = secrets.token_hex(16)
    # written also when it was good: owner and mode are put right with it
    write_private(path, held, "root", "root", 0o600)
    return held


def signer_command(declared: Declared, paths: Paths) -> list[str]:
    """The signer's command line."""
    pki = PkiFiles(paths.pki)
    return [
        *(sys.executable, "-m", "trunkward.signer"),
        *("--socket", str(paths.signer_socket)),
        *("--key", str(pki.shaken_key)),
        *("--certificate-chain", str(pki.shaken)),
        *("--authorities", str(pki.shaken_authority)),
        *("--x5u", declared.node.x5u),
        *("--spc", declared.node.spc),
        *("--evidence-key", str(pki.evidence_public_key)),
        *("--journal", str(paths.state / "signer" / "journal.jsonl")),
        *("--allow-uid", str(uid("tw-gate"))),
        *("--metrics-port", str(SIGNER_METRICS_PORT)),
    ]


def _put_in_force(paths: Paths, declared: Declared, node_file: str, now: datetime) -> InForce:
    pki = PkiFiles(paths.pki)
    certificates = {
        t.name: accepted_fingerprints(pki, t.name, now=now)
        for t in declared.trunks
        if t.certificate_issued_here
    }
    declared = with_certificates(declared, certificates)
    before = _in_force(paths.declared)
    # a document that is there and cannot be read took its version with it: seconds go beyond any count
    first = int(now.timestamp()) if before is None and paths.declared.exists() else 1
    evidence = inventory_evidence(
        declared,
        read_evidence_key(pki.evidence_key),
        before.evidence if before else {},
        now_s=int(now.timestamp()),
    )
    wanted = InForce(
        version=before.version if before else first,
        node_file=node_file,
        certificates=certificates,
        evidence=evidence,
    )
    if wanted == before:
        # a rebuilt platform may have given the worker's group another number
        os.chown(paths.declared, 0, gid("tw-worker"))
        return before
    in_force = msgspec.structs.replace(wanted, version=before.version + 1) if before else wanted
    # no gate may judge a call by the policy before this one: without a snapshot they wait for the worker
    (paths.policy / "current").unlink(missing_ok=True)
    write_private(paths.declared, msgspec.json.encode(in_force).decode(), "root", "tw-worker")
    return in_force


def _in_force(path: Path) -> InForce | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=InForce)
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
        return None  # a first start, or one broken off: written whole below


def _pki_facts(declared: Declared) -> PkiFacts:
    node = declared.node
    dns, addresses = {node.name}, {node.address}
    try:
        addresses.add(ip_address(node.contact_host))
    except ValueError:
        dns.add(node.contact_host)
    peers = {
        trunk.name: SipNames(common_name=trunk.name, dns=trunk.tls_names or (f"{trunk.name}.{node.name}",))
        for trunk in declared.trunks
        if trunk.certificate_issued_here
    }
    peers |= {
        carrier.name: SipNames(common_name=carrier.name, dns=carrier.tls_names)
        for carrier in declared.carriers
        if carrier.certificate_issued_here
    }
    return PkiFacts(
        node=node.name,
        node_names=SipNames(
            common_name=node.name, dns=tuple(sorted(dns)), addresses=tuple(sorted(addresses, key=str))
        ),
        spc=node.spc,
        peers=peers,
    )


def _pki_owners() -> PkiOwners:
    return PkiOwners(edge_uid=uid("tw-edge"), gate_uid=uid("tw-gate"), signer_uid=uid("tw-signer"))


def _authorities(declared: Declared) -> list[Path]:
    return [Path(carrier.ca_file) for carrier in declared.carriers if carrier.ca_file]


def _with_authorities(declared: Declared, paths: Paths) -> Declared:
    """The same, each carrier's authorities in a file of the edge's: the one named may be root's alone."""
    copies = {}
    for carrier in declared.carriers:
        if carrier.ca_file:
            if why := why_no_authority(Path(carrier.ca_file)):  # read before, and gone meanwhile
                raise NotPrepared(f"carrier {carrier.name}: {why}")
            copies[carrier.name] = paths.run / "edge" / f"ca-{carrier.name}.pem"
            pem = Path(carrier.ca_file).read_text(encoding="ascii", errors="replace")
            write_private(copies[carrier.name], pem if pem.endswith("\n") else pem + "\n", "root", "tw-edge")
    ends = {carrier: authority_ends(copy) for carrier, copy in copies.items()}
    write_private(paths.shown_authorities, msgspec.json.encode(ends).decode(), "root", "tw-web")
    carriers = (replace(c, ca_file=str(copies[c.name])) if c.ca_file else c for c in declared.carriers)
    return replace(declared, carriers=tuple(carriers))


def _nobody(now: datetime) -> str:
    """An authority whose key nobody has: what a TLS profile trusts that is to trust nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    return certificate_pem(
        issue_sip_authority(key, node="nobody", serial=random_serial_number(), now=now)
    ).decode()
