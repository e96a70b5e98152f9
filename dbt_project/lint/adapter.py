"""dbt's `adapter`, as far as sqlfluff needs it to render the models without dbt: the macros in DuckDB's form."""

from collections.abc import Callable

from jinja2 import pass_context
from jinja2.runtime import Context


@pass_context
def dispatch(context: Context, name: str) -> Callable[..., str]:
    """The macro `duckdb__<name>`."""
    return context.resolve(f"duckdb__{name}")
