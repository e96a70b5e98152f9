"""What became of one expectation, as plain data that is safe to show anywhere.

How an outcome is reached belongs to the runner; how it is shown belongs to whoever carries it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from orchestration.ground.text import inert

Layer = Literal["raw", "marts", "release"]
Severity = Literal["error", "warn"]

MAX_SAMPLES = 5


@dataclass(frozen=True)
class Outcome:
    """One expectation on one table: grain (layer, table, expectation, column).

    `rows_tested` are the rows of the table, `rows_failing` those that broke a rule that fails (0 where it holds or is
    about the table as a whole), `sample_keys` the lowest keys among them, five at most.
    """

    layer: Layer
    table: str
    expectation: str
    column: str | None
    severity: Severity
    success: bool
    rows_tested: int
    rows_failing: int
    threshold: str
    observed: str
    sample_keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Make everything that came from data inert, so that no reader of an outcome has to."""
        object.__setattr__(self, "observed", inert(self.observed, 300))
        object.__setattr__(self, "sample_keys", tuple(inert(key) for key in self.sample_keys[:MAX_SAMPLES]))

    @property
    def check(self) -> str:
        """What the expectation is called within its table."""
        return f"{self.expectation}:{self.column}" if self.column else self.expectation

    @property
    def verdict(self) -> str:
        """One word: passed, failed (of severity error) or warned."""
        return "passed" if self.success else "failed" if self.severity == "error" else "warned"

    @property
    def summary(self) -> str:
        """One sentence: where, what was wanted, what was found."""
        where = f"{self.layer} table {self.table}" + (f", column {self.column}" if self.column else "")
        verdict = {"passed": "holds", "failed": "fails", "warned": "fails as a warning"}[self.verdict]
        examples = f", for example {', '.join(self.sample_keys)}" if self.sample_keys else ""
        return (
            f"{where[0].upper()}{where[1:]}: {self.expectation} {verdict}, wanted {self.threshold}, "
            f"found {self.observed}{examples}."
        )


def refusals(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes that stop a run: failed and of severity error."""
    return [outcome for outcome in outcomes if outcome.verdict == "failed"]
