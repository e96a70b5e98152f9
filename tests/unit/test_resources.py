"""The resources of a run: what passes while a sandbox starts passes in the thread that Dagster's storage is used in."""

import threading

import dagster as dg

from orchestration import resources
from orchestration.settings import load_settings


def test_great_expectations_is_imported_in_no_thread_beside_dagster(tmp_path, monkeypatch):
    """Importing it brings SQLAlchemy's ORM, and whoever uses SQLAlchemy in the midst of that fails, now and then."""
    threads = []
    monkeypatch.setattr(resources, "load_library", lambda: threads.append(threading.current_thread()))
    settings = load_settings(data_dir=tmp_path, source="sandbox", sandbox_scale=0.02)
    assert settings.starts_sandbox

    with dg.build_resources({"settings": settings, "hub": resources.hub_resource}) as built:
        assert built.hub.session(settings).identify()
    assert threads == [threading.main_thread()]
