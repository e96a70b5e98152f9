"""What stands in deploy/ says the same as the project, and each tool that reads it here understands it.

No Docker engine runs here: the image is not built. Its steps and the compose file are held against what they name.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
# PostgreSQL in place of the SQLite of one machine, and how long ticks are kept.
ONLY_THERE = {"storage", "instance_class", "retention"}
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def document(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def environment_names() -> set[str]:
    return set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "environment.example").read_text(), re.MULTILINE))


def test_the_instance_of_a_deployment_is_that_of_the_project_but_for_storage_and_retention():
    deployed, ours = document(DEPLOY / "dagster.yaml"), document(PROJECT / "dagster.yaml")

    assert {name: value for name, value in deployed.items() if name not in ONLY_THERE} == {
        name: value for name, value in ours.items() if name not in ONLY_THERE
    }


def test_no_file_holds_a_password_and_every_variable_has_an_example():
    database = document(DEPLOY / "dagster.yaml")["storage"]["postgres"]["postgres_db"]
    wanted = {value["env"] for value in database.values()}
    server = document(DEPLOY / "workspace.yaml")["load_from"][0]["grpc_server"]
    wanted |= {server["host"]["env"], server["port"]["env"]}

    assert all(list(value) == ["env"] for value in database.values())
    assert wanted <= environment_names()


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_is_one_that_systemd_reads_and_starts_a_program_of_the_project(unit):
    text = unit.read_text()
    command = shlex.split(re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)[1])
    for line in ("User=hubscape", "NoNewPrivileges=true", "ProtectSystem=strict", "ReadWritePaths=/var/lib/hubscape"):
        assert line in text.splitlines()
    assert (Path(sys.executable).parent / Path(command[0]).name).is_file()
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed: the unit was only read as text")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if unit.name in line and "is not executable" not in line]
    assert said == []


def test_three_units_and_three_services_start_the_same_programs():
    services = document(DEPLOY / "compose.yaml")["services"]
    composed = {name: services[name]["command"][0].rpartition("/")[2] for name in ("code", "web", "daemon")}
    started = {
        unit.stem.removeprefix("hubscape-"): shlex.split(re.search(r"ExecStart=(.*)", unit.read_text())[1])[0]
        for unit in UNITS
    }

    assert {name: path.rpartition("/")[2] for name, path in started.items()} == composed
    for service in services.values():
        assert service["healthcheck"]["test"] and service["env_file"] == "environment"
        for volume in service["volumes"]:
            assert volume.partition(":")[0] in document(DEPLOY / "compose.yaml")["volumes"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:3000:3000"], "one port, on this machine only"


def test_docker_reads_the_compose_file(tmp_path):
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed: the file was only read as YAML")
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    shutil.copy(DEPLOY / "environment.example", tmp_path / "deploy" / "environment")
    command = ["docker", "compose", "-f", str(tmp_path / "deploy" / "compose.yaml"), "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["services"]) == {"postgres", "code", "web", "daemon"}


def test_the_image_is_made_of_files_that_exist_and_runs_as_nobody_special():
    lines = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    for line in lines:
        if line.startswith("COPY "):
            *sources, _ = line.split()[1:]
            assert all((PROJECT / source).exists() for source in sources), line
    assert [line for line in lines if line.startswith("USER")] == ["USER hubscape"]
    install = next(line for line in lines if "requirements.lock" in line and line.startswith("RUN"))
    assert "--require-hashes" in install
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {"deploy/environment", ".git", ".venv"} <= set(ignored), "no secret and no history in the image"
