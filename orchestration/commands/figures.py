"""Numbers of the latest local release that a person can check by hand: the questions that are marked as figures."""

from pathlib import Path

from orchestration.commands.query import connect, draw, latest_release, plain_console
from orchestration.ground.files import scratch_folder
from orchestration.release.datapackage import DataPackage
from orchestration.release.questions import Answer, ask, read_questions
from orchestration.site.charts import cell_text


def figures(folder: Path, package: DataPackage, scratch: Path | None = None) -> list[Answer]:
    """What a release answers to all questions with a place among the figures, in their order."""
    asked = sorted((q for q in read_questions().values() if q.figure), key=lambda q: q.figure)
    with connect(folder, package, scratch=scratch) as release:
        return [ask(release, question) for question in asked]


def print_figures(data_dir: Path) -> None:
    """Prints all figures of the latest local release, as wide as they need where they go to a file.

    Raises:
        HubscapeError: there is no release.
    """
    folder, package = latest_release(data_dir)
    console = plain_console()
    if package.synthetic:
        console.print(f"SYNTHETIC: a sandbox made up the numbers of {', '.join(package.synthetic)}.")
    if package.sample:
        console.print(f"SAMPLE: not the whole Hub, of {', '.join(package.sample)}.")
    with scratch_folder(data_dir, "figures-") as scratch:
        answers = figures(folder, package, scratch)
    for answer in answers:
        console.print(f"\n{answer.question.title}, snapshot {package.snapshot_date}")
        if answer.rows and answer.question.note:
            console.print(answer.question.note)
        console.print(draw(answer.columns, answer.rows, cell_text) if answer.rows else answer.question.when_empty)
    console.print(f"\n{folder}; definitions in docs/definitions.md, columns in docs/data_dictionary.md")
