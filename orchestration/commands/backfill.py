"""`hubscape backfill`: days of the past become releases, oldest first, each as a run of that day alone makes it."""

import datetime as dt
from collections.abc import Callable

from orchestration.checks.gates import GATE, is_refused, require_publishable
from orchestration.commands.run import only_run
from orchestration.crawl.dump import held_manifests
from orchestration.crawl.past_days import Backfill, fill_raw, spans
from orchestration.crawl.source import HubAccess, Say
from orchestration.ground.errors import HubscapeError
from orchestration.release.build import release_days
from orchestration.settings import Settings

RunDay = Callable[[Settings], object]


def backfill(
    settings: Settings, access: HubAccess, first: dt.date, last: dt.date, *, run_day: RunDay | None, say: Say
) -> Backfill:
    """Brings every day of a range that the source has into the lake, oldest first, and makes its release.

    What stands is kept, so that a run after an interruption goes on where that one stopped. A day is made as a run of
    that day alone makes it; days that are refused are left out and told of. Only the last day is published, and only if
    no later release lies here. `settings` are those of every day but for its date and whether it is published;
    `run_day` makes the release of the day of its settings, or raises HubscapeError; None leaves days raw.

    Raises:
        HubscapeError: the source, the disk or a run failed; the days before it stand.
        SettingsError: as `fill_raw`.
    """
    with only_run(settings.data_dir):
        done = fill_raw(settings, access, GATE, first, last, say=say)
    if run_day is None:
        return done
    days = [day for day in done.filled if day not in done.refused]
    newest = max(release_days(settings.data_dir), default=dt.date.min)
    for number, day in enumerate(days, 1):
        is_published = bool(settings.publish_to) and day == days[-1] and day >= newest
        of_day = settings.model_copy(update={"snapshot_date": day} | ({} if is_published else {"publish_repo": ""}))
        if not is_published and stands(of_day):
            say(f"{day}  release kept ({number} of {len(days)} days)")
            done.released.append(day)
            continue
        try:
            run_day(of_day)
        except HubscapeError as error:
            if not any(is_refused(of_day, table) for table in held_manifests(of_day)):
                stopped = f"The backfill stopped at {day}, {number - 1} of {len(days)} days done"
                raise HubscapeError(f"{stopped}: {error}") from None
            done.refused[day] = str(error)
            say(f"{day}  refused: {error}")
            continue
        done.released.append(day)
        done.published = day if is_published else None
        say(f"{day}  release made{' and published' if is_published else ''} ({number} of {len(days)} days)")
    return done


def stands(settings: Settings) -> bool:
    """Whether the settings' day has a release of the lake's present snapshot, whose bytes and checks are all good."""
    try:
        require_publishable(settings)
    except HubscapeError:
        return False
    return True


def print_days(done: Backfill, say: Say) -> None:
    """Says what became of the days, gaps and refusals last."""
    say(f"raw        {len(done.filled)} days in the lake" + (f": {spans(list(done.filled))}" if done.filled else ""))
    if done.released:
        say(f"releases   {len(done.released)} stand" + (f", {done.published} is published" if done.published else ""))
    say(f"gaps       {spans(done.gaps) or 'none'}" + (", never filled from other days" if done.gaps else ""))
    for day, why in done.refused.items():
        say(f"refused    {day}: {why}")
