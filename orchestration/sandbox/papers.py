"""Made-up daily papers in the shape of the Hub's daily page; titles and authors say that they are made up."""

import datetime
import hashlib
import random

from orchestration.sandbox.population import DAY, draw, heavy, instant, stamp

FIRST_LINKED = datetime.date(2024, 11, 23)  # no repository links to a paper of an earlier page
ORGANIZATIONS_SINCE = datetime.date(2025, 10, 3)
ODD_DAY = 11  # of each month: a title of two lines, a paper without upvotes, one that comes back the next day


def organization_id(handle: str) -> str:
    """The made-up `_id` of an organization, the same wherever it is named."""
    return hashlib.sha1(handle.lower().encode()).hexdigest()[:24]


def _published(day: datetime.date, number: int) -> datetime.date:
    """When the paper of that number on the page of `day` came out: one to three days before."""
    return day - datetime.timedelta(days=1 + number % 3)


def paper_ids(seed: int, scale: float, day: datetime.date) -> list[str]:
    """Ids of the papers that are new on that day's page; few at weekends, at least three on an odd day."""
    rng = draw(seed, "page", day)
    usual = 2 + 6 * rng.random() if day.weekday() > 4 else 9 + 16 * rng.random()
    # The real page has about as many, so a larger sandbox gets no more.
    count = max(int(usual * min(scale, 1.0) + rng.random()), 3 if day.day == ODD_DAY else 0)
    # Page day and number make the id unique in its month, since the number alone says how long before it came out.
    return [f"{_published(day, number):%y%m}.{day.day * 1000 + number:05d}" for number in range(count)]


def link_to_paper(seed: int, scale: float, at: int, pick: float) -> list[str]:
    """The tag of a paper of the last weeks before the instant, or nothing; `pick` in [0, 1) chooses."""
    day = datetime.datetime.fromtimestamp(at, datetime.UTC).date() - datetime.timedelta(days=1 + int(pick * 20))
    ids = paper_ids(seed, scale, day) if day >= FIRST_LINKED else []
    return [f"arxiv:{ids[int(pick * 997) % len(ids)]}"] if ids else []


def daily_pages(
    *, seed: int, scale: float, date: datetime.date, organizations: list[tuple[str, str]], days: int = 731
) -> dict[str, list[dict]]:
    """The pages of the last `days` days up to `date`, by day; upvotes as they stand on `date`.

    `organizations` are the (handle, full name) to link, the most often linked first.
    """
    pages: dict[str, list[dict]] = {}
    again: list[dict] = []
    for back in range(days - 1, -1, -1):
        day = date - datetime.timedelta(days=back)
        ids = enumerate(paper_ids(seed, scale, day))
        items = [_item(draw(seed, "paper", id), day, number, id, date, organizations) for number, id in ids]
        put_there = {"submittedOnDailyAt": stamp(instant(f"{day}") + DAY / 48)}  # what comes back is put there anew
        again = [{**item, "paper": {**item["paper"], **put_there}} for item in again]
        pages[f"{day}"], again = items + again, items[2:3] if day.day == ODD_DAY else []
    return pages


def _item(
    rng: random.Random,
    day: datetime.date,
    number: int,
    id: str,
    date: datetime.date,
    organizations: list[tuple[str, str]],
) -> dict:
    odd = number if day.day == ODD_DAY else None
    crowd = odd == 1 and day.month == 6 and day.year % 2 == 0
    published = instant(f"{_published(day, number)}")
    # Half of the final upvotes are there after three days, nearly all after two weeks.
    upvotes = 0 if odd == 1 else int(2 * heavy(rng, 0.7) * (1 - 0.5 ** (((date - day).days + 0.5) / 3)))
    paper = {
        "id": id,
        "authors": [
            {"_id": f"{rng.getrandbits(96):024x}", "name": f"Sandbox Author {rng.getrandbits(14)}", "hidden": False}
            for _ in range(664 if crowd else 1 + int(10 * rng.random()))
        ],
        "publishedAt": stamp(published),
        "submittedOnDailyAt": stamp(instant(f"{day}") + DAY / 24 * rng.random()),
        "title": f"Synthetic study {id}: made up" + ("\nand of two lines" if odd == 0 else " for the sandbox"),
        "upvotes": upvotes,
    }
    item = {
        "paper": paper,
        "publishedAt": stamp(published - 4 * 3600),
        "title": paper["title"],
        "numComments": int(heavy(rng, 0.5)),
        "isAuthorParticipating": rng.random() < 0.2,
    }
    linked, where, place = rng.random() < 0.55, rng.random(), rng.random()
    if linked and day >= ORGANIZATIONS_SINCE:
        handle, fullname = organizations[int(len(organizations) * place**2)]
        organization = {"_id": organization_id(handle), "name": handle, "fullname": fullname}
        # A few are named in one of the two places only.
        paper |= {"organization": organization} if where < 0.95 else {}
        item |= {"organization": organization} if where > 0.05 else {}
    return item
