"""How fast are lineage edges, their closure and the derivative counts of every model?

Ours is the project's own compiled SQL, from the models in the warehouse to the closure, and the counts over it. Peers
are polars and pandas with networkx, from the raw Parquet. Equal: number of edges and pairs, and for every parent its
direct, transitive and fractional counts.
"""

import argparse
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.bench import DAY, Bench, Finding, Verdict, stopwatch
from benchmarks.dbt_build import WAREHOUSE, built
from benchmarks.measure import Program, python, say

RELATIONS = ("finetune", "adapter", "quantized", "merge")


def measure(bench: Bench) -> Finding:
    """Measures the three in turn."""
    data = built(bench)
    raw = data / "raw" / "models" / f"snapshot_date={DAY}"
    ours, polars, pandas = bench.compare(
        [
            Program("hubscape's SQL in DuckDB", python("benchmarks.lineage", "ours", str(data))),
            Program("polars", python("benchmarks.lineage", "polars", str(raw)), {"POLARS_MAX_THREADS": "2"}),
            Program("pandas with networkx", python("benchmarks.lineage", "pandas", str(raw)), most_runs=1),
        ]
    )
    marts = ours.said["seconds_by_model"]
    return Finding(
        "lineage: edges, closure, derivative counts",
        [ours, polars, pandas],
        [
            Verdict("work seconds", ours.median_work_seconds, 8, "s"),
            Verdict("pandas with networkx / ours", pandas.median_work_seconds / ours.median_work_seconds, 5, "x", True),
            Verdict("polars / ours", polars.median_work_seconds / ours.median_work_seconds, 1.2, "x", True),
        ],
        [
            f"{ours.said['edges']:,} edges, {ours.said['pairs']:,} pairs. Ours in the last run: "
            + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in marts.items())
            + ". Ratios are of work seconds."
        ],
    )


def _tell(
    edges: int, pairs: int, counts: Iterable[tuple[str, int, int, float]], seconds: float, **more: object
) -> None:
    lines = sorted(f"{id}|{direct}|{transitive}|{share:.6f}" for id, direct, transitive, share in counts)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    answer = {"edges": edges, "pairs": pairs, "parents": len(lines), "counts": digest}
    say(answer=answer, rows=edges, work_seconds=seconds, edges=edges, pairs=pairs, **more)


def _ours(data: Path) -> None:
    import duckdb

    nodes = json.loads((data / "dbt" / "manifest.json").read_text())["nodes"]
    done = [r["unique_id"] for r in json.loads((data / "dbt" / "run_results.json").read_text())["results"]]
    # Of what the closure is made of, what is about parents: the models and their former names are there already.
    closure = next(key for key, node in nodes.items() if node["name"] == "int_lineage_closure")
    upstream = _upstream(nodes, closure)
    remade = [key for key in done if key in upstream and re.search("lineage|parent", nodes[key]["name"])]
    spent: dict[str, float] = {}
    config = {"threads": 2, "memory_limit": "4GB"}
    with duckdb.connect(config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{data / WAREHOUSE}' as warehouse (read_only)")
        for key in remade:
            sql, node = nodes[key]["compiled_code"], nodes[key]
            for other in remade:
                sql = sql.replace(nodes[other]["relation_name"], f"memory.main.{nodes[other]['name']}")
            with stopwatch() as step:
                kind = "view" if node["config"]["materialized"] == "view" else "table"
                connection.execute(f"create {kind} memory.main.{node['name']} as {sql}")
            spent[node["name"]] = step[0]
        with stopwatch() as step:
            connection.execute("""
                create table counts as
                with edges as (select distinct parent_id, child_id, relation from int_lineage_edges where is_counted),
                weighted as (select *, 1.0::double / count(*) over (partition by child_id) as weight from edges),
                direct as (
                    select parent_id, count(distinct child_id) as direct, sum(weight) as fractional
                    from weighted group by parent_id
                ),
                transitive as (select ancestor_id, count(*) as transitive from int_lineage_closure group by ancestor_id)
                select parent_id, direct, transitive, fractional
                from direct inner join transitive on parent_id = ancestor_id
            """)
        spent["counts"] = step[0]
        # Outside the watch: what is counted is told by ids, for the peers know no others.
        counts = connection.execute(
            "select repo_id, direct, transitive, fractional from counts inner join warehouse.main.int_models"
            " on parent_id = model_id"
        ).fetchall()
        edges, pairs = connection.execute(
            "select (select count(distinct (parent_id, child_id, relation)) from int_lineage_edges where is_counted),"
            " (select count(*) from int_lineage_closure)"
        ).fetchone()
    _tell(edges, pairs, counts, sum(spent.values()), seconds_by_model=spent)


def _upstream(nodes: dict, key: str) -> set[str]:
    found, waiting = set(), [key]
    while waiting:
        key = waiting.pop()
        if key in nodes and key not in found:
            found.add(key)
            waiting += nodes[key]["depends_on"].get("nodes", [])
    return found


def _polars(raw: Path) -> None:
    import polars as pl

    with stopwatch() as seconds:
        models = pl.read_parquet(
            f"{raw}/*.parquet", columns=["_id", "id", "tags", "baseModels"], hive_partitioning=False
        ).with_row_index("n")
        by_key = models.select(key="_id", parent="n")
        by_name = models.select(name=pl.col("id").str.to_lowercase(), parent="n")
        hub = (
            models.lazy()
            .filter(pl.col("baseModels").is_not_null())
            .select("n", pl.col("baseModels").struct.field("relation"), pl.col("baseModels").struct.field("models"))
            .explode("models")
            .select("n", "relation", key=pl.col("models").struct.field("_id"))
            .join(by_key.lazy(), on="key")
            .select("n", "relation", "parent")
        )
        named = (
            models.lazy()
            .filter(pl.col("baseModels").is_null())
            .select("n", "tags")
            .explode("tags")
            .filter(pl.col("tags").str.starts_with("base_model:"))
            .with_columns(rest=pl.col("tags").str.strip_prefix("base_model:"))
            .with_columns(relation=pl.col("rest").str.split_exact(":", 1).struct.field("field_0"))
            .filter(pl.col("relation").is_in(RELATIONS) & pl.col("rest").str.contains(":", literal=True))
            .with_columns(name=pl.col("rest").str.slice(pl.col("relation").str.len_chars() + 1).str.to_lowercase())
            .join(by_name.lazy(), on="name")
            .select("n", "relation", "parent")
        )
        edges = (
            pl.concat([hub, named])
            .filter((pl.col("n") != pl.col("parent")) & pl.col("relation").is_in(RELATIONS))
            .unique()
            .collect()
        )
        steps = edges.select("parent", "n").unique()
        known = frontier = steps.select(a="parent", d="n")
        while frontier.height:
            frontier = (
                frontier.join(steps, left_on="d", right_on="parent")
                .select("a", d="n")
                .filter(pl.col("a") != pl.col("d"))
                .unique()
                .join(known, on=["a", "d"], how="anti")
            )
            known = pl.concat([known, frontier])
        direct = (
            edges.with_columns(weight=1.0 / pl.len().over("n"))
            .group_by("parent")
            .agg(direct=pl.col("n").n_unique(), fractional=pl.col("weight").sum())
        )
        counts = direct.join(known.group_by("a").agg(transitive=pl.len()), left_on="parent", right_on="a")
    told = counts.join(models.select("n", "id"), left_on="parent", right_on="n")
    rows = told.select("id", "direct", "transitive", "fractional").iter_rows()
    _tell(edges.height, known.height, rows, seconds[0])


def _pandas(raw: Path) -> None:
    import networkx as nx
    import pandas as pd

    with stopwatch() as seconds:
        columns = ["_id", "id", "tags", "baseModels"]
        models = pd.concat(
            [pd.read_parquet(p, columns=columns) for p in sorted(raw.glob("*.parquet"))], ignore_index=True
        )
        has_hub = models["baseModels"].notna()
        hub = models.loc[has_hub, ["baseModels"]]
        hub = pd.DataFrame({
            "n": hub.index,
            "relation": [value["relation"] for value in hub["baseModels"]],
            "key": [[parent["_id"] for parent in value["models"]] for value in hub["baseModels"]],
        }).explode("key")  # fmt: skip
        hub = hub.merge(pd.DataFrame({"key": models["_id"], "parent": models.index}), on="key")
        named = models.loc[~has_hub, "tags"].explode().dropna()
        named = named[named.str.startswith("base_model:")].str.removeprefix("base_model:")
        named = pd.DataFrame({"n": named.index, "rest": named.to_numpy()})
        named[["relation", "name"]] = named["rest"].str.split(":", n=1, expand=True).reindex(columns=[0, 1]).to_numpy()
        named = named[named["relation"].isin(RELATIONS) & named["name"].notna()]
        named["name"] = named["name"].str.lower()
        named = named.merge(pd.DataFrame({"name": models["id"].str.lower(), "parent": models.index}), on="name")
        edges = pd.concat([hub[["n", "relation", "parent"]], named[["n", "relation", "parent"]]])
        edges = edges[(edges["n"] != edges["parent"]) & edges["relation"].isin(RELATIONS)].drop_duplicates()
        edges["weight"] = 1.0 / edges.groupby("n")["n"].transform("size")
        graph = nx.DiGraph()
        graph.add_edges_from(zip(edges["parent"].tolist(), edges["n"].tolist(), strict=True))
        counts = edges.groupby("parent").agg(direct=("n", "nunique"), fractional=("weight", "sum"))
        counts["transitive"] = [len(nx.descendants(graph, parent)) for parent in counts.index]
    ids = models["id"].loc[counts.index]
    rows = zip(ids, counts["direct"], counts["transitive"], counts["fractional"], strict=True)
    _tell(len(edges), int(counts["transitive"].sum()), rows, seconds[0])


def main() -> None:
    """Runs one program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("program", choices=["ours", "polars", "pandas"])
    parser.add_argument("path", type=Path)
    given = parser.parse_args()
    {"ours": _ours, "polars": _polars, "pandas": _pandas}[given.program](given.path)


if __name__ == "__main__":
    main()
