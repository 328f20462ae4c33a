"""The key that trunks' digest secrets are sealed with, by its name."""

from trunkward.control.secrets import key_id
from trunkward.engines.pki_files import PkiFiles, read_secret
from trunkward.settings import Paths


def digest_key_id(paths: Paths) -> str:
    """The name of the key that trunks' secrets are sealed with; "" where there is none yet."""
    try:
        return key_id(read_secret(PkiFiles(paths.pki).digest_secret))
    except (OSError, ValueError):
        return ""
