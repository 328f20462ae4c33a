"""Asking a node's `web`."""

import json
import urllib.error
import urllib.request
from typing import Any

from trunkward.settings import WEB_PORT


def ask(path: str, within_s: float = 20.0) -> tuple[int, str]:
    """Status and body of `web`'s answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{WEB_PORT}{path}", timeout=within_s) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def readiness() -> tuple[int, dict[str, Any]]:
    """What `/readyz` says."""
    status, text = ask("/readyz")
    document: dict[str, Any] = json.loads(text)
    assert document["ready"] == (status == 200)
    return status, document


def not_ready(document: dict[str, Any]) -> set[str]:
    """The parts that are named."""
    return {name for name, part in document["parts"].items() if not part["ready"]}
