"""What a running node has on its disk."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from wire.conftest import Node


def segment_lines(state: Path) -> list[dict[str, Any]]:
    """Every complete line of every segment that is a decision or an outcome."""
    found = []
    for segment in sorted((state / "records").glob("*/*.jsonl")):
        for line in segment.read_bytes().split(b"\n")[:-1]:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):  # messages are arrays
                found.append(record)
    return found


def supervise(node: Node, *words: str) -> None:
    """Tells the node's supervisor to stop or start a part; it has happened when this returns."""
    command = [str(Path(sys.executable).parent / "supervisorctl"), "-c", str(node.run / "supervisord.conf")]
    subprocess.run([*command, *words], check=True, capture_output=True, timeout=30)
