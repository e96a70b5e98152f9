"""What a sandbox Hub serves: one catalogue, whether it was made up or recorded.

Only the shape lives here. `ecosystem` makes one up, `recorded` reads one, and the server answers from it.
"""

from dataclasses import dataclass


@dataclass
class Catalogue:
    """Everything the Hub holds on one day, as the JSON objects its API answers with. Mutable: tests change rows."""

    label: str  # value of the X-Hubscape-Sandbox header
    synthetic: bool  # whether the repositories and papers are made up
    models: list[dict]
    datasets: list[dict]
    spaces: list[dict]
    organizations: dict[str, dict]  # lower-case handle -> overview; a handle that is not here is answered 404
    organizations_synthetic: bool  # the overviews may be made up next to recorded rows
    papers: dict[str, list[dict]]  # "YYYY-MM-DD" -> items of that daily page; a day that is not here is an empty page
    renames: dict[tuple[str, str], str]  # ("models" | "datasets" | "spaces", old id) -> new id
