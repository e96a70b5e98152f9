"""`hubscape`: the command line. Each command reads its words, calls one function and prints what came of it.

Exit codes: 0 done; 1 a check refused or a source failed, with one plain sentence; 2 wrong use.
"""

import datetime as dt
import functools
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from orchestration.commands.run import quiet_libraries, run_refresh
from orchestration.ground.errors import HubscapeError
from orchestration.settings import SANDBOX_TOKEN, load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _root() -> None:
    """The observatory of the open-source AI ecosystem."""
    quiet_libraries()


@app.command()
def run() -> None:
    """Runs the job `refresh`: pull, transform, check, release and publish one snapshot."""
    from orchestration.commands.summary import print_summary
    from orchestration.definitions import build_definitions

    settings = load_settings()
    print_summary(settings, run_refresh(settings, build_definitions))


@app.command()
def backfill(
    first: Annotated[dt.datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, UTC.")],
    last: Annotated[dt.datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, UTC, included.")],
    raw_only: Annotated[
        bool, typer.Option("--raw-only", help="Fill the raw layer, and leave releases to later runs.")
    ] = False,
) -> None:
    """Fills days of the past from the history of a bulk dataset; needs HUBSCAPE_SOURCE=bulk."""
    from orchestration.commands import backfill as filling
    from orchestration.crawl.source import HubAccess
    from orchestration.definitions import build_definitions

    settings = load_settings()
    say = functools.partial(typer.echo, err=True)
    access = HubAccess(settings.hub_endpoint, settings.hub_token)
    run_day = None if raw_only else lambda of_day: run_refresh(of_day, build_definitions)
    done = filling.backfill(settings, access, first.date(), last.date(), run_day=run_day, say=say)
    filling.print_days(done, typer.echo)
    if done.failure:
        raise HubscapeError(done.failure)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 8964,
    data_dir: Annotated[Path, typer.Option(help="Folder that repos published to the sandbox are kept in.")] = Path(
        "data/sandbox"
    ),
    recorded: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of recorded Hub rows to serve.")
    ] = None,
    date: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the made-up ecosystem; default today, UTC.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the made-up ecosystem.")] = 7,
    scale: Annotated[float, typer.Option(min=0.001, max=200, help="Its size; 1 is 20,000 models.")] = 1.0,
    token: Annotated[str, typer.Option(help="The one token that may write.")] = SANDBOX_TOKEN,
    quota: Annotated[int, typer.Option(min=1, help="Requests allowed in each window of five minutes.")] = 100_000,
    while_stdin_is_open: Annotated[
        bool, typer.Option("--while-stdin-is-open", hidden=True, help="Stop when whoever started it is gone.")
    ] = False,
) -> None:
    """Serves a Hub on this machine: a made-up ecosystem, or recorded rows of the real one."""
    from orchestration.sandbox.ecosystem import synthetic_catalogue
    from orchestration.sandbox.recorded import recorded_catalogue
    from orchestration.sandbox.server import create_app, serve

    if while_stdin_is_open:
        threading.Thread(target=_stop_at_end_of_stdin, daemon=True).start()
    day = date.date() if date else dt.datetime.now(dt.UTC).date()
    try:
        catalogue = recorded_catalogue(recorded) if recorded else synthetic_catalogue(seed=seed, scale=scale, date=day)
        serve(create_app(catalogue, data_dir, token=token, quota=quota), port=port)
    except OSError as error:
        raise HubscapeError(f"The sandbox cannot use port {port} or folder {data_dir} ({error.strerror}).") from None


def _stop_at_end_of_stdin() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="A select over the tables of a release; with --list, one table.")] = "",
    repo: Annotated[str, typer.Option(help="Ask a published dataset, owner/name, instead of the local release.")] = "",
    at: Annotated[str, typer.Option(help="Tag such as snapshot-2026-11-25, branch or commit of it; main.")] = "",
    ask: Annotated[str, typer.Option(metavar="NAME", help="Answer one of the questions that --list shows.")] = "",
    form: Annotated[
        str | None, typer.Option("--format", help="table, csv, json or parquet; default by the file, else table.")
    ] = None,
    output: Annotated[Path | None, typer.Option(dir_okay=False, help="File to write the answer to.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Rows of a table that are shown, 0 for all; 50.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List tables and questions, or one table's columns.")] = False,
) -> None:
    """Answers SQL over the latest local release or a published one; alone it opens a prompt."""
    from orchestration.commands import query as asking

    try:
        words = asking.form_of(form, output)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    chosen = asking.find_question(ask) if ask else None
    if limit is not None and words != "table":
        raise typer.BadParameter("--limit goes with tables, any other format holds the whole answer")
    if chosen and (sql or listed):
        raise typer.BadParameter("--ask goes with neither SQL nor --list")
    settings = load_settings(**({"publish_repo": repo} if repo else {}))
    try:
        if repo or at:
            from orchestration.commands.published import published_release

            folder, package = published_release(settings, at or "main")
        else:
            folder, package = asking.latest_release(settings.data_dir)
        is_prompt = not (sql or chosen or listed) and sys.stdin.isatty()
        sql = chosen.sql if chosen else sql or ("" if listed or is_prompt else sys.stdin.read().strip())
        if listed and sql:
            asking.print_columns(package, sql)
        elif not sql and not is_prompt:
            asking.print_tables(folder, package)
        elif is_prompt and (form or output):
            raise typer.BadParameter("--format and --output go with SQL or --ask")
        else:
            shown = asking.ROWS_SHOWN if limit is None else limit
            with asking.open_release(folder, package, settings.data_dir, settings.reading_memory_limit) as release:
                if is_prompt:
                    from orchestration.commands.prompt import run_prompt

                    run_prompt(release, settings.data_dir / "query_history", shown)
                else:
                    release.write(sql, words, output, shown, chosen.when_empty if chosen else "")
    except KeyboardInterrupt:
        typer.echo("hubscape: interrupted", err=True)
        raise typer.Exit(130) from None


@app.command()
def docs(
    output: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder to write to; default `docs` in the data folder.")
    ] = None,
) -> None:
    """Writes the dbt docs and the lineage of columns as static pages."""
    from orchestration.commands.docs import write_docs

    settings = load_settings()
    pages = write_docs(settings, output or settings.data_dir / "docs")
    typer.echo("\n".join(map(str, pages)))
    if len(pages) == 1:
        typer.echo("No lineage of columns: it takes a run's warehouse and the development tools.", err=True)


@app.command()
def figures() -> None:
    """Prints numbers of the latest local release that can be checked by hand."""
    from orchestration.commands.figures import print_figures

    print_figures(load_settings().data_dir)


@app.command()
def restore(
    repo: Annotated[str, typer.Option(help="Published dataset, owner/name; default HUBSCAPE_PUBLISH_REPO.")] = "",
    at: Annotated[str, typer.Option(help="Branch, tag or commit of it.")] = "main",
) -> None:
    """Takes up the history of a published dataset on this machine, so that the next run goes on from it."""
    from orchestration.commands.restore import restore as restore_release

    settings = load_settings(**({"publish_repo": repo} if repo else {}))
    typer.echo(f"Fetching {settings.publish_to or 'nothing'} ...", err=True)
    package, commit = restore_release(settings, at)
    typer.echo(
        f"restored   {settings.publish_to} at {commit[:7]}: release of {package.snapshot_date}, "
        f"{sum(resource.rows for resource in package.resources):,} rows in {len(package.resources)} tables, verified"
    )


@app.command()
def doctor() -> None:
    """Looks at token, quota, clock, disk, versions and locks, and advises; it changes nothing."""
    from orchestration.commands.doctor import examine, print_findings

    findings = examine(load_settings())
    print_findings(findings)
    if wrong := [finding.about for finding in findings if finding.verdict == "problem"]:
        raise HubscapeError(f"Problems with: {', '.join(wrong)}.")


def main() -> None:
    """Entry point: turns known failures into one sentence on standard error and the right exit code."""
    code = 0
    try:
        app()
    except HubscapeError as error:
        typer.echo(f"hubscape: {error}", err=True)
        code = error.exit_code
    except SystemExit as end:  # how typer ends every command
        code = end.code if isinstance(end.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    # DuckDB's binding greets the end of the interpreter with a page about leaked types once Great Expectations is
    # loaded. Everything of ours has been said by now, so nobody misses what is said after this.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stderr__.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
