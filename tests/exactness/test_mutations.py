"""Wrong edits of the SQL, one at a time: each makes some published table differ from the recomputed one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.exactness.comparison import differences
from tests.exactness.ecosystems import ecosystem
from tests.exactness.seeds import small_seeds
from tests.exactness.warehouse import Project, Warehouse
from tests.independent.observatory import Observatory
from tests.independent.registry import Row
from tests.independent.rows import Snapshot

# Ecosystems in which the edits show, the one that shows the most of them first.
NUMBERS = (14, 35, 17)


@dataclass(frozen=True)
class Edit:
    """A passage of a model's SQL that is there once, what takes its place, and the table that has to tell."""

    model: str
    old: str
    new: str
    table: str

    def __str__(self) -> str:
        return f"{self.model}: {self.old} -> {self.new}"


EDITS = (
    Edit(
        "int_lineage_edges",
        "when resolved.parent_id = resolved.child_id then 'self_loop'",
        "when resolved.parent_id = resolved.child_id then 'resolved'",
        "fct_lineage_edges",
    ),
    Edit("int_lineage_edges", "order by\n                case", "order by\n                -case", "fct_lineage_edges"),
    Edit("int_lineage_roots", "(partition by descendant_id)", "(partition by root_id)", "fct_lineage_roots"),
    Edit(
        "int_derivative_counts",
        "sum(case when (relation_bit & 31) <> 0 then weight end) as fractional_all",
        "count(case when (relation_bit & 31) <> 0 then weight end) as fractional_all",
        "fct_derivative_counts",
    ),
    Edit(
        "int_derivative_counts",
        "count(case when (external_bits & 31) <> 0 then 1 end) as direct_external_all",
        "count(case when (relation_bits & 31) <> 0 then 1 end) as direct_external_all",
        "fct_derivative_counts",
    ),
    Edit(
        "int_derivative_counts",
        "group by roster_parents.roster_id, derived_models.descendant_id",
        "group by roster_parents.roster_id, derived_models.descendant_id, roster_parents.parent_id",
        "fct_derivative_counts",
    ),
    Edit(
        "fct_download_concentration",
        "ceil(all_repos_count * 15",
        "floor(all_repos_count * 15",
        "fct_download_concentration",
    ),
    Edit("fct_download_concentration", "- repos_count + 1))", "- repos_count))", "fct_download_concentration"),
    Edit(
        "fct_model_adoption", "age_days >= 7 and age_days < 8", "age_days >= 7 and age_days < 9", "fct_model_adoption"
    ),
    Edit("fct_relative_adoption", "when turn = 10 then", "when turn = 9 then", "fct_relative_adoption"),
    Edit("fct_country_snapshots", "< 365", "<= 365", "fct_country_snapshots"),
    Edit(
        "fct_country_snapshots",
        "coalesce(lineage_roots.share, 1) as share,",
        "cast(1 as double) as share,",
        "fct_country_snapshots",
    ),
    Edit("fct_top_ten_entries", "subject_rank > 1, true)", "subject_rank > 1, false)", "fct_top_ten_entries"),
    Edit("int_largest_models", "* 101 ", "* 100 ", "fct_milestones"),
    Edit("int_largest_models", "where copies.model_id is null", "", "fct_milestones"),
    Edit("int_largest_models", "where status <> 'self_loop'", "where is_counted", "fct_milestones"),
    Edit(
        "int_model_sizes",
        "is_adapter or is_quantized or coalesce(has_packed_weights, false) as",
        "is_adapter or coalesce(has_packed_weights, false) as",
        "dim_repos",
    ),
    Edit("int_model_sizes", "not coalesce(has_packed_weights, is_quantized)", "not is_quantized", "dim_repos"),
    Edit("int_model_sizes", "order by closure.min_depth asc,", "order by", "dim_repos"),
    Edit("int_repos", "desc, tags_of_several.tag asc", "asc, tags_of_several.tag asc", "dim_repos"),
    Edit(
        "int_comparison_checks",
        "when repos.last_modified_at = repos_before.last_modified_at then repos.stored_parameters_count",
        "when true then repos.stored_parameters_count",
        "rpt_data_quality",
    ),
    Edit(
        "int_lineage_edges",
        "when by_name.created_at > children.created_at and",
        "when by_name.created_at < children.created_at and",
        "fct_lineage_edges",
    ),
    Edit(
        "int_named_repos",
        "else coalesce(bearers.repo_id, former_bearers.repo_id)",
        "else bearers.repo_id",
        "fct_ecosystem_links",
    ),
    Edit(
        "int_named_repos",
        "then coalesce(former_bearers.repo_id, bearers.repo_id)",
        "then coalesce(bearers.repo_id, former_bearers.repo_id)",
        "fct_ecosystem_links",
    ),
    Edit("int_former_ids", "order by snapshot_date desc nulls last", "order by snapshot_date asc", "fct_lineage_edges"),
    Edit("int_family_tagged_models", "having count(distinct family) = 1", "", "fct_derivative_counts"),
    Edit("int_family_tagged_models", "split_part(lower(repo_id), '/', -1)", "lower(repo_id)", "fct_derivative_counts"),
    Edit("int_family_tagged_models", "and told.place = best.place", "", "fct_derivative_counts"),
    Edit("int_tags", "or tag not like '%:%'", "or true", "fct_derivative_counts"),
    Edit("int_nth_derivatives", "threshold in (100,", "threshold in (99,", "fct_milestones"),
    Edit(
        "int_registry_periods",
        "coalesce(next_valid_from, date '9999-12-31')",
        "coalesce(valid_to, date '9999-12-31')",
        "fct_organization_releases_monthly",
    ),
    Edit(
        "fct_milestone_windows",
        "/ nullif(measured.number_before, 0)",
        "/ nullif(measured.number_after, 0)",
        "fct_milestone_windows",
    ),
    Edit(
        "fct_milestone_windows",
        "milestones.date_precision = 'day'\n            and (milestones.event_date",
        "(milestones.event_date",
        "fct_milestone_windows",
    ),
    Edit(
        "int_renames",
        "repos.repo_id <> repos_before.repo_id",
        "lower(repos.repo_id) <> lower(repos_before.repo_id)",
        "fct_renames",
    ),
    Edit("int_claim_subjects", "select alias as name", "select company as name", "rpt_claims"),
    Edit("rpt_registry_gaps", "papers_count > 0 and", "papers_count > 1 and", "rpt_registry_gaps"),
    Edit("dim_organizations", "on handles.company = company_aliases.company", "on false", "dim_organizations"),
    Edit("rpt_chain_coverage", "max(company) as company", "max(organization) as company", "rpt_chain_coverage"),
    Edit("rpt_claims", "and context_value = 0", "", "rpt_claims"),
    Edit("int_claims", "coalesce(dated.tolerance, 0) as tolerance", "0.1 as tolerance", "rpt_claims"),
    Edit("rpt_claims", "when never_reason is not null then 'cannot_be_covered'", "", "rpt_claims"),
    Edit("int_claim_organization_measures", "= 'base_model'", "= 'headquarters'", "rpt_claims"),
    Edit("int_claim_repo_measures", "'downloads_all_time'", "'downloads_30d'", "rpt_claims"),
)


def built(project: Project, snapshots: list[Snapshot]) -> dict[str, list[Row]]:
    """The published tables after the last of the snapshots."""
    with TemporaryDirectory() as folder:
        warehouse = Warehouse(project, Path(folder), small_seeds())
        for snapshot in snapshots:
            tables = warehouse.build(snapshot)
    return tables


@dataclass(frozen=True)
class Unedited:
    """What comes out for an ecosystem as the SQL is, and what is recomputed."""

    snapshots: list[Snapshot]
    published: dict[str, list[Row]]
    observatory: Observatory


@pytest.fixture(scope="module")
def unedited(project: Project) -> list[Unedited]:
    return [_unedited(project, ecosystem(number)[:2]) for number in NUMBERS]


def _unedited(project: Project, snapshots: list[Snapshot]) -> Unedited:
    observatories: list[Observatory] = []
    for snapshot in snapshots:
        observatories.append(Observatory(snapshot, small_seeds(), observatories[:]))
    return Unedited(snapshots, built(project, snapshots), observatories[-1])


def caught(edited: Project, unedited: list[Unedited], table: str) -> Iterator[str]:
    """Differences that the edit makes in the table, an ecosystem after the other."""
    for other in unedited:
        published = built(edited, other.snapshots)[table]
        before = differences(table, other.published[table], other.observatory.table(table))
        after = differences(table, published, other.observatory.table(table))
        yield from (line for line in after if line not in before)


@pytest.mark.slow
@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_a_wrong_edit_is_caught(project: Project, unedited: list[Unedited], edit: Edit) -> None:
    edited = project.edited(edit.model, edit.old, edit.new)
    assert next(caught(edited, unedited, edit.table), None), f"{edit.table} does not tell that {edit}"


def test_an_edit_has_to_meet_one_passage(project: Project) -> None:
    with pytest.raises(ValueError, match="has 0 times"):
        project.edited("int_lineage_roots", "no such passage", "")
