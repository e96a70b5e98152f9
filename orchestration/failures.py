"""How a failure reaches people: known causes become one plain sentence and a failed step, without a traceback."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from orchestration.ground.errors import HubscapeError


@contextmanager
def plain_failures() -> Iterator[None]:
    """Turns a known cause into `dagster.Failure` with its own sentence, and dbt's interruption into Dagster's."""
    try:
        yield
    except KeyboardInterrupt:  # which dbt has both signals raise
        raise dg.DagsterExecutionInterruptedError from None
    except HubscapeError as error:
        raise dg.Failure(str(error), allow_retries=error.worth_a_retry) from None
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}:
            raise
        where = error.filename or "the data folder"
        raise dg.Failure(
            f"{where} cannot be written ({error.strerror}): make room or name another HUBSCAPE_DATA_DIR.",
            allow_retries=False,
        ) from None
