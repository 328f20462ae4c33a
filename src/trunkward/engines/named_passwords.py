"""Files with passwords of authorities that a node file names, and nobody finds."""

from collections.abc import Iterator
from pathlib import Path

from trunkward.engines.identity_task import identities_of
from trunkward.trunks.model import Declared


def missing_passwords(declared: Declared) -> Iterator[str]:
    """A sentence for each that is not there; `apply` is to copy it, and would refuse."""
    for name, (_, _, source) in identities_of(declared).items():
        file = source.authority.password_file if source.authority is not None else ""
        if file and not Path(file).is_file():
            yield f"{file}: there is no such file, the password_file of the authority of identity {name}"
