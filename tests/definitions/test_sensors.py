"""Alerts to a webhook: each event told once, none lost while the webhook is down, and its address told to nobody."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
import pytest

from orchestration.ground.errors import HubscapeError
from orchestration.sensors import alert_sensors
from orchestration.settings import SettingsError, load_settings

SECRET = "not-to-be-shown"


class Receiver(ThreadingHTTPServer):
    """A webhook that keeps what it is sent; `status` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.posts: list[dict] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{SECRET}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.status
        if status == 200:
            self.server.posts.append(body)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", f"/{SECRET}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def instance(tmp_path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides={"telemetry": {"enabled": False}}) as made:
        yield made


@dg.asset(name="table")
def asset(config: dict) -> None:
    if config.get("fails"):
        raise dg.Failure("The Hub <b>refused</b> @everyone.", allow_retries=False)


def checked(*, passed: bool, severity: dg.AssetCheckSeverity, blocking: bool) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=asset, name="rule", blocking=blocking)
    def check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=passed, severity=severity, description="2 rows fail, <!channel> x.")

    return check


WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
GOOD = checked(passed=True, severity=ERROR, blocking=True)
WARNED = checked(passed=False, severity=WARN, blocking=True)
NOT_BLOCKING = checked(passed=False, severity=ERROR, blocking=False)
BLOCKED = checked(passed=False, severity=ERROR, blocking=True)


def run(instance: dg.DagsterInstance, check: dg.AssetChecksDefinition, *, fails: bool = False) -> str:
    job = dg.Definitions(
        assets=[asset], asset_checks=[check], jobs=[dg.define_asset_job("refresh")], executor=dg.in_process_executor
    ).resolve_job_def("refresh")
    config = {"ops": {"table": {"config": {"fails": fails}}}}
    return job.execute_in_process(instance=instance, raise_on_error=False, run_config=config).run_id


class Watch:
    """A sensor as the daemon runs it: the cursor of a tick that fails is that of the tick before."""

    def __init__(self, name: str, instance: dg.DagsterInstance, address: str) -> None:
        self.sensor = next(sensor for sensor in alert_sensors(runs=False) if sensor.name == name)
        self.instance, self.address, self.cursor = instance, address, None

    def tick(self) -> str:
        settings = load_settings(alert_webhook=self.address)
        context = dg.build_sensor_context(
            self.instance, cursor=self.cursor, resources={"settings": settings}, sensor_name=self.sensor.name
        )
        done = self.sensor.evaluate_tick(context)
        self.cursor = done.cursor
        return done.skip_message or ""


@pytest.fixture
def failed(instance, receiver) -> Watch:
    watch = Watch("failed_runs", instance, receiver.address)
    watch.tick()
    return watch


@pytest.fixture
def warned(instance, receiver) -> Watch:
    watch = Watch("warned_checks", instance, receiver.address)
    watch.tick()
    return watch


def test_a_failed_run_is_told_once_with_its_cause_made_inert(instance, receiver, failed, warned):
    run_id = run(instance, GOOD, fails=True)
    for watch in (failed, warned, failed, warned):
        watch.tick()
    (alert,) = receiver.posts
    assert (alert["event"], alert["run_id"], alert["job"]) == ("run_failed", run_id, "refresh")
    assert alert["causes"] == ["The Hub ?b?refused?/b? ?everyone."]
    assert alert["text"] == f"Hubscape: run {run_id[:8]} of refresh failed: The Hub ?b?refused?/b? ?everyone."


def test_a_blocking_check_is_told_by_the_run_that_it_failed_and_not_again(instance, receiver, failed, warned):
    run(instance, BLOCKED)
    for watch in (failed, warned):
        watch.tick()
    (alert,) = receiver.posts
    assert alert["event"] == "run_failed"
    assert alert["causes"] == ["Check rule refused table: 2 rows fail, ??channel? x."]


@pytest.mark.parametrize("check", [WARNED, NOT_BLOCKING])
def test_a_check_that_fails_no_run_is_told_once_by_its_own_sensor_alone(instance, receiver, failed, warned, check):
    run_id = run(instance, check)
    for watch in (failed, warned, failed, warned):
        watch.tick()
    (alert,) = receiver.posts
    assert (alert["event"], alert["run_id"]) == ("checks_warned", run_id)
    assert alert["checks"] == [{"asset": "table", "check": "rule", "description": "2 rows fail, ??channel? x."}]


def test_a_good_run_is_not_told(instance, receiver, failed, warned):
    run(instance, GOOD)
    assert [failed.tick(), warned.tick()] == ["Nothing to report."] * 2
    assert receiver.posts == []


@pytest.mark.parametrize("status", [503, 302, 404])
def test_nothing_is_lost_or_told_twice_while_the_webhook_is_down(instance, receiver, failed, warned, status):
    ids = [run(instance, GOOD, fails=True), run(instance, GOOD, fails=True)]
    receiver.status = status
    for _ in range(2):
        with pytest.raises(HubscapeError, match=f"answered {status}") as refused:
            failed.tick()
        assert SECRET not in spoken(refused.value)
    receiver.status = 200
    assert failed.tick() == "2 alerts posted."
    assert failed.tick() == "Nothing to report."
    assert [alert["run_id"] for alert in receiver.posts] == ids


def test_a_webhook_that_goes_down_between_two_alerts_is_told_the_second_one_later(instance, receiver, failed):
    ids = [run(instance, GOOD, fails=True), run(instance, GOOD, fails=True)]
    posts, receiver.posts = receiver.posts, Closing(receiver)
    assert failed.tick().startswith("1 alerts posted. HUBSCAPE_ALERT_WEBHOOK answered 500")
    assert [alert["run_id"] for alert in receiver.posts] == ids[:1]
    receiver.status, receiver.posts = 200, posts
    failed.tick()
    assert [alert["run_id"] for alert in receiver.posts] == ids[1:]


class Closing(list):
    """Has the receiver fail once it has taken one."""

    def __init__(self, receiver: Receiver) -> None:
        super().__init__()
        self.receiver = receiver

    def append(self, item: object) -> None:
        super().append(item)
        self.receiver.status = 500


def test_an_address_that_nobody_listens_at_is_never_said(instance, receiver, failed, capfd, caplog):
    run(instance, GOOD, fails=True)
    receiver.shutdown()
    receiver.server_close()
    with pytest.raises(HubscapeError) as refused:
        failed.tick()
    out, err = capfd.readouterr()
    said = spoken(refused.value) + out + err + caplog.text + str(failed.cursor)
    assert "could not be reached (ConnectionError)" in said
    assert SECRET not in said


def spoken(error: BaseException) -> str:
    """All that Dagster keeps of an error."""
    from dagster._utils.error import serializable_error_info_from_exc_info

    return str(serializable_error_info_from_exc_info((type(error), error, error.__traceback__)))


def test_more_alerts_than_a_tick_has_time_for_are_told_at_the_next(instance, receiver, failed):
    ids = [run(instance, GOOD, fails=True) for _ in range(6)]
    assert failed.tick() == "5 alerts posted, more at the next tick."
    failed.tick()
    assert [alert["run_id"] for alert in receiver.posts] == ids


def test_without_a_webhook_the_sensors_say_so_and_what_happened_then_is_not_told_later(instance, receiver):
    watch = Watch("failed_runs", instance, "")
    run(instance, GOOD, fails=True)
    assert watch.tick() == "HUBSCAPE_ALERT_WEBHOOK is empty: nothing is reported."
    watch.address = receiver.address
    assert watch.tick() == "Nothing to report."
    assert receiver.posts == []


@pytest.mark.parametrize(
    "address", ["ftp://a.example/x", "a.example", "file:///etc/passwd", "https:///x", "http://a:b/x"]
)
def test_only_web_addresses_are_taken_and_a_refused_one_is_not_shown(address):
    with pytest.raises(SettingsError) as refused:
        load_settings(alert_webhook=address)
    assert "HUBSCAPE_ALERT_WEBHOOK" in str(refused.value) and address not in str(refused.value)


def test_settings_do_not_show_the_address(receiver):
    settings = load_settings(alert_webhook=receiver.address)
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
