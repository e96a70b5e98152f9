"""What assets are handed at run time: the settings of the run, a Hub to talk to, and the dbt project.

None takes anything from a run's configuration: what the owner of the machine has set is not overridden by whoever
launches a run.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import dagster as dg

from expectations.runner import load_library
from orchestration.crawl.source import HubAccess, needs_hub, open_hub
from orchestration.dbt import parse
from orchestration.hub.session import HubSession, Limits
from orchestration.settings import Settings, load_settings

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

# What the functions of assets and checks call them.
Hub, OfRun = dg.ResourceParam[HubAccess], dg.ResourceParam[Settings]
# DuckDB takes one writing process. dagster.yaml gives every pool a limit of one.
WAREHOUSE_POOL = "warehouse"
# Two threads that import the same modules, each from another end, find them half made.
_IMPORTING = threading.Lock()


def settings_resource(given: Settings | None) -> dg.ResourceDefinition:
    """The settings of a run: those given, else the environment's, read once, so that a run that passes midnight keeps
    its snapshot date."""
    return dg.ResourceDefinition(lambda _: given or load_settings(), config_schema={})


@dg.resource(required_resource_keys={"settings"}, config_schema={})
def hub_resource(context: dg.InitResourceContext) -> Iterator[HubAccess]:
    """The Hub of the run's settings; a sandbox that is started for the run ends with it."""
    settings: Settings = context.resources.settings
    # In this thread: Dagster's storage fails where it meets SQLAlchemy's ORM, which this imports, half imported.
    with open_hub(settings, meanwhile=lambda: _alone(load_library)) as hub:
        if not settings.starts_sandbox and needs_hub(settings):
            # Asked before anything else, so that a Hub that is down or refuses the token fails the run at once.
            HubSession(hub.endpoint, hub.token, limits=Limits(max_retries=2)).identify()
        yield hub


@dg.resource(required_resource_keys={"settings"}, config_schema={})
def dbt_resource(context: dg.InitResourceContext) -> Iterator["Future[Manifest]"]:
    """The dbt project as `parse` returns it, for one build; those seconds, too, pass while the Hub answers."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit(_alone, parse, context.resources.settings.data_dir / "dbt")


def _alone(work: Callable[..., Any], *given: Any) -> Any:
    with _IMPORTING:
        return work(*given)
