"""Two verifiers, of which neither knows the other, judge every call of the table alike."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stirkit import pki
from stirkit.calls import Case
from stirkit.cases import CASES
from trunkward.shaken.causes import Cause

SCRIPT = Path(__file__).parents[2] / "vectors" / "shaken" / "independent.py"
#: Rules of ours that no RFC has: limits, and what policy may choose.
SHARED = [name for name, case in CASES.items() if not case.ours]

#: Where a chain is broken both find an error, not always at the same link: they follow it from opposite ends.
ANY_LINK = {"diversions: loop", "diversions: middle missing", "diversions: begins elsewhere"}


def request(case: Case) -> dict[str, Any]:
    return {
        "identities": case.values(),
        "orig": list(case.orig),
        "to": case.to,
        "request_uri": case.request_uri,
        "date": case.date_s,
        "now": case.now_s,
        "window": [60, 10],
        "chains": {url: chain().decode() for url, chain in case.chains.items()},
        "roots": pki.pem(pki.root()).decode(),
    }


@pytest.fixture(scope="module")
def said() -> dict[str, dict[str, Any]]:
    """What the other verifier says of each: one process for all."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command checks its chains")
    program = (
        f"import json, sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import independent\n"
        "json.dump({n: independent.verify(r) for n, r in json.load(sys.stdin).items()}, sys.stdout)"
    )
    asked = json.dumps({name: request(CASES[name]) for name in SHARED})
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", SHARED)
def test_the_other_verifier_says_the_same(said: dict[str, dict[str, Any]], name: str) -> None:
    case = CASES[name]
    codes = [Cause(cause).code if cause else 0 for cause in case.causes]  # type: ignore[call-arg]
    found = said[name]["codes"]
    assert said[name]["outcome"] == case.outcome
    if name in ANY_LINK:
        assert len(found) == len(codes)
        assert set(found) == set(codes)
    else:
        assert found == codes


def test_as_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT)],
        input=json.dumps(request(CASES["syntax: good"])),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert json.loads(done.stdout) == {"outcome": "TN-Validation-Passed", "codes": [0]}


def test_it_imports_the_standard_library_alone() -> None:
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name) or ""
        for node in ast.walk(ast.parse(SCRIPT.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name.partition(".")[0] for name in imported} <= set(sys.stdlib_module_names)
