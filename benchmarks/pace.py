"""What does an incremental day cost against the full refresh at the pace that the Hub allows?

As `refresh` and `incremental`, against a Hub that answers as many requests in its windows as the real one does with a
PRO token, of which the client leaves a fifth to others; a free one has less than half of them, and waits longer. Once
each: most of it is waiting. No peer.
"""

from benchmarks.bench import Bench, Finding, Verdict
from benchmarks.incremental import CHANGED_SHARE, incremental_days
from benchmarks.refresh import refresh

QUOTA = 2_500  # requests in 300 s, as the Hub allows a PRO token


def measure(bench: Bench) -> Finding:
    """Measures both; the day starts where the refresh that was measured without a quota has left off."""
    full = refresh(bench, "hubscape run", runs=1, quota=QUOTA)
    day = incremental_days(bench, f"hubscape run, incremental, {CHANGED_SHARE:.0%} changed", runs=1, quota=QUOTA)
    return Finding(
        "pace: the same at the pace that the Hub allows",
        [full, day],
        [Verdict("an incremental day / the full refresh", day.median_seconds / full.median_seconds, 0.3, "x")],
        [f"The Hub answered {QUOTA:,} requests in 300 s, and the client leaves a fifth of them."],
    )
