"""Papers on the daily pages, and what accounts are linked to each month."""

import calendar
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from tests.independent.numbers import dense_ranks, total
from tests.independent.registry import Registry, Row
from tests.independent.rows import REPO_TABLES, instant, is_handle, one_line, tagged


def linked_handle(organization: Row | None) -> str | None:
    name = (organization or {}).get("name")
    return name if name and is_handle(name) else None


def paper_rows(kept: Mapping[str, Mapping[Any, Row]], registry: Registry) -> dict[str, Row]:
    """Rows of fct_papers by id; of a paper on several pages the row with the most upvotes, then of the last page."""
    listings: dict[str, list[Row]] = defaultdict(list)
    for row in kept["daily_papers"].values():
        listings[row["paper"]["id"]].append(row)
    carried = {table: Counter[str]() for table in REPO_TABLES}
    for table, counter in carried.items():
        for row in kept[table].values():
            counter.update(tagged(row, "arxiv:"))
    papers = {}
    for paper_id, rows in listings.items():
        rows.sort(key=lambda row: (_known(row["paper"].get("upvotes")), row["date"]))
        paper, shown = rows[-1]["paper"], rows[-1]
        inner, outer = linked_handle(paper.get("organization")), linked_handle(shown.get("organization"))
        account = registry.account(inner or outer) if inner or outer else None
        papers[paper_id] = {
            "paper_id": paper_id,
            "title": one_line(paper.get("title") if paper.get("title") is not None else shown.get("title")),
            "published_at": instant(paper.get("publishedAt")),
            "submitted_on_daily_at": instant(paper.get("submittedOnDailyAt")),
            "first_daily_date": min(date.fromisoformat(row["date"]) for row in rows),
            "daily_page_count": len(rows),
            "upvotes": paper.get("upvotes"),
            "comments_count": shown.get("numComments"),
            "authors_count": None if paper.get("authors") is None else len(paper["authors"]),
            "handle": account and account.handle,
            "organization_link": "inner" if inner else "outer" if outer else None,
            "organization": account and account.organization,
            "company": account and account.company,
            "country": account and account.country,
            **{f"{table}_count": counter[paper_id] for table, counter in carried.items()},
        }
    return papers


def _known(value: int | None) -> tuple[bool, int]:
    return value is not None, value or 0


def monthly_rows(papers: Mapping[str, Row], day: date) -> list[Row]:
    """Rows of fct_organization_papers_monthly of the snapshot of `day`."""
    linked: dict[tuple[date, str], list[Row]] = defaultdict(list)
    months: dict[date, list[Row]] = defaultdict(list)
    for paper in papers.values():
        month = paper["first_daily_date"].replace(day=1)
        months[month].append(paper)
        if paper["handle"] is not None:
            linked[month, paper["handle"]].append(paper)
    first = min((paper["first_daily_date"] for paper in papers.values()), default=date.max)
    rows = []
    for month, of_month in months.items():
        last = month.replace(day=calendar.monthrange(month.year, month.month)[1])
        unlinked = sum(paper["handle"] is None for paper in of_month) / len(of_month)
        accounts = {handle: own for (when, handle), own in linked.items() if when == month}
        upvotes = {handle: total(paper["upvotes"] for paper in own) for handle, own in accounts.items()}
        papers_ranks = dense_ranks({handle: len(own) for handle, own in accounts.items()})
        upvotes_ranks = dense_ranks(upvotes)
        for handle, own in accounts.items():
            best = min(own, key=lambda paper: (paper["upvotes"] is None, -(paper["upvotes"] or 0), paper["paper_id"]))
            rows.append({
                "month": month,
                "handle": handle,
                **{name: own[0][name] for name in ("organization", "company", "country")},
                "papers_count": len(own),
                "upvotes": upvotes[handle],
                "best_paper_id": best["paper_id"],
                "best_paper_upvotes": best["upvotes"],
                "papers_rank": papers_ranks[handle],
                "upvotes_rank": upvotes_ranks[handle],
                "unlinked_papers_share": unlinked,
                "is_month_complete": first <= month and last < day,
            })  # fmt: skip
    return rows
