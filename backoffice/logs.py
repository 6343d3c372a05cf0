"""How the processes write their logs: one line per event, as JSON where a machine reads them."""

from typing import Any

import structlog
from structlog.typing import EventDict

from connectors.kit import redaction

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def blank_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Whatever is logged, by us or a library, vendors' secrets are not: requests puts whole URLs into its errors."""
    blanked: EventDict = redaction.known.value(dict(event), as_shown=True)
    return blanked


def config(level: str, *, as_json: bool) -> dict[str, Any]:
    """Django's LOGGING, for its own loggers and structlog's alike.

    A traceback is written without the values of local variables: they may hold what no log may.
    """
    renderer: Any = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    # Only what is a text already can be looked through.
    ending = [structlog.processors.format_exc_info, blank_secrets, renderer]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "events": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "events"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            "axes": {"level": "WARNING"},  # its attempts stand in the console
        },
    }
