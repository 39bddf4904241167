"""Logging without personal data: what a customer wrote is taken out of every line."""

import logging
import re
import sys
from contextvars import ContextVar

import structlog

current_text: ContextVar[str] = ContextVar("current_text", default="")
"""The message being answered, to be cut out of whatever a library logs meanwhile."""

_PATTERNS = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[mail]"),
    (re.compile(r"(?<![\w-])[A-Z]{1,4}-?\d[\d-]{3,}"), "[number]"),
    (re.compile(r"(?<![\w.:-])\+?\d(?:[ /-]?\d){4,}(?![\w.:])"), "[number]"),
)


def masked(line: str) -> str:
    """`line` without the current message, mail addresses and longer numbers."""
    text = current_text.get()
    if len(text) > 2:
        line = line.replace(text, "[message]").replace(repr(text)[1:-1], "[message]")
    for pattern, replacement in _PATTERNS:
        line = pattern.sub(replacement, line)
    return line


class _MaskingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # The time stays outside, its digits are nobody's number.
        when = self.formatTime(record, "%Y-%m-%d %H:%M:%S")
        return f"{when} {record.levelname:<7} {record.name}: {masked(super().format(record))}"


def configure(level: int = logging.INFO) -> None:
    """Send everything, Rasa's structured log as well, through one masking handler to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_MaskingFormatter("%(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("rasa", "rasa_sdk", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
