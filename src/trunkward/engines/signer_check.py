"""Asking a signer, before anything is changed, whether it could sign with a person's key and chain."""

import shutil
import subprocess

from trunkward.engines.identity_task import identities_of
from trunkward.engines.signers import signer_programs
from trunkward.settings import Paths, signer_name
from trunkward.trunks.model import Declared
from trunkward.trunks.signing import Certificates

#: Seconds it may take; a key may be in a token.
_WITHIN_S = 30.0


def why_not(declared: Declared, paths: Paths) -> dict[str, str]:
    """By identity whose certificate a person keeps, why its signer could not sign; {} when all could.

    The signer itself looks, as its own user: what it says here it would say at its start. Needs root.
    """
    kept = [
        name
        for name, (_, _, source) in identities_of(declared).items()
        if source.certificates is Certificates.FILES
    ]
    if not kept:
        return {}
    programs = {program.name: program for program in signer_programs(declared, paths)}
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    found = {}
    for name in kept:
        program = programs[signer_name(name)]
        become = [setpriv, f"--reuid={program.user}", f"--regid={program.user}", "--init-groups"]
        bounds = ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]
        try:
            said = subprocess.run(
                [*become, *bounds, *program.command, "--check"],
                capture_output=True,
                text=True,
                check=False,
                timeout=_WITHIN_S,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            found[name] = f"its signer has not looked at them within {_WITHIN_S:.0f} s"
            continue
        if said.returncode:
            found[name] = (said.stderr.strip().splitlines() or ["its signer ended without a word"])[-1]
    return found
