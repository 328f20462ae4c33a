"""Preparing a node: from a declared configuration to everything its processes need on disk."""

import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
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
from trunkward.control.shown_certificate import CertificateRefused, Use
from trunkward.engines.certificates import accepted_fingerprints, why_no_authority
from trunkward.engines.kamailio import EdgeFiles, render_edge_json, render_kamailio_cfg, render_tls_cfg
from trunkward.engines.layout import write_private
from trunkward.engines.open_files import open_files
from trunkward.engines.pki_files import PkiFacts, PkiFiles, PkiOwners, ensure_pki, read_evidence_key
from trunkward.engines.shown_pair import places, public_names, read_pair
from trunkward.engines.supervisor import programs, render_supervisord_conf
from trunkward.engines.users import gid, uid
from trunkward.settings import SIGNER_METRICS_PORT, Paths
from trunkward.trunks.model import AcmeSettings, Declared

#: base64url (RFC 4648 section 5), with or without its padding.
_MAC_KEY = re.compile(r"[A-Za-z0-9_-]{16,1024}={0,2}", re.ASCII)
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
    _check_files(paths, declared, now)
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
    _put_certificates(paths, declared, now)
    authorities = [PkiFiles(paths.pki).sip_authority, *_authorities(declared)]
    trusted = "".join(file.read_text(encoding="ascii") for file in authorities)
    write_private(paths.run / "edge" / "peers-ca.pem", trusted, "root", "tw-edge")
    write_private(paths.run / "edge" / "nobody-ca.pem", _nobody(now), "root", "tw-edge")
    conf = render_supervisord_conf(
        programs(declared, paths, signer_command(declared, paths)), paths, open_files()
    )
    write_private(paths.run / "supervisord.conf", conf, "root", "root", 0o600)
    return in_force


def _check_files(paths: Paths, declared: Declared, now: datetime) -> None:
    """Certificates a person keeps are looked at before anything is changed. Raises `NotPrepared`."""
    if isinstance(declared.node.certificate, AcmeSettings):
        _check_acme(declared.node.certificate)
    for place in places(declared, paths):
        if place.from_acme:
            continue
        where = (
            f"carrier {place.name.removeprefix('client-')}" if place.use is Use.CLIENT else "node.certificate"
        )
        try:
            read_pair(place, now)
        except CertificateRefused as refused:
            at = "" if refused.reason == "unreadable" else f"{place.chain}: "
            raise NotPrepared(f"{where}: {at}{refused}") from None
        for file in (place.chain, place.key):
            if not _edge_reads(file):
                raise NotPrepared(
                    f"{where}: {file}: tw-edge cannot read it, who looks for changes while the node runs: "
                    f"chgrp tw-edge {file}; chmod 640 {file}, and chmod o+x on the directories above"
                )


def _edge_reads(file: str) -> bool:
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    bounds = ["--inh-caps=-all", "--bounding-set=-all"]
    become = [setpriv, "--reuid=tw-edge", "--regid=tw-edge", "--init-groups", *bounds]
    return subprocess.run([*become, "--", "/usr/bin/test", "-r", file], check=False).returncode == 0


def _put_certificates(paths: Paths, declared: Declared, now: datetime) -> None:
    """What Kamailio starts with for certificates from elsewhere; later ones are `certificates.install`'s."""
    wanted, pki = places(declared, paths), PkiFiles(paths.pki)
    for place in wanted:
        try:
            pem = read_pair(place, now).pem
        except CertificateRefused:
            # nothing from the authority yet, or nothing good any more: peers that trust it will not connect
            pem = pki.node_key.read_bytes() + pki.node.read_bytes()
        write_private(Path(place.target), pem.decode("ascii"), "root", "tw-edge")
    document = msgspec.json.encode(wanted).decode()
    write_private(paths.run / "edge" / "certificates.json", document, "root", "tw-edge")
    for state in (paths.acme_state, paths.shown_state):  # of a node before this one
        with suppress(OSError):
            state.unlink()
    acme = declared.node.certificate
    if isinstance(acme, AcmeSettings):
        here = paths.acme_state.parent
        for source, name in ((acme.ca_file, "ca.pem"), (acme.external_key_file, "external.key")):
            if source:
                write_private(here / name, _text_of(source), "root", "tw-cert")


def _check_acme(acme: AcmeSettings) -> None:
    if acme.ca_file:
        _text_of(acme.ca_file)
    if acme.external_key_file and not _MAC_KEY.fullmatch(_text_of(acme.external_key_file).strip()):
        raise NotPrepared(
            f"node.certificate.acme.external_account: {acme.external_key_file}: not a key in base64url, "
            "as the authority gives it"
        )


def _text_of(file: str) -> str:
    try:
        return Path(file).read_text(encoding="ascii")
    except OSError as problem:
        raise NotPrepared(f"node.certificate.acme: {file}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise NotPrepared(f"node.certificate.acme: {file}: is no text") from None


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
        public_names=public_names(declared) if isinstance(node.certificate, AcmeSettings) else None,
    )


def _pki_owners() -> PkiOwners:
    return PkiOwners(
        edge_uid=uid("tw-edge"),
        gate_uid=uid("tw-gate"),
        signer_uid=uid("tw-signer"),
        cert_uid=uid("tw-cert"),
    )


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
    carriers = (replace(c, ca_file=str(copies[c.name])) if c.ca_file else c for c in declared.carriers)
    return replace(declared, carriers=tuple(carriers))


def _nobody(now: datetime) -> str:
    """An authority whose key nobody has: what a TLS profile trusts that is to trust nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    return certificate_pem(
        issue_sip_authority(key, node="nobody", serial=random_serial_number(), now=now)
    ).decode()
