"""How failures reach people: in Dagster without a traceback, and tried again only where that may help."""

import dagster as dg
import pytest

from orchestration.failures import plain_failures
from orchestration.ground.errors import HubscapeError
from orchestration.hub.session import HubError, HubNotFound, HubUnauthorized
from orchestration.lake.bulk import BulkRefused
from orchestration.settings import SettingsError


@pytest.mark.parametrize(
    ("error", "is_retried"),
    [
        (HubError, True),
        (HubNotFound, True),
        (HubUnauthorized, False),
        (BulkRefused, False),
        (SettingsError, False),
        (HubscapeError, False),
    ],
)
def test_a_known_cause_is_one_sentence_and_only_a_hub_is_asked_again(error, is_retried):
    with pytest.raises(dg.Failure) as failure, plain_failures():
        raise error("What, where, what to do.")
    assert (failure.value.description, failure.value.allow_retries) == ("What, where, what to do.", is_retried)
    assert failure.value.__suppress_context__


def test_a_full_disk_is_a_known_cause_and_another_error_is_none():
    said = r"^rows cannot be written \(No space left on device\): make room"
    with pytest.raises(dg.Failure, match=said), plain_failures():
        raise OSError(28, "No space left on device", "rows")
    for error in (OSError(5, "Input/output error"), KeyError("x")):
        with pytest.raises(type(error)), plain_failures():
            raise error


def test_the_exit_code_says_whether_the_words_were_wrong():
    assert (HubscapeError.exit_code, SettingsError.exit_code) == (1, 2)


def test_what_dbt_raises_at_a_signal_ends_a_step_as_interrupted():
    with pytest.raises(dg.DagsterExecutionInterruptedError), plain_failures():
        raise KeyboardInterrupt
