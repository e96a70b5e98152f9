"""How a failure reaches people: known causes become one plain sentence and a failed step, without a traceback."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from orchestration.checks.verdicts import VerdictError
from orchestration.commands.docs import DocsError
from orchestration.hub.client import TransferError
from orchestration.hub.session import HubError, HubUnauthorized
from orchestration.lake.files import LakeError
from orchestration.release.audit import AuditError
from orchestration.release.contract import ContractError
from orchestration.release.datapackage import DataPackageError
from orchestration.release.export import ExportError

KNOWN = (
    AuditError,
    ContractError,
    DataPackageError,
    DocsError,
    ExportError,
    HubError,
    LakeError,
    TransferError,
    VerdictError,
)
# A Hub may answer the next time; what the disk or the checks say will be said again.
_WORTH_A_RETRY = (HubError, TransferError)


@contextmanager
def plain_failures() -> Iterator[None]:
    """Turns a known cause into `dagster.Failure` with its own sentence; anything else passes as it is."""
    try:
        yield
    except KNOWN as error:
        passing = isinstance(error, _WORTH_A_RETRY) and not isinstance(error, HubUnauthorized)
        raise dg.Failure(str(error), allow_retries=passing) from None
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}:
            raise
        where = error.filename or "the data folder"
        raise dg.Failure(
            f"{where} cannot be written ({error.strerror}): make room or name another HUBSCAPE_DATA_DIR.",
            allow_retries=False,
        ) from None
