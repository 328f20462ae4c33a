"""What a process of the node says: a JSON object a line, which the supervisor keeps in its file."""

import sys
from typing import TextIO

import structlog


def log_as_json(to: TextIO = sys.stdout) -> None:
    """From now on, whoever of this process logs writes there: level, time (UTC), event and facts."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(to),
    )
