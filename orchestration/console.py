"""What a run prints while it works: one line a step or message, with the seconds since the run began."""

import logging
import sys
import time

import dagster as dg


class _Lines(logging.Formatter):
    def __init__(self) -> None:
        super().__init__()
        self._start = time.monotonic()

    def format(self, record: logging.LogRecord) -> str:
        meta = getattr(record, "dagster_meta", {}) or {}
        step = (meta.get("step_key") or "").replace("__", "/")
        message = meta.get("orig_message") or record.getMessage()
        line = " ".join(str(message).split())
        return f"{time.monotonic() - self._start:7.1f} s  {step:<28} {line}"


# What dagster-dbt says of its own workings in every run.
_INNER_WORKINGS = ("A dbt subsetted execution", "Copying `", "Running dbt command", "Finished dbt command")


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    meta = getattr(record, "dagster_meta", {}) or {}
    message = str(meta.get("orig_message") or record.getMessage())
    skipped = "Dependencies for step" in message  # what failed is said once, at the end
    return not (meta.get("dagster_event") or message.startswith(_INNER_WORKINGS) or skipped)


@dg.logger(
    config_schema={"log_level": dg.Field(str, default_value="INFO", is_required=False)},
    description="Plain progress lines on standard error.",
)
def progress_lines(context: dg.InitLoggerContext) -> logging.Logger:
    """A logger that leaves out Dagster's own step events, which the run history keeps anyway."""
    logger = logging.getLogger("hubscape.progress")
    logger.setLevel(context.logger_config["log_level"])
    logger.propagate = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    handler.addFilter(_is_worth_a_line)
    logger.handlers = [handler]
    return logger
