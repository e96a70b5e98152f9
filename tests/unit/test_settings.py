"""Variables: defaults, the sentences for wrong ones, and that a sandbox never touches anything but this machine."""

import datetime as dt

import pytest

from orchestration.settings import SANDBOX_REPO, SANDBOX_TOKEN, SettingsError, load_settings


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    import os

    for name in list(os.environ):
        if name.startswith(("HUBSCAPE_", "HF_")):
            monkeypatch.delenv(name)


def test_without_variables_a_run_uses_its_own_sandbox_and_publishes_to_it():
    settings = load_settings()

    assert settings.source == "sandbox"
    assert settings.starts_sandbox
    assert settings.hub_token == SANDBOX_TOKEN
    assert settings.publish_to == SANDBOX_REPO
    assert settings.snapshot_date == dt.datetime.now(dt.UTC).date()
    assert settings.data_dir.is_absolute()


def test_an_empty_publish_repo_publishes_nothing(monkeypatch):
    monkeypatch.setenv("HUBSCAPE_PUBLISH_REPO", "")
    assert load_settings().publish_to == ""


def test_an_empty_snapshot_date_is_today(monkeypatch):
    monkeypatch.setenv("HUBSCAPE_SNAPSHOT_DATE", "")
    assert load_settings().snapshot_date == dt.datetime.now(dt.UTC).date()


def test_a_real_hub_is_published_to_only_where_a_repo_is_named(monkeypatch):
    monkeypatch.setenv("HUBSCAPE_SOURCE", "api")
    assert load_settings().publish_to == ""
    monkeypatch.setenv("HUBSCAPE_PUBLISH_REPO", "my-org/observatory")
    assert load_settings().publish_to == "my-org/observatory"


@pytest.mark.parametrize("address", ["https://huggingface.co", "https://hub.example:8443", "http://10.0.0.7:80"])
def test_source_sandbox_never_uses_a_hub_elsewhere_nor_its_token(monkeypatch, address):
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("HF_TOKEN", "hf_real_secret")
    settings = load_settings()

    assert settings.starts_sandbox
    assert settings.hub_token == SANDBOX_TOKEN


@pytest.mark.parametrize("address", ["http://127.0.0.1:8964", "http://localhost:8964/", "http://[::1]:8964"])
def test_source_sandbox_uses_a_hub_on_this_machine(monkeypatch, address):
    monkeypatch.setenv("HF_ENDPOINT", address)
    settings = load_settings()

    assert not settings.starts_sandbox
    assert settings.hub_endpoint == address.rstrip("/")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HUBSCAPE_SOURCE", "carrier-pigeon", "'sandbox', 'api' or 'bulk'"),
        ("HUBSCAPE_REFRESH", "hourly", "'full' or 'incremental'"),
        ("HUBSCAPE_SNAPSHOT_DATE", "yesterday", "date"),
        ("HUBSCAPE_SNAPSHOT_DATE", "2026-02-30", "date"),
        ("HUBSCAPE_SNAPSHOT_DATE", "86400", "written as YYYY-MM-DD"),
        ("HUBSCAPE_SNAPSHOT_DATE", "2999-01-01", "must not be after today"),
        ("HUBSCAPE_SCHEDULE_CRON", "often", "five cron fields"),
        ("HUBSCAPE_MEMORY_LIMIT", "lots", "a size such as 4GB"),
        ("HUBSCAPE_MEMORY_LIMIT", "1.2.3GB", "a size such as 4GB"),
        ("HUBSCAPE_PUBLISH_REPO", "no-owner", "must be owner/name"),
        ("HUBSCAPE_PUBLISH_REPO", "../x/y", "must be owner/name"),
        ("HF_ENDPOINT", "huggingface.co", "must be an address"),
        ("HUBSCAPE_DATA_DIR", "/tmp/lake [1]", "must not have any of * ? [ ] { }"),
        ("HUBSCAPE_PAPERS_DAYS", "0", "greater than or equal to 1"),
        ("HUBSCAPE_MAX_VOLUME_DROP", "30", "less than or equal to 1"),
    ],
)
def test_a_wrong_variable_is_named_with_its_value_and_what_it_takes(monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert str(caught.value).startswith(f"{name} cannot be used (is {value!r}): ")
    assert said in str(caught.value)


def test_a_bulk_dump_has_no_incremental_days(monkeypatch):
    monkeypatch.setenv("HUBSCAPE_SOURCE", "bulk")
    monkeypatch.setenv("HUBSCAPE_REFRESH", "incremental")

    with pytest.raises(SettingsError, match=r"HUBSCAPE_REFRESH cannot be used .* goes with HUBSCAPE_SOURCE sandbox or"):
        load_settings()


def test_a_password_in_an_address_is_refused_and_not_repeated(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://user:secret@hub.example")

    with pytest.raises(SettingsError, match="HF_ENDPOINT cannot be used: must be an address") as caught:
        load_settings()

    assert "secret" not in str(caught.value)


def test_a_token_is_shown_nowhere(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_very_secret")
    settings = load_settings(source="api")

    assert settings.hub_token == "hf_very_secret"
    assert "very_secret" not in repr(settings) + str(settings.model_dump())


@pytest.mark.parametrize(("given", "reading"), [("3GB", "1.000GB"), ("512 MiB", "170.667MiB")])
def test_what_only_reads_takes_a_third_of_the_memory(monkeypatch, given, reading):
    monkeypatch.setenv("HUBSCAPE_MEMORY_LIMIT", given)

    assert load_settings().reading_memory_limit == reading
