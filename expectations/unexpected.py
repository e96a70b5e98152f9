"""The expectation that a query finds no row, as Great Expectations has it but asked once.

Its own class counts the rows of a query and then fetches them, which runs each query of a gate twice. Imports Great
Expectations, so it is imported by the functions that ask it, and by them alone.
"""

from typing import Any, ClassVar

from great_expectations.execution_engine import ExecutionEngine
from great_expectations.expectations import UnexpectedRowsExpectation

_ROWS = "unexpected_rows_query.table"


class NoUnexpectedRows(UnexpectedRowsExpectation):
    """Holds where `unexpected_rows_query`, which gives few rows at most, gives none; its result has the rows."""

    metric_dependencies: ClassVar[tuple[str, ...]] = (_ROWS,)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        rows = metrics[_ROWS]
        return {"success": not rows, "result": {"observed_value": len(rows), "details": {"unexpected_rows": rows}}}
