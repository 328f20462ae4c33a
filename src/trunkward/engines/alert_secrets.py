"""Whether the worker, who tells of caps, can read what the node file names for that."""

import subprocess
from collections.abc import Iterator

from trunkward.engines.users import gid, uid
from trunkward.trunks.alerting import Alerting

USER = "tw-worker"


def unreadable(alerting: Alerting) -> Iterator[str]:
    """A sentence for each file that `USER` cannot read. As root; nothing where that user is not there yet."""
    try:
        who, group = uid(USER), gid(USER)
    except KeyError:
        return
    files = [file for one in alerting.webhooks for file in (one.secret_file, one.ca_file)]
    if alerting.mail is not None:
        files += [alerting.mail.password_file, alerting.mail.ca_file]
    for file in dict.fromkeys(filter(None, files)):
        # asked of the kernel as that user: every directory above counts, too
        done = subprocess.run(
            ["/usr/bin/test", "-r", file], user=who, group=group, extra_groups=[], check=False
        )
        if done.returncode:
            yield (
                f"{file}: {USER} cannot read it, so nobody is told by what it is for: chgrp {USER} {file};"
                f" chmod 640 {file}; and chmod o+x the directories above"
            )
