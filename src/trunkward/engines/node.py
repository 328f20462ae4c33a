"""Preparing a node: from an accepted configuration to everything its processes need on disk.

A configuration comes into force in this order, whatever breaks it off: what it needs is issued, its version
is in the store (from then on it is the one that was decided on), and the document of what is in force names
it. Whoever comes next finds the newest version not in force, and goes on from there.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificates, random_serial_number

from trunkward.access.actor import Actor
from trunkward.admission.emergency import emergency_table
from trunkward.control import configuration
from trunkward.control.configuration import ConfigurationStore, Plan
from trunkward.control.declared import InForce, retention_of
from trunkward.control.delegate import delegates_of
from trunkward.control.do_not_originate import ListRefused
from trunkward.control.evidence import denied_by
from trunkward.control.evidence_tokens import tokens_of
from trunkward.control.node_file import Accepted
from trunkward.control.pki import SipNames, certificate_pem, issue_sip_authority, revocation_lists
from trunkward.control.secrets import by_trunk, key_id
from trunkward.control.shown import VersionInForce
from trunkward.control.shown_certificate import CertificateRefused, Use
from trunkward.control.spending import holds_now, raises_now
from trunkward.control.verified import in_force as verified_now
from trunkward.engines.certificates import accepted_fingerprints, first_end, why_no_authority
from trunkward.engines.decks import put_decks
from trunkward.engines.denied_file import deny
from trunkward.engines.departed import edge_settings
from trunkward.engines.destinations_file import DestinationsUnreadable, destinations_text
from trunkward.engines.identity_files import IdentityRefused, check_identities, put_identities
from trunkward.engines.identity_task import identities_of
from trunkward.engines.kamailio import EdgeFiles, render_edge_json, render_kamailio_cfg, render_tls_cfg
from trunkward.engines.layout import write_private
from trunkward.engines.named_files import MAC_KEY
from trunkward.engines.number_lists import never_calls
from trunkward.engines.open_files import open_files
from trunkward.engines.pki_files import (
    IdentityFacts,
    PkiFacts,
    PkiFiles,
    PkiOwners,
    ensure_pki,
    read_evidence_key,
    read_secret,
)
from trunkward.engines.shown_pair import places, public_names, read_pair
from trunkward.engines.signers import metrics_document, signer_programs, signers_of
from trunkward.engines.supervisor import Program, programs, render_supervisord_conf
from trunkward.engines.users import gid, may, uid
from trunkward.engines.valkey import (
    SHARED_USERS,
    render_users_acl,
    render_valkey_conf,
    shared_secrets,
    valkey_passwords,
)
from trunkward.engines.valkey import USERS as VALKEY_USERS
from trunkward.settings import SYSTEM_AUTHORITIES, Paths, live_file
from trunkward.sip.transport import Transport
from trunkward.trunks.callers import NeverCalls
from trunkward.trunks.evidence import EvidenceRecord
from trunkward.trunks.model import AcmeSettings, Carrier, Declared, SharedLive
from trunkward.trunks.secret import SealedSecret
from trunkward.trunks.signing import Certificates

#: Where a policy administrator has its revocation list.
REVOCATIONS_PATH = "/download/v1/crl"
#: 16 random bytes in hex.
_MASK_KEY = re.compile(r"[0-9a-f]{32}")


class NotPrepared(Exception):
    """Something the configuration names cannot be used; the message says what."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What was issued for a configuration."""

    certificates: dict[str, list[str]]
    evidence: dict[str, list[str]]
    evidence_key: str
    #: Not issued, but read beside it: the file of `node.destinations`.
    destinations: str
    #: PEM of trunks' own authorities, by trunk.
    authorities: dict[str, str]
    #: The same by carrier.
    carrier_authorities: dict[str, str]
    #: Not issued, but read beside it: the lines of `node.do_not_originate`.
    do_not_originate: list[NeverCalls]


def prepare(
    paths: Paths,
    planned: Plan,
    store: ConfigurationStore,
    *,
    records: Sequence[EvidenceRecord],
    actor: Actor,
    command: str,
    now: datetime,
    tell: Callable[[str], None],
) -> InForce:
    """Everything a node needs before it starts. Needs root; safe to repeat. Nothing of the node may run.

    `records` as of `issue`; `tell` hears of each change to keys and certificates that were there before.
    """
    before = read_in_force(paths.declared)
    issued = issue(paths, planned.accepted, before, records=records, now=now, tell=tell)
    _authority_texts(planned.accepted.declared)  # what cannot be read is found before anything is decided
    in_force = decide(paths, planned, store, issued, before, actor=actor, command=command, now=now)
    # no gate may judge a call by the policy before this one: without a snapshot they wait for the worker. A
    # number proves nothing: state that was restored, or begun anew, counts from where it was
    for stale in (paths.policy / "current", *paths.policy.glob("*.snapshot")):
        stale.unlink(missing_ok=True)
    if in_force != before:
        put_down(paths, in_force)
    else:
        # a rebuilt platform may have given the worker's group another number
        os.chown(paths.declared, 0, gid("tw-worker"))
        _tell_version(paths, in_force.version)
    render(paths, in_force, now=now)
    put_certificates(paths, in_force.declared(), now)
    put_identities(in_force.declared(), paths)
    return in_force


def render(paths: Paths, in_force: InForce, *, now: datetime) -> list[Program]:
    """Writes the files of engines and supervisor; the processes they make. Running ones go on as they are."""
    declared = in_force.declared()
    for file in rendered(paths, declared, in_force.version, now=now, sealed=in_force.secrets):
        write_private(file.path, file.text, "root", file.group, file.mode)
    write_private(paths.run / "edge" / "nobody-ca.pem", _nobody(now), "root", "tw-edge")
    return programs(declared, paths, signer_programs(declared, paths))


def issue(
    paths: Paths,
    accepted: Accepted,
    before: InForce | None,
    *,
    records: Sequence[EvidenceRecord],
    now: datetime,
    tell: Callable[[str], None],
    only: frozenset[str] | None = None,
) -> Issued:
    """Keys, certificates and evidence for a configuration, and what its files say; what is good is kept.

    `records`: all records of evidence that are as they were journaled (`control.evidence.sound`).
    `only`: the peers whose certificates and evidence are looked at, where the others were in force a moment
    ago (to look at 10,000 takes seconds); None looks at all.
    """
    declared = accepted.declared
    try:
        destinations = destinations_text(declared.node.destinations_file)
    except DestinationsUnreadable as problem:  # read before, and changed meanwhile
        raise NotPrepared(f"node.destinations: {problem}") from None
    try:
        never = list(never_calls(declared.node.do_not_originate_file))
    except ListRefused as refused:  # read before, and changed meanwhile
        raise NotPrepared(f"node.do_not_originate: {refused.wrong[0]}") from None
    first = not PkiFiles(paths.pki).sip_authority.exists()
    _check_files(paths, declared, now)
    for change in ensure_pki(paths.pki, _pki_facts(declared, paths, only), _pki_owners(), now=now):
        if not first:
            tell(change)
    pki = PkiFiles(paths.pki)
    known = before.certificates if before and only is not None else {}
    certificates = {
        t.name: known[t.name]
        if only is not None and t.name not in only and t.name in known
        else accepted_fingerprints(pki, t.name, now=now)
        for t in declared.trunks
        if t.certificate_issued_here
    }
    # after a key was made anew it is signed anew, too
    deny(paths, denied_by(records, now.timestamp()), now.timestamp())
    key_id, evidence = evidence_of(paths, declared, records, before, now=now, only=only)
    return Issued(
        certificates=certificates,
        evidence=evidence,
        evidence_key=key_id,
        authorities=_trunk_authorities(declared),
        carrier_authorities=_carrier_authorities(declared, pki),
        destinations=destinations,
        do_not_originate=never,
    )


def evidence_of(
    paths: Paths,
    declared: Declared,
    records: Sequence[EvidenceRecord],
    before: InForce | None,
    *,
    now: datetime,
    only: frozenset[str] | None = None,
) -> tuple[str, dict[str, list[str]]]:
    """The name of the key that signs evidence, and every trunk's tokens; arguments as of `issue`."""
    key = read_evidence_key(PkiFiles(paths.pki).evidence_key)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key_id = sha256(public).hexdigest()
    same_key = before is not None and before.evidence_key == key_id
    held = before.evidence if before and same_key else {}
    # as with certificates: who is not looked at keeps what was in force a moment ago
    kept = {
        t.name: held[t.name]
        for t in declared.trunks
        if only is not None and t.name not in only and t.name in held
    }
    return key_id, kept | tokens_of(
        replace(declared, trunks=tuple(t for t in declared.trunks if t.name not in kept)),
        records,
        key,
        before.evidence if before else {},
        now_s=int(now.timestamp()),
        # root's own document: what this key signed was good, and verifying 10,000 takes seconds
        signed_by_it=same_key,
    )


def decide(
    paths: Paths,
    planned: Plan,
    store: ConfigurationStore,
    issued: Issued,
    before: InForce | None,
    *,
    actor: Actor,
    command: str,
    now: datetime,
) -> InForce:
    """What is in force from now on; `before` itself when that is what the store, the file and it agree on.

    A new file becomes a new version. The same file does too when what was issued for it has changed. A
    version of the store that never came into force does now.
    """
    accepted, at = planned.accepted, now.timestamp()
    head = planned.base
    lost = before is None and paths.declared.exists()
    # a document that cannot be read took its version with it; without a store seconds go beyond any count
    beyond = before.version if before else int(at) if lost and head is None else 0
    if head is None or not planned.same_text:
        number = configuration.accept(
            store, planned, actor=actor, command=command, at=at, beyond=beyond
        ).number
    elif not lost and beyond < head.number:
        number = head.number
    elif before is None or beyond > head.number or _issued_of(before) != issued:
        number = configuration.renew(
            store, accepted, actor=actor, command=command, at=at, beyond=beyond
        ).number
    else:
        return before
    return InForce(
        version=number,
        node_file=accepted.text,
        values=accepted.values,
        certificates=issued.certificates,
        evidence=issued.evidence,
        evidence_key=issued.evidence_key,
        authorities=issued.authorities,
        carrier_authorities=issued.carrier_authorities,
        secrets=by_trunk(store.secrets(), at),
        retention=retention_of(accepted.declared, before),
        destinations=issued.destinations,
        verified=verified_now(accepted.declared, store.verifications(), at),
        do_not_originate=issued.do_not_originate,
        decks=put_decks(paths, store, accepted.declared),
        delegates=delegates_of(store, at),
        holds=holds_now(store.holds()),
        raises=raises_now(store.raises(), at),
    )


def put_down(paths: Paths, in_force: InForce) -> None:
    """Writes the document of what is in force: at this moment it is."""
    write_private(paths.declared, msgspec.json.encode(in_force).decode(), "root", "tw-worker")
    _tell_version(paths, in_force.version)


def _tell_version(paths: Paths, version: int) -> None:
    """Tells `web`, which sees by it that gates are behind, also when no worker tells of this version."""
    told = VersionInForce(version=version, since=paths.declared.stat().st_mtime)
    write_private(paths.shown_version, msgspec.json.encode(told).decode(), "root", "tw-web")


def read_in_force(path: Path) -> InForce | None:
    """The document, None when there is none that can be read: a first start, or one broken off."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=InForce)
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
        return None


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
    files, mask_key = EdgeFiles.under(paths), _mask_key(paths)
    texts = _authority_texts(beside or declared)
    known = _with_authorities(beside or declared, paths)
    cfg = render_kamailio_cfg(declared, paths, mask_key=mask_key)
    settings = edge_settings(
        render_edge_json(known, paths, emergency_table(known, {}), mask_key=mask_key, sealed=sealed),
        files.edge_json,
        version=version,
        authorities={
            str(_copy(paths, name)): sha256(pem.encode()).hexdigest() for name, pem in texts.items()
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
        *(File(path=_copy(paths, name), text=pem) for name, pem in texts.items()),
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


def _check_files(paths: Paths, declared: Declared, now: datetime) -> None:
    """Certificates a person keeps are looked at before anything is changed. Raises `NotPrepared`."""
    if isinstance(declared.node.certificate, AcmeSettings):
        _check_acme(declared.node.certificate)
    if declared.node.live is not None:
        _check_live(declared.node.live)
    if (file := declared.node.verification.ca_file) and (why := why_no_authority(Path(file))):
        raise NotPrepared(f"node.verification.ca: {why}")
    try:
        check_identities(declared, paths)
    except IdentityRefused as refused:
        raise NotPrepared(str(refused)) from None
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
            if not may("tw-edge", "-r", file):
                raise NotPrepared(
                    f"{where}: {file}: tw-edge cannot read it, who looks for changes while the node runs: "
                    f"chgrp tw-edge {file}; chmod 640 {file}, and chmod o+x on the directories above"
                )


def _check_live(shared: SharedLive) -> None:
    try:
        shared_secrets(shared)
    except OSError as problem:
        raise NotPrepared(f"node.live.secrets: {problem.filename}: {problem.strerror}") from None
    if shared.ca_file and (why := why_no_authority(Path(shared.ca_file))):
        raise NotPrepared(f"node.live.ca: {why}")


def put_certificates(paths: Paths, declared: Declared, now: datetime) -> None:
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
    if acme.external_key_file and not MAC_KEY.fullmatch(_text_of(acme.external_key_file).strip()):
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


def _issued_of(in_force: InForce) -> Issued:
    return Issued(
        certificates=in_force.certificates,
        evidence=in_force.evidence,
        evidence_key=in_force.evidence_key,
        destinations=in_force.destinations,
        authorities=in_force.authorities,
        carrier_authorities=in_force.carrier_authorities,
        do_not_originate=in_force.do_not_originate,
    )


def _pki_facts(declared: Declared, paths: Paths, only: frozenset[str] | None) -> PkiFacts:
    node = declared.node
    dns, addresses = {node.name}, set(node.addresses)
    for host in node.contact_hosts:
        try:
            addresses.add(ip_address(host))
        except ValueError:
            dns.add(host)
    peers = {
        trunk.name: SipNames(common_name=trunk.name, dns=trunk.tls_names or (f"{trunk.name}.{node.name}",))
        for trunk in declared.trunks
        if trunk.certificate_issued_here and (only is None or trunk.name in only)
    }
    peers |= {
        carrier.name: SipNames(common_name=carrier.name, dns=carrier.tls_names)
        for carrier in declared.carriers
        if carrier.certificate_issued_here and (only is None or carrier.name in only)
    }
    return PkiFacts(
        node=node.name,
        node_names=SipNames(
            common_name=node.name, dns=tuple(sorted(dns)), addresses=tuple(sorted(addresses, key=str))
        ),
        spc=node.spc,
        peers=peers,
        public_names=public_names(declared) if isinstance(node.certificate, AcmeSettings) else None,
        identities=_identity_facts(declared, paths),
        tested=_tested_facts(declared, paths),
    )


def _identity_facts(declared: Declared, paths: Paths) -> dict[str, IdentityFacts]:
    """Of signing certificates that are asked for by ACME."""
    administrator = declared.node.policy_administrator
    if administrator is None:
        return {}
    administrators = load_pem_x509_certificates(Path(administrator.certificate_file).read_bytes())
    revocations = revocation_lists(f"{administrator.url}{REVOCATIONS_PATH}", administrators)
    users = {signer.identity: signer.user for signer in signers_of(declared.reseller_identities, paths)}
    return {
        name: IdentityFacts(spc=spc, signer_uid=uid(users[name]), revocations=revocations)
        for name, (spc, _, source) in identities_of(declared).items()
        if source.authority is not None
    }


def _tested_facts(declared: Declared, paths: Paths) -> dict[str, IdentityFacts]:
    """Of resellers' signing certificates of the node's TEST authority."""
    resold = declared.reseller_identities
    return {
        signer.identity: IdentityFacts(spc=resold[signer.identity].spc, signer_uid=uid(signer.user))
        for signer in signers_of(declared.reseller_identities, paths)
        if signer.identity in resold and resold[signer.identity].signing.certificates is Certificates.TEST
    }


def _pki_owners() -> PkiOwners:
    return PkiOwners(
        edge_uid=uid("tw-edge"),
        gate_uid=uid("tw-gate"),
        signer_uid=uid("tw-signer"),
        worker_uid=uid("tw-worker"),
        cert_uid=uid("tw-cert"),
        identities_uid=uid("tw-identity"),
    )


def _authority_texts(declared: Declared) -> dict[str, str]:
    """By carrier, the authorities its `ca` names. Raises `NotPrepared`."""
    texts = {}
    for carrier in declared.carriers:
        if carrier.ca_file:
            if why := why_no_authority(Path(carrier.ca_file)):  # read before, and gone meanwhile
                raise NotPrepared(f"carrier {carrier.name}: {why}")
            pem = Path(carrier.ca_file).read_text(encoding="ascii", errors="replace")
            texts[carrier.name] = pem if pem.endswith("\n") else pem + "\n"
    return texts


def digest_key_id(paths: Paths) -> str:
    """The name of the key that trunks' secrets are sealed with; "" where there is none yet."""
    try:
        return key_id(read_secret(PkiFiles(paths.pki).digest_secret))
    except (OSError, ValueError):
        return ""


def _trunk_authorities(declared: Declared) -> dict[str, str]:
    """By trunk, what the `ca` of its `client_certificate` names holds now. Raises `NotPrepared`."""
    read: dict[str, str] = {}
    found = {}
    for trunk in declared.trunks:
        if trunk.certified_by is None:
            continue
        file = trunk.certified_by.ca
        if file not in read:
            if why := why_no_authority(Path(file)):  # read before, and gone meanwhile
                raise NotPrepared(f"trunk {trunk.name}: {why}")
            read[file] = Path(file).read_text(encoding="ascii", errors="replace")
        found[trunk.name] = read[file]
    return found


def _carrier_authorities(declared: Declared, pki: PkiFiles) -> dict[str, str]:
    """By carrier that speaks TLS, what its certificate must lead to. Raises `NotPrepared`."""
    texts, own = _authority_texts(declared), pki.sip_authority.read_text(encoding="ascii")
    return {c.name: texts.get(c.name, own) for c in declared.carriers if c.transport is Transport.TLS}


def _with_authorities(declared: Declared, paths: Paths) -> Declared:
    """The same, each carrier's authorities in a file of the edge's: the one named may be root's alone."""
    carriers: Iterable[Carrier] = (
        replace(c, ca_file=str(_copy(paths, c.name))) if c.ca_file else c for c in declared.carriers
    )
    return replace(declared, carriers=tuple(carriers))


def _copy(paths: Paths, carrier: str) -> Path:
    return paths.run / "edge" / f"ca-{carrier}.pem"


def _nobody(now: datetime) -> str:
    """An authority whose key nobody has: what a TLS profile trusts that is to trust nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    return certificate_pem(
        issue_sip_authority(key, node="nobody", serial=random_serial_number(), now=now)
    ).decode()
