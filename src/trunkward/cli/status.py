"""`trunkward status`: parts, listeners, and every deviation from the secure default."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
from rich.console import Console

from trunkward.cli.ready import not_ready
from trunkward.control.declared import InForce
from trunkward.control.deviations import deviations
from trunkward.engines.kamailio import plain_transports
from trunkward.settings import Paths
from trunkward.trunks.model import Declared

console = Console(highlight=False)


def run(paths: Paths, *, as_json: bool) -> int:
    """Prints the status; 0 when everything answers, 1 when something does not, 2 when nothing is up."""
    try:
        in_force = msgspec.json.decode(paths.declared.read_bytes(), type=InForce)
    except PermissionError:
        console.print("trunkward status reads the node's files: use sudo", style="red")
        return 2
    except FileNotFoundError:
        console.print(
            f"no node has been started here yet ({paths.declared}); start one: ./trunkward up", style="red"
        )
        return 2
    declared = in_force.declared()
    missing = not_ready(paths, declared)
    parts = {part: missing.get(part, "") for part in part_names(declared)}
    found = deviations(declared)
    if as_json:
        document = {
            "ready": not missing,
            "configuration": in_force.version,
            "parts": {part: {"ready": not why, "problem": why} for part, why in parts.items()},
            "listeners": dict(listeners(declared)),
            "deviations": [{"where": d.where, "what": d.what} for d in found],
        }
        print(json.dumps(document, indent=1))
        return 0 if not missing else 1
    states = _supervised(paths)
    console.print(f"configuration {in_force.version}, node {declared.node.name}")
    for part, why in parts.items():
        mark = "[green]ready[/green]" if not why else "[red]not ready[/red]"
        console.print(f"  {part:<12} {mark}  {states.get(part, '')}  {why}")
    for name, where in listeners(declared):
        console.print(f"  {name:<28} {where}")
    print_deviations(console, declared)
    return 0 if not missing else 1


def part_names(declared: Declared) -> list[str]:
    """The node's processes by name, in the order a call meets them."""
    gates = [f"gate-{index}" for index in range(declared.node.gates)]
    return ["kamailio", *gates, "signer", "rtpengine", "worker"]


def listeners(declared: Declared) -> list[tuple[str, str]]:
    """Everything that listens, with its address."""
    node = declared.node
    found = [("SIP over TLS 1.3", f"{node.address}:{node.tls_port}")]
    found += [
        (f"SIP over {transport.value.upper()} (carriers)", f"{node.address}:{node.plain_port}")
        for transport in plain_transports(declared)
    ]
    found.append(("media (SRTP)", f"{node.media_address}:{node.media_port_min}-{node.media_port_max}/udp"))
    return found


def print_deviations(out: Console, declared: Declared) -> None:
    """Each deviation on a line of its own; or that there is none."""
    found = deviations(declared)
    for deviation in found:
        out.print(f"  [yellow]deviation[/yellow] {deviation.where}: {deviation.what}")
    if not found:
        out.print("  no deviation from the secure default")


def _supervised(paths: Paths) -> dict[str, str]:
    """What the supervisor says of each process."""
    supervisorctl = str(Path(sys.executable).parent / "supervisorctl")
    command = [supervisorctl, "-c", str(paths.run / "supervisord.conf"), "status"]
    answered = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    states: dict[str, str] = {}
    for line in answered.stdout.splitlines():
        name, _, state = line.partition(" ")
        states[name] = " ".join(state.split())
    return states
