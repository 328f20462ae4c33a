"""`trunkward status`: the node's health, where it listens, and every deviation from the secure default."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text
from sqlalchemy.exc import DBAPIError

from trunkward.cli import identity_lines, money_status, people_status
from trunkward.cli.calls import record_store
from trunkward.cli.certificate_lines import own_lines, shown_document, shown_lines
from trunkward.cli.kept_aside import kept_aside, kept_lines
from trunkward.cli.ready import not_ready
from trunkward.cli.said import complain, say
from trunkward.control import contracts
from trunkward.control.certificate_troubles import FROM_ELSEWHERE
from trunkward.control.customers import wanting as customers_wanting
from trunkward.control.declared import InForce
from trunkward.control.deviations import deviations
from trunkward.control.evidence_tokens import ending, wanting_in_force
from trunkward.control.health import DRAIN, Health, health
from trunkward.control.health_document import as_document
from trunkward.control.health_facts import (
    ClockFacts,
    Facts,
    PartFacts,
    RecordsFacts,
    VerifiedFacts,
)
from trunkward.control.node_file import NodeFileRefused
from trunkward.control.secrets import wanting
from trunkward.control.showing import shown
from trunkward.engines import certificates
from trunkward.engines.certificate_state import IdentitiesState, read_state
from trunkward.engines.certificates import (
    authority_ends,
    certificate_facts,
    identity_facts,
    shown_facts,
)
from trunkward.engines.digest_key import digest_key_id
from trunkward.engines.kamailio import plain_transports
from trunkward.engines.node_facts import (
    denied_facts,
    drain_facts,
    forget_facts,
    new_threads,
    node_facts,
    part_facts,
    records_facts,
    restored_facts,
    retention_facts,
    see,
    space_facts,
    verified_facts,
)
from trunkward.engines.part_numbers import ports
from trunkward.engines.pki_files import PkiFiles
from trunkward.engines.signers import read_ports
from trunkward.engines.supervised import supervised
from trunkward.engines.targets import read_health, read_targets
from trunkward.engines.up_lock import holder
from trunkward.engines.waiting import waiting
from trunkward.settings import WEB_PORT, Paths
from trunkward.sip.uri import host_in_uri
from trunkward.trunks.model import AcmeSettings, Address, Declared

console = Console(highlight=False, soft_wrap=True)


def run(paths: Paths, *, as_json: bool) -> int:
    """Prints the status; 0 when every part answers, 1 when one does not, 2 when it cannot be told."""
    in_force = read_in_force(paths)
    if in_force is None:
        return 2
    try:
        declared = in_force.declared()
    except NodeFileRefused as refused:
        complain(f"{paths.declared}: this version does not understand the configuration in force: {refused}")
        return 2
    waits = people_status.waiting(paths)
    found, up = look(paths, in_force, declared, waits.problems), bool(holder(paths))
    if as_json:
        document = as_document(found, names=True) | {
            "up": up,
            "kept_aside": [str(path) for path in kept_aside(paths)],
            "listeners": dict(listeners(declared)),
            "metrics": metrics(declared, paths),
            "shown_certificates": {
                one.name: shown_document(one) for one in certificates.shown(declared, paths)
            },
            "targets": msgspec.to_builtins(read_health(paths).targets),
            "names": msgspec.to_builtins(read_targets(paths).peers),
            "signing": identity_lines.document(declared, paths, identity_lines.asked(declared, paths)),
            "certificates": {
                each.name: each.until and each.until.isoformat()
                for each in found.facts.certificates
                if each.of not in FROM_ELSEWHERE
            },
            "secrets": dict(wanting(declared, in_force.secrets, digest_key_id(paths), time.time())),
            "customers": dict(customers_wanting(declared, time.time())),
            "evidence": dict(_ending(in_force, time.time())),
            "inventories": dict(wanting_in_force(declared, in_force.evidence, in_force.blocks, time.time())),
            "contracts": dict(_contracts_wanting(declared, in_force, time.time())),
            "money": money_status.document(in_force, money_status.waiting_alerts(paths), time.time()),
            "deviations": [{"where": d.where, "what": d.what} for d in found.facts.deviations],
            **people_status.document(waits, time.time()),
        }
        print(json.dumps(document, indent=1))
    else:
        _print(found, in_force, declared, paths, waits, up=up)
    return 1 if found.not_ready else 0


def look(paths: Paths, in_force: InForce, declared: Declared, unsound: tuple[str, ...]) -> Health:
    """The node's health as root sees it: every part is asked on its own socket, and for its numbers.

    `unsound` as the database has it now (`people_status.Waiting.problems`).
    """
    its = shown(in_force, declared, paths.declared.stat().st_mtime)
    with new_threads(its.gates) as threads:
        asked = threads.submit(not_ready, paths, declared, in_force.version)
        processes = threads.submit(supervised, paths)
        seen = see(its, paths, threads, web=True)
        problems, now = asked.result(), time.time()
        parts = part_facts(its, seen, problems, processes.result(), now)
    authorities = {
        carrier.name: authority_ends(Path(carrier.ca_file))
        for carrier in declared.carriers
        if carrier.ca_file
    }
    return health(
        node_facts(
            its,
            parts,
            now=now,
            space=space_facts(paths),
            records=_records(paths, now) or records_facts(seen.parts.get("worker")),
            certificates=[
                *certificate_facts(PkiFiles(paths.pki), its.issued, authorities, tested=its.tested),
                *shown_facts(certificates.shown(declared, paths), datetime.fromtimestamp(now, UTC)),
                *identity_facts(
                    its.identities,
                    read_state(paths.identities_state, IdentitiesState),
                    paths.held_lists,
                    datetime.fromtimestamp(now, UTC),
                ),
            ],
            drain=drain_facts(paths),
            restored=restored_facts(paths),
            retention=retention_facts(paths),
            verified=verified_facts(paths),
            denied_left=denied_facts(seen),
            unsound=unsound,
            forget_fails=forget_facts(seen),
        )
    )


def _records(paths: Paths, now: float) -> RecordsFacts | None:
    """What waits to be shipped, from disk and database: the worker, who counts it, may be what is lost."""
    if not paths.database and not paths.records_db.exists():  # looking would make one, and it would be root's
        return None
    store = record_store(paths)
    try:
        found = waiting(paths.segment_directories(), store.offset)
    except (OSError, DBAPIError):
        return None
    finally:
        store.disconnect()
    age_s = 0.0 if found.since is None else max(0.0, now - found.since)
    return RecordsFacts(waiting_bytes=found.size_bytes, waiting_s=age_s)


def _print(
    found: Health,
    in_force: InForce,
    declared: Declared,
    paths: Paths,
    waits: people_status.Waiting,
    *,
    up: bool,
) -> None:
    facts = found.facts
    takes = ("takes calls", "green") if found.ready else ("takes no calls", "red")
    console.print(Text.assemble(f"node {declared.node.name}, configuration {facts.policy_version}: ", takes))
    if up:
        _print_parts(facts, found)
    else:
        console.print(Text.assemble("  ", ("the node is not up", "red"), "; start it: ./trunkward up"))
    of_parts = {"gates", *(part.name for part in facts.parts)}
    for trouble in found.troubles:
        if not up and trouble.what in of_parts:
            continue  # all of them are gone, and what is said of each supposes the others
        if trouble.what == DRAIN:  # somebody wanted it so
            said = f" {trouble.problem} -> {trouble.means}"
            console.print(Text.assemble("  ", ("draining", "yellow"), said))
            continue
        style = "red" if trouble.blocks else "yellow"
        said = f" {trouble.what}: {trouble.problem} -> {trouble.means}"
        console.print(Text.assemble("  ", ("degraded", style), said))
    say(f"  {'clock':<28} {_clock(facts.clock)}")
    if facts.records is not None:
        records = facts.records
        words = f"{records.waiting_bytes} bytes, the oldest for {records.waiting_s:.1f} s"
        say(f"  {'records waiting':<28} {words if records.waiting_bytes else 'none'}")
    say(f"  {'journals verified':<28} {_verified(facts.verified)}")
    if facts.verified is not None and facts.verified.unrecorded:
        say(f"  {'signed, not on record':<28} {facts.verified.unrecorded}", "yellow")
    for place in facts.space:
        free, size = place.free_bytes / 2**30, place.size_bytes / 2**30
        say(f"  {f'space for {place.what}':<28} {free:.1f} of {size:.1f} GiB free at {place.path}")
    if up:
        for name, where in listeners(declared):
            say(f"  {name:<28} {where}")
        for name, where in metrics(declared, paths).items():
            say(f"  {f'metrics of {name}':<28} {where}, for programs on this machine")
    now = datetime.fromtimestamp(facts.now, UTC)
    for one in certificates.shown(declared, paths):
        for line in shown_lines(one, now):
            console.print(line)
    for line in identity_lines.lines(declared, paths, now, identity_lines.asked(declared, paths)):
        console.print(line)
    if up:
        for name, where in carrier_hosts(paths):
            say(f"  {name:<28} {where}")
    for line in own_lines(facts):
        console.print(line)
    for kept in kept_lines(paths):
        say(f"  {'kept aside':<28} {kept}")
    for trunk, said in wanting(declared, in_force.secrets, digest_key_id(paths), facts.now):
        console.print(Text.assemble("  ", ("no calls", "yellow"), f" trunk {trunk}: {said}"))
    for tenant, said in customers_wanting(declared, facts.now):
        console.print(Text.assemble("  ", ("customer", "yellow"), f" tenant {tenant}: {said}"))
    for record, said in _ending(in_force, facts.now):
        console.print(Text.assemble("  ", (record, "yellow"), f" {said}"))
    for line in people_status.lines(waits, facts.now):
        console.print(line)
    for trunk, said in wanting_in_force(declared, in_force.evidence, in_force.blocks, facts.now):
        console.print(Text.assemble("  ", ("no block", "yellow"), f" trunk {trunk}: {said}"))
    for identity, said in _contracts_wanting(declared, in_force, facts.now):
        console.print(Text.assemble("  ", ("no contract", "yellow"), f" identity {identity}: {said}"))
    money = money_status.document(in_force, money_status.waiting_alerts(paths), facts.now)
    for word, said in money_status.lines(money):
        console.print(Text.assemble("  ", (word, "yellow"), f" {said}"))
    print_deviations(console, declared)


def _ending(in_force: InForce, now: float) -> list[tuple[str, str]]:
    return ending(in_force.evidence, in_force.blocks, in_force.contracts, now)


def _contracts_wanting(declared: Declared, in_force: InForce, now: float) -> list[tuple[str, str]]:
    return contracts.wanting(declared, contracts.read_contracts(in_force.contracts), now)


def _print_parts(facts: Facts, found: Health) -> None:
    for part in facts.parts:
        problem = found.not_ready.get(part.name, "")
        mark = ("not ready", "red") if problem else ("ready", "green")
        console.print(Text.assemble(f"  {part.name:<12} ", mark, f"  {_about(part)}  {problem}".rstrip()))


def _about(part: PartFacts) -> str:
    """Version, policy, since when, restarts: what is known."""
    said = [part.version] if part.version else []
    if part.policy_version is not None:
        said.append(f"policy {part.policy_version}")
    if part.since is not None:
        said.append(f"since {datetime.fromtimestamp(part.since).astimezone():%Y-%m-%d %H:%M:%S}")
    if part.restarts is not None:
        said.append("1 restart" if part.restarts == 1 else f"{part.restarts} restarts")
    return ", ".join(said)


def _clock(clock: ClockFacts) -> str:
    said = {True: "synchronised", False: "not synchronised", None: "unknown: the kernel does not say"}[
        clock.synchronised
    ]
    if clock.trusted:
        said += ", trusted by the configuration"
    if not clock.synchronised:  # what it says of an error nobody tells it means nothing
        return said
    return (
        f"{said}; off by {clock.estimated_error_s or 0:.6f} s as estimated,"
        f" by {clock.maximum_error_s or 0:.6f} s at most, {clock.offset_s or 0:+.6f} s still to be slewed"
    )


def _verified(its: VerifiedFacts | None) -> str:
    if its is None or not its.good_at:
        return "not yet: the node does so once a day, first some minutes after its start"
    return f"{datetime.fromtimestamp(its.good_at, UTC):%Y-%m-%d %H:%M} UTC: {its.looked_at}"


def read_in_force(paths: Paths) -> InForce | None:
    """The configuration in force; None, and said why, when it cannot be read."""
    try:
        return msgspec.json.decode(paths.declared.read_bytes(), type=InForce)
    except PermissionError:
        complain("the node's files are for root to read: use sudo")
    except FileNotFoundError:
        complain(f"no node has been started here yet ({paths.declared}); start one: ./trunkward up")
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as problem:
        complain(f"{paths.declared}: cannot be read: {problem}; the next ./trunkward up writes it anew")
    return None


def listeners(declared: Declared) -> list[tuple[str, str]]:
    """Everything that listens, with its address."""
    node = declared.node
    opened = [("SIP over TLS 1.3", node.tls_port)]
    if declared.has_tls12:
        opened.append(("SIP over TLS 1.2 (exceptions)", node.tls12_port))
    opened += [
        (f"SIP over {transport.value.upper()} (carriers)", node.plain_port)
        for transport in plain_transports(declared)
    ]
    found = [where for name, port in opened for where in _each(name, node.addresses, str(port))]
    if isinstance(node.certificate, AcmeSettings):
        found += _each("HTTP-01, during an order", node.addresses[:1], str(node.certificate.http_port))
    ports = f"{node.media_port_min}-{node.media_port_max}/udp"
    return found + _each("media (SRTP)", node.media_addresses, ports)


def _each(name: str, addresses: tuple[Address, ...], ports: str) -> list[tuple[str, str]]:
    several = len(addresses) > 1
    return [
        (f"{name}, IPv{address.version}" if several else name, f"{host_in_uri(str(address))}:{ports}")
        for address in addresses
    ]


def carrier_hosts(paths: Paths) -> list[tuple[str, str]]:
    """Where names lead, and whether carriers' hosts answer."""
    found = []
    for peer, names in read_targets(paths).peers.items():
        for name, known in names.items():
            hosts = ", ".join(host for server in known.servers for host in server.hosts) or "nowhere"
            found.append(
                (peer.replace(":", " "), " ".join(filter(None, (f"{name}: {hosts}", known.problem))))
            )
    for target in read_health(paths).targets:
        since = (
            f" since {datetime.fromtimestamp(target.since, UTC):%Y-%m-%d %H:%M:%S} UTC"
            if target.since
            else ""
        )
        said = target.problem or (f"answered {target.status}" if target.status else "")
        where = f"{target.host}/{target.transport} {target.state}{since} {said}".rstrip()
        found.append((target.peer.replace(":", " "), where))
    return found


def metrics(declared: Declared, paths: Paths) -> dict[str, str]:
    """Where each part that counts can be asked."""
    parts = {"the whole node": WEB_PORT, **ports(declared.node.gates, read_ports(paths))}
    return {part: f"127.0.0.1:{port}" for part, port in parts.items()}


def print_deviations(out: Console, declared: Declared) -> None:
    """Each deviation on a line of its own; or that there is none."""
    found = deviations(declared)
    for deviation in found:
        said = Text.assemble("  ", ("deviation", "yellow"), f" {deviation.where}: {deviation.what}")
        out.print(said)
    if not found:
        out.print("  no deviation from the secure default")
