"""Every variable that steers Hubscape, in one class.

Variables are named HUBSCAPE_*; HF_ENDPOINT and HF_TOKEN keep the Hub client's own names. Nothing else in the
project reads the environment, and what works below (hub, lake, release, expectations) takes plain arguments.
"""

import datetime as dt
import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from orchestration.ground.errors import HubscapeError

PROJECT_DIR = Path(__file__).resolve().parent.parent
SANDBOX_TOKEN = "hf_sandbox"  # opens the sandbox Hub only
SANDBOX_REPO = "hubscape-sandbox/observatory"

_NAME = r"[A-Za-z0-9][\w.-]{0,95}"
_CRON = r"([0-9*/,-]+ ){4}[0-9A-Za-z*/,-]+"
_SIZE = r"([0-9]+(?:\.[0-9]+)?) ?([KMGT]i?B)"


class SettingsError(HubscapeError):
    """A variable has a value that cannot be used; the text is one plain sentence for each of them."""

    exit_code = 2


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _absolute(path: Path) -> Path:
    path = path.expanduser().resolve()
    # DuckDB and Dagster read such a path as a pattern, and would find other files or none.
    if set("*?[]{}") & set(str(path)):
        raise ValueError("must not have any of * ? [ ] { } in its path")
    return path


def _matching(pattern: str, sentence: str) -> AfterValidator:
    def validate(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(sentence)
        return value

    return AfterValidator(validate)


Share = Annotated[float, Field(ge=0, le=1)]
RepoId = Annotated[str, _matching(rf"|{_NAME}/{_NAME}", "must be owner/name, such as my-org/observatory")]


class Settings(BaseSettings):
    """The variables, with their defaults; the words under each are those of the reference."""

    model_config = SettingsConfigDict(
        env_prefix="HUBSCAPE_", populate_by_name=True, extra="ignore", use_attribute_docstrings=True
    )

    source: Literal["sandbox", "api", "bulk"] = "sandbox"
    """Where raw data come from: a Hub on this machine, the Hub at HF_ENDPOINT, or a bulk dump."""
    bulk_source: str = "cfahlgren1/hub-stats"
    """For source `bulk`: a dataset repo `owner/name` on the Hub, or a local folder with models.parquet."""
    refresh: Literal["full", "incremental"] = "full"
    """Whether a day crawls everything, or only what changed since the last complete crawl."""
    full_crawl_days: int = Field(7, ge=1, le=366)
    """Age in days of the last complete crawl from which an incremental day is a full one."""
    top_repos: int = Field(10_000, ge=0, le=1_000_000)
    """Repos by downloads, likes and trending score whose metrics an incremental day reads again, each."""
    overlap_hours: int = Field(24, ge=0, le=24 * 30)
    """Hours before the last crawl from which an incremental day reads changes again."""
    coverage: Literal["auto", "whole", "sample"] = "auto"
    """Whether snapshots hold the whole Hub or a sample of it; `auto` tells by where they come from and their rows."""
    whole_share: Share = 0.9
    """Smallest share of the Hub's last known size by which a dump, a mirror or another Hub is taken for the whole."""
    data_dir: Annotated[Path, AfterValidator(_absolute)] = Path("data")
    """The only folder that is written to: lake, warehouse, releases, run history."""
    snapshot_date: dt.date = Field(default_factory=_today)
    """UTC day that labels the snapshot; default today."""
    publish_repo: RepoId = ""
    """Dataset repo `owner/name` to publish to; empty builds and audits the release without publishing."""
    endpoint: str = Field("", validation_alias="HF_ENDPOINT")
    """Address of the Hub for source `api`."""
    token: SecretStr | None = Field(None, validation_alias="HF_TOKEN")
    """Token for the Hub."""
    papers_days: int = Field(731, ge=1, le=3660)
    """How many daily-papers pages to read, counted back."""
    top_handles: int = Field(200, ge=0, le=10_000)
    """Handles by downloads whose overview is read besides the registry's."""
    max_volume_drop: Share = 0.3
    """Largest share of rows a table may lose against the previous snapshot before the run stops."""
    max_tail_loss: Share = 0.0
    """Largest share of the previous snapshot's rows that may be missing from the old end of a list, where one that was
    cut lacks them, before the run stops; a single one always may."""
    max_counter_drop: Share = 0.5
    """Largest share that the sum of downloads or likes of the same repos may lose against the previous snapshot before
    the run stops."""
    max_fault_share: Share = 0.05
    """Largest share of ill-typed or quarantined rows, and of organizations that the Hub refuses to tell of, before the
    run stops."""
    crawl_deadline_seconds: int = Field(4 * 3600, ge=1)
    """Longest time that one table's crawl may take."""
    sandbox_seed: int = 7
    """Seed of the sandbox's made-up ecosystem."""
    sandbox_scale: float = Field(1.0, gt=0, le=200)
    """Size of the made-up ecosystem; 1 is 20,000 models."""
    schedule_cron: Annotated[str, _matching(_CRON, "must be five cron fields, such as 17 3 * * *")] = "17 3 * * *"
    """When the daily refresh starts, in UTC."""
    memory_limit: Annotated[str, _matching(_SIZE, "must be a size such as 4GB")] = "3GB"
    """DuckDB's memory limit for dbt; what only reads takes a third of it."""
    environment: Literal["laptop", "production"] = "laptop"
    """Whether schedule and alert sensors are on by themselves: in `production` they are, on a `laptop` somebody has to
    turn them on in the UI."""
    alert_webhook: SecretStr = SecretStr("")
    """Address that failed runs and warned checks are posted to as JSON, a secret; empty posts nothing."""
    report_space: RepoId = ""
    """Static Space `owner/name` that the report and the dbt docs are published to after the dataset; empty publishes
    none."""

    @field_validator("alert_webhook")
    @classmethod
    def _is_webhook(cls, value: SecretStr) -> SecretStr:
        address = value.get_secret_value()
        with suppress(ValueError):  # of a port that is no number
            parts = urlsplit(address)
            if not address or (parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0):
                return value
        raise ValueError("must be an address that begins with http:// or https://")

    @field_validator("refresh")
    @classmethod
    def _is_of_a_crawl(cls, value: str, others: ValidationInfo) -> str:
        if value == "incremental" and others.data.get("source") == "bulk":
            raise ValueError("goes with HUBSCAPE_SOURCE sandbox or api, a bulk dump has no changes that could be read")
        return value

    @field_validator("snapshot_date", mode="wrap")
    @classmethod
    def _is_no_future(cls, value: object, parse: Callable[[object], dt.date]) -> dt.date:
        if isinstance(value, str) and value and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise ValueError("must be a date written as YYYY-MM-DD")
        day = _today() if value == "" else parse(value)
        if day > _today():
            raise ValueError("must not be after today, UTC")
        return day

    @field_validator("endpoint")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname or "@" in value or parts.query):
            raise ValueError("must be an address such as https://huggingface.co, without user, password or query")
        return value.rstrip("/")

    @property
    def runs_by_itself(self) -> bool:
        """Whether schedule and sensors are on without anybody turning them on."""
        return self.environment == "production"

    @property
    def starts_sandbox(self) -> bool:
        """Whether a run has to start a sandbox Hub itself: source `sandbox` and none given on this machine."""
        return self.source == "sandbox" and not is_loopback(self.endpoint)

    @property
    def publish_to(self) -> str:
        """Repo to publish to, or nothing; a sandbox is published to unless the variable is set to nothing."""
        if self.source == "sandbox" and "publish_repo" not in self.model_fields_set:
            return SANDBOX_REPO
        return self.publish_repo

    @property
    def reading_memory_limit(self) -> str:
        """DuckDB's memory limit for what only reads, a third of dbt's: checks and release are no faster with more."""
        number, unit = re.fullmatch(_SIZE, self.memory_limit).groups()
        return f"{float(number) / 3:.3f}{unit}"

    @property
    def hub_endpoint(self) -> str:
        """Address of the Hub to read from and publish to; source `sandbox` only ever names this machine."""
        return self.endpoint or "https://huggingface.co"

    @property
    def hub_token(self) -> str | None:
        """Token to send; a real token is never sent to a sandbox that the run starts itself."""
        if self.starts_sandbox or (self.source == "sandbox" and self.token is None):
            return SANDBOX_TOKEN
        return (self.token and self.token.get_secret_value()) or None


def is_loopback(address: str) -> bool:
    """Whether an address names this machine."""
    host = urlsplit(address).hostname or ""
    with suppress(ValueError):  # of a name
        return host == "localhost" or ip_address(host).is_loopback
    return False


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, `overrides` first.

    Raises:
        SettingsError: a variable cannot be used; the text names each one and what it takes.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(" ".join(_sentence(problem) for problem in error.errors())) from None


def _sentence(problem: dict) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else "settings"
    variable = name if name.startswith("HF_") else f"HUBSCAPE_{name.upper()}"
    reason = problem["msg"].removeprefix("Value error, ")
    is_secret = "TOKEN" in variable or "WEBHOOK" in variable or "@" in str(problem.get("input"))
    shown = "" if is_secret else f" (is {str(problem.get('input'))[:60]!r})"
    return f"{variable} cannot be used{shown}: {reason}."
