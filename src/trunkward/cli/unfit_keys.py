"""Keys and certificates a person keeps for signing, looked at before anything is changed."""

import os

from trunkward.engines.identity_files import IdentityRefused, check_kept
from trunkward.settings import Paths
from trunkward.trunks.model import Declared


def unfit_key(paths: Paths, declared: Declared) -> str:
    """Why a signer could not sign with what a person keeps for it; "" when all could.

    Also where nobody can look: only root may become the signer, who alone reads its key.
    """
    if os.geteuid() != 0:
        return ""
    try:
        check_kept(declared, paths)
    except IdentityRefused as why:
        return str(why)
    except KeyError:  # no node was ever here, and so none of its users is
        return ""
    return ""
