"""`trunkward status`: parts, listeners, and every deviation from the secure default."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from trunkward.cli.ready import certificate_parts, not_ready
from trunkward.cli.said import complain, say
from trunkward.control.declared import InForce
from trunkward.control.deviations import deviations
from trunkward.control.node_file import NodeFileRefused
from trunkward.control.pki import RENEW_BEFORE
from trunkward.engines.certificates import Shown, ends, shown
from trunkward.engines.drain import draining, is_draining
from trunkward.engines.kamailio import plain_transports
from trunkward.engines.pki_files import PkiFiles
from trunkward.settings import METRICS_PORT, SIGNER_METRICS_PORT, Paths
from trunkward.trunks.model import AcmeSettings, Declared

console = Console(highlight=False, soft_wrap=True)


def run(paths: Paths, *, as_json: bool) -> int:
    """Prints the status; 0 when everything answers, 1 when something does not, 2 when it cannot be told."""
    in_force = read_in_force(paths)
    if in_force is None:
        return 2
    try:
        declared = in_force.declared()
    except NodeFileRefused as refused:
        complain(f"{paths.declared}: this version does not understand the configuration in force: {refused}")
        return 2
    missing = not_ready(paths, declared, in_force.version)
    parts = {part: missing.get(part, "") for part in part_names(declared)}
    found = deviations(declared)
    issued = [trunk.name for trunk in declared.trunks if trunk.certificate_issued_here]
    issued += [carrier.name for carrier in declared.carriers if carrier.certificate_issued_here]
    lasting = ends(PkiFiles(paths.pki), issued)
    if as_json:
        document = {
            "ready": not missing,
            "configuration": in_force.version,
            "draining": is_draining(paths),
            "parts": {part: {"ready": not why, "problem": why} for part, why in parts.items()},
            "listeners": dict(listeners(declared)),
            "metrics": metrics(declared),
            "shown_certificates": {one.name: _document(one) for one in shown(declared, paths)},
            "certificates": {name: until and until.isoformat() for name, until in lasting.items()},
            "deviations": [{"where": d.where, "what": d.what} for d in found],
        }
        print(json.dumps(document, indent=1))
        return 0 if not missing else 1
    states = _supervised(paths)
    say(f"configuration {in_force.version}, node {declared.node.name}")
    if (drained := draining(paths)) is not None:
        words = [drained.since and f" since {drained.since}", drained.by and f" by {drained.by}"]
        since = f"{''.join(words)}: no new calls; trunkward undrain ends it"
        console.print(Text.assemble("  ", ("draining", "yellow"), since))
    for part, why in parts.items():
        mark = ("not ready", "red") if why else ("ready", "green")
        said = Text.assemble(f"  {part:<12} ", mark, f"  {states.get(part, '')}  {why}".rstrip())
        console.print(said)
    for name, where in listeners(declared):
        say(f"  {name:<28} {where}")
    for part, where in metrics(declared).items():
        say(f"  {f'metrics of {part}':<28} {where}, for programs on this machine")
    for one in shown(declared, paths):
        for line in shown_lines(one, datetime.now(UTC)):
            console.print(line)
    for name, until in lasting.items():
        console.print(_lasts(name, until))
    print_deviations(console, declared)
    return 0 if not missing else 1


def _lasts(name: str, until: datetime | None) -> Text:
    if until is None:
        return Text.assemble(f"  {name:<28} ", ("cannot be read; the next up makes it anew", "red"))
    days = (until - datetime.now(UTC)).days
    style = "yellow" if days < RENEW_BEFORE.days else ""
    return Text.assemble(f"  {name:<28} ", (f"{days} days left, until {until:%Y-%m-%d}", style))


def shown_lines(one: Shown, now: datetime) -> list[Text]:
    """What is said of a certificate that peers see."""
    who = "certificate shown" if one.name == "server" else f"shown to {one.name.removeprefix('client-')}"
    if one.lifetime is None:
        state = Text("none yet; the own authority's is shown meanwhile", "red")
    else:
        left = one.lifetime.ends - now
        style = "red" if left <= timedelta() else "yellow" if one.is_worrying(now) else ""
        state = Text(f"{_left(left)}, until {one.lifetime.ends:%Y-%m-%d %H:%M} UTC", style)
    lines = [Text.assemble(f"  {who:<28} {one.source}: ", state)]
    if one.problem:
        lines.append(Text(f"    {one.problem}", "red"))
    if one.next_attempt is not None:
        renewal = "asked for again" if one.problem else "renewal" if one.lifetime else "asked for"
        lines.append(Text(f"    {renewal} at {one.next_attempt:%Y-%m-%d %H:%M:%S} UTC"))
    return lines


def _left(left: timedelta) -> str:
    # a short-lived certificate has hours
    if left <= timedelta():
        return "ended"
    if left >= timedelta(days=3):
        return f"{left.days} days left"
    hours, rest = divmod(int(left.total_seconds()), 3600)
    return f"{hours} hours left" if hours else f"{rest // 60} min left"


def _document(one: Shown) -> dict[str, object]:
    return {
        "source": one.source,
        "until": one.lifetime and one.lifetime.ends.isoformat(),
        "days_left": one.lifetime and (one.lifetime.ends - datetime.now(UTC)) / timedelta(days=1),
        "next_attempt": one.next_attempt and one.next_attempt.isoformat(),
        "problem": one.problem,
    }


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


def part_names(declared: Declared) -> list[str]:
    """The node's processes by name, in the order a call meets them."""
    gates = [f"gate-{index}" for index in range(declared.node.gates)]
    return ["kamailio", *gates, "signer", "rtpengine", "worker", *certificate_parts(declared)]


def listeners(declared: Declared) -> list[tuple[str, str]]:
    """Everything that listens, with its address."""
    node = declared.node
    address, media = (f"[{a}]" if a.version == 6 else str(a) for a in (node.address, node.media_address))
    found = [("SIP over TLS 1.3", f"{address}:{node.tls_port}")]
    found += [
        (f"SIP over {transport.value.upper()} (carriers)", f"{address}:{node.plain_port}")
        for transport in plain_transports(declared)
    ]
    if isinstance(node.certificate, AcmeSettings):
        found.append(("HTTP-01, during an order", f"{address}:{node.certificate.http_port}"))
    found.append(("media (SRTP)", f"{media}:{node.media_port_min}-{node.media_port_max}/udp"))
    return found


def metrics(declared: Declared) -> dict[str, str]:
    """Where each part that counts can be asked."""
    gates = {f"gate-{index}": f"127.0.0.1:{METRICS_PORT + index}" for index in range(declared.node.gates)}
    return gates | {"signer": f"127.0.0.1:{SIGNER_METRICS_PORT}"}


def print_deviations(out: Console, declared: Declared) -> None:
    """Each deviation on a line of its own; or that there is none."""
    found = deviations(declared)
    for deviation in found:
        said = Text.assemble("  ", ("deviation", "yellow"), f" {deviation.where}: {deviation.what}")
        out.print(said)
    if not found:
        out.print("  no deviation from the secure default")


def _supervised(paths: Paths) -> dict[str, str]:
    """What the supervisor says of each process."""
    supervisorctl = str(Path(sys.executable).parent / "supervisorctl")
    command = [supervisorctl, "-c", str(paths.run / "supervisord.conf"), "status"]
    states: dict[str, str] = {}
    try:
        answered = subprocess.run(command, capture_output=True, text=True, check=False, timeout=5)
    except subprocess.TimeoutExpired:
        return states
    for line in answered.stdout.splitlines():
        name, _, state = line.partition(" ")
        states[name] = " ".join(state.split())
    return states
