"""Sensors that post to a webhook what nobody is watching: a run that failed, and warnings of a run's checks.

Each finished run is told of once by each: `failed_runs` tells why a run failed, `warned_checks` which checks
failed without failing a run, and a check that failed its run is told of by the first alone. Dagster's own run failure
sensor passes over a run when its function fails, so an alert would be lost while the webhook is down: these keep
their place in their cursor, and try again at the next tick.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from orchestration.commands.run import causes
from orchestration.ground.errors import HubscapeError
from orchestration.ground.text import legible
from orchestration.settings import Settings

# A tick has a minute; each alert may take ten seconds, five to connect and five to be answered.
_ALERTS_A_TICK = 5
_TIMEOUT_SECONDS = (5, 5)
_SECONDS_BETWEEN_TICKS = 30
_SENTENCES = 5
_CHARACTERS = 400

# What is posted of a finished run, given as its run and its last event; None where there is nothing to tell.
AlertOf = Callable[[dg.DagsterInstance, dg.DagsterRun, dg.DagsterEvent], dict[str, Any] | None]


def alert_sensors(*, runs: bool) -> list[dg.SensorDefinition]:
    """`failed_runs` and `warned_checks`; unless they `run` by themselves, somebody turns them on in the UI."""
    failure, success = dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_SUCCESS
    failed = "each run that failed, and why, to HUBSCAPE_ALERT_WEBHOOK"
    warned = "the checks that failed without failing their run to HUBSCAPE_ALERT_WEBHOOK, one alert a run"
    return [
        _sensor("failed_runs", failed, [failure], failed_run, runs=runs),
        _sensor("warned_checks", warned, [success, failure], warned_checks, runs=runs),
    ]


def _sensor(
    name: str, posted: str, endings: Sequence[dg.DagsterEventType], alert_of: AlertOf, *, runs: bool
) -> dg.SensorDefinition:
    @dg.sensor(
        name=name,
        description=f"Posts {posted}; on by itself in production only.",
        minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING if runs else dg.DefaultSensorStatus.STOPPED,
    )
    def sensor(context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]) -> dg.SkipReason:
        address = settings.alert_webhook.get_secret_value()
        return dg.SkipReason(tell(context, endings, alert_of, address))

    return sensor


def tell(
    context: dg.SensorEvaluationContext, endings: Sequence[dg.DagsterEventType], alert_of: AlertOf, address: str
) -> str:
    """Posts the alerts of the runs that ended since the last tick, oldest first, and says how that went.

    The cursor holds the last event of each ending that was dealt with. It starts at the present: what happened before a
    sensor, or its webhook, was there is not told.

    Raises:
        HubscapeError: the webhook did not take the first alert; it is tried again at the next tick.
    """
    places: dict[str, int] = json.loads(context.cursor) if context.cursor else {}
    if not address or places.keys() != {ending.value for ending in endings}:
        newest = {
            ending.value: context.instance.fetch_run_status_changes(ending, limit=1).records for ending in endings
        }
        context.update_cursor(json.dumps({name: found[0].storage_id if found else 0 for name, found in newest.items()}))
        return "Runs are watched from now on." if address else "HUBSCAPE_ALERT_WEBHOOK is empty: nothing is reported."
    told = 0
    for ending in endings:
        changes = dg.RunStatusChangeRecordsFilter(event_type=ending, after_storage_id=places[ending.value])
        for record in context.instance.fetch_run_status_changes(changes, limit=50, ascending=True).records:
            if told == _ALERTS_A_TICK:
                return f"{told} alerts posted, more at the next tick."
            run = context.instance.get_run_by_id(record.event_log_entry.run_id)
            alert = run and alert_of(context.instance, run, record.event_log_entry.get_dagster_event())
            if alert:
                try:
                    post(address, alert)
                except HubscapeError as error:
                    if not told:  # a tick that fails keeps the cursor of the one before
                        raise
                    return f"{told} alerts posted. {error}"
                told += 1
            places[ending.value] = record.storage_id
            context.update_cursor(json.dumps(places))
    return f"{told} alerts posted." if told else "Nothing to report."


def post(address: str, alert: dict[str, Any]) -> None:
    """Posts an alert as JSON, following no redirect.

    Raises:
        HubscapeError: the webhook cannot be reached or answers with anything but success.
    """
    import requests

    try:
        with requests.post(address, json=alert, timeout=_TIMEOUT_SECONDS, allow_redirects=False, stream=True) as answer:
            status = answer.status_code
    except (requests.RequestException, UnicodeError) as error:  # its text has the address in it
        raise HubscapeError(
            f"HUBSCAPE_ALERT_WEBHOOK could not be reached ({type(error).__name__}): tried again at the next tick."
        ) from None
    if not 200 <= status < 300:
        raise HubscapeError(f"HUBSCAPE_ALERT_WEBHOOK answered {status}: tried again at the next tick.")


def failed_run(instance: dg.DagsterInstance, run: dg.DagsterRun, ending: dg.DagsterEvent) -> dict[str, Any]:
    """The alert of a run that failed: why, in one sentence a cause."""
    events = [entry.get_dagster_event() for entry in instance.all_logs(run.run_id) if entry.is_dagster_event]
    why = [_inert(sentence) for sentence in causes(events) or [ending.message or "No cause was recorded."]]
    return _alert("run_failed", run, f"failed: {' '.join(why[:_SENTENCES])}", causes=why)


def warned_checks(instance: dg.DagsterInstance, run: dg.DagsterRun, _: dg.DagsterEvent) -> dict[str, Any] | None:
    """The alert of a run's checks that failed without failing the run; None where there are none."""
    entries = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [entry.get_dagster_event().asset_check_evaluation_data for entry in entries]
    checks = [
        {
            "asset": _inert(check.asset_key.to_user_string()),
            "check": _inert(check.check_name),
            "description": _inert(check.description or "It failed."),
        }
        for check in found
        if not check.passed and not (check.blocking and check.severity == dg.AssetCheckSeverity.ERROR)
    ]
    if not checks:
        return None
    words = [f"{check['check']} of {check['asset']}: {check['description']}" for check in checks[:_SENTENCES]]
    more = f" And {len(checks) - _SENTENCES} more." if len(checks) > _SENTENCES else ""
    return _alert("checks_warned", run, f"warns of {len(checks)} checks: {' '.join(words)}{more}", checks=checks)


def _alert(event: str, run: dg.DagsterRun, words: str, **fields: Any) -> dict[str, Any]:
    """`text` is what chat programs show of a webhook's JSON; the rest is for programs."""
    text = f"Hubscape: run {run.run_id[:8]} of {run.job_name} {words}"
    return {"text": text, "event": event, "run_id": run.run_id, "job": run.job_name, **fields}


def _inert(text: str) -> str:
    return legible(" ".join(text.split()), _CHARACTERS)
