"""`trunkward plan`: what a node file would change, and what that does to running things."""

import gc
import json
from pathlib import Path

from trunkward.cli.changing import configuration_store, is_root, node_file_in_use, read_wanted
from trunkward.cli.plan_shown import DIFFERENT, plan_document, show_plan, tell_wanting
from trunkward.cli.planning import Held, first_plan, planned_change
from trunkward.cli.preflight import new_obstacles
from trunkward.cli.said import complain
from trunkward.cli.unfit_keys import unfit_key
from trunkward.engines.installed import OtherVersion, check_runs_this
from trunkward.engines.named_passwords import missing_passwords
from trunkward.settings import Paths
from trunkward.store.configuration import TextDamaged


def run_plan(paths: Paths, file: Path | None, *, as_json: bool) -> int:
    """Shows what applying a file would change: 0 nothing, 2 refused, 3 something."""
    if not is_root("plan"):
        return 2
    gc.disable()
    held = Held(paths)
    try:
        if held.running:
            check_runs_this(paths)
    except OtherVersion as other:
        complain(f"no plan: {other}")
        return 2
    read = read_wanted(paths, file, node_file_in_use(paths, running=held.running))
    if not paths.configuration_shared and not paths.configuration_db.exists():
        planned = first_plan(paths, read, held)
    else:
        with configuration_store(paths, make=False) as store:
            try:
                planned = planned_change(paths, read, held, store)
            except TextDamaged as why:
                complain(f"no plan: {why}")
                return 2
    found = new_obstacles(held.declared, read.declared) if held.running else []
    found += missing_passwords(read.declared)
    found += filter(None, [unfit_key(paths, read.declared)])
    if as_json:
        print(json.dumps(plan_document(planned) | {"obstacles": found}, indent=1))
    else:
        show_plan(planned)
        tell_wanting(planned)
    for obstacle in found:
        complain(obstacle)
    if found:
        complain("apply will refuse it")
        return 2
    return 0 if planned.nothing_to_do else DIFFERENT
