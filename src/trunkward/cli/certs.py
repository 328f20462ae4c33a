"""`trunkward certs`: every certificate this node shows or signs with, and the lists they stand on."""

import json
from datetime import UTC, datetime

from rich.console import Console

from trunkward.cli.certificate_lines import shown_document, shown_lines
from trunkward.cli.identity_lines import asked, document, identities_state, is_wrong, lines
from trunkward.cli.said import complain
from trunkward.cli.status import read_in_force
from trunkward.control.node_file import NodeFileRefused
from trunkward.engines.certificates import shown
from trunkward.settings import Paths


def run(paths: Paths, *, as_json: bool) -> int:
    """Prints all of it; 0 when nothing is wrong, 1 when something is, 2 when it cannot be told."""
    in_force = read_in_force(paths)
    if in_force is None:
        return 2
    try:
        declared = in_force.declared()
    except NodeFileRefused as refused:
        complain(f"{paths.declared}: this version does not understand the configuration in force: {refused}")
        return 2
    now = datetime.now(UTC)
    found, signers = shown(declared, paths), asked(declared, paths)
    if as_json:
        print(
            json.dumps(
                {
                    "shown": {one.name: shown_document(one) for one in found},
                    **document(declared, paths, signers),
                },
                indent=1,
            )
        )
    else:
        console = Console(highlight=False, soft_wrap=True)
        for one in found:
            for line in shown_lines(one, now):
                console.print(line)
        for line in lines(declared, paths, now, signers):
            console.print(line)
    state = identities_state(declared, paths)
    wrong = (
        any(one.is_worrying(now) for one in found)
        or any(one.why_not for one in signers.values())
        or (state is not None and is_wrong(state))
    )
    return 1 if wrong else 0
