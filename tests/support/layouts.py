"""One small log in every raw format that an adapter reads, and what must come of it, counted by hand.

The files have the exact form of the real ones: header or none, separator, quotes, companions in other encodings,
archives with the folders of the official ones.
"""

import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

# (user, item, rating, day), as a file that is grouped by item has them: no user's rows stand together, and none are
# in the order of time. Equal days keep the order of the file, so u1 has b before c, and u3 has a before e.
ROWS = [
    ("u1", "a", 5, 1),
    ("u2", "a", 4, 3),
    ("u2", "a", 3, 5),
    ("u3", "a", 2, 3),
    ("u1", "b", 1, 2),
    ("u2", "b", 5, 1),
    ("u1", "c", 4, 2),
    ("u3", "c", 3, 1),
    ("u1", "d", 2, 4),
    ("u2", "d", 1, 3),
    ("u3", "d", 5, 2),
    ("u3", "e", 4, 3),
]
SEQUENCES = {"u1": "abcd", "u2": "bada", "u3": "cdae"}
COUNTS = {"users": "3", "items": "5", "interactions": "12", "train prefixes": "3", "valid": "3", "test": "3"}

START = 1_388_534_400  # 2014-01-01T00:00:00Z
DAY = 86_400

# Ids as each source has them: some with leading zeros, some that a careless reader takes for numbers or for nothing.
PLAIN = {name: name for name in ("u1", "u2", "u3", *"abcde")}
NUMBERS = dict(zip(("u1", "u2", "u3", *"abcde"), ("1", "22", "943", "1193", "242", "7", "61", "1682"), strict=True))
AMAZON = dict(
    zip(
        ("u1", "u2", "u3", *"abcde"),
        (
            *("A1YJEY40YUW4SE", "A60XNB876KYML", "#oc-R1OLOBUXJC0JHF"),
            *("0132793040", "7806397051", "B00YQ6X8EO", "B00006IEIC", "013279304X"),
        ),
        strict=True,
    )
)
YELP = dict(
    zip(
        ("u1", "u2", "u3", *"abcde"),
        ("mh_-eMZ6K5RLWhZyISBhwA", "NA", "00000", "-b1", "null", "007", "Q a", "\u00e9"),
        strict=True,
    )
)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A raw file and what must come of it.

    Attributes:
        source: the adapter.
        name: of the file.
        content: of the file.
        ids: the raw id of each of `ROWS`'.
        options: of the adapter.
        notes: lines that are printed and recorded.
        sequences: what is prepared, where it is not `SEQUENCES`.
        counts: what is counted, where it is not `COUNTS`.
    """

    source: str
    name: str
    content: bytes
    ids: Mapping[str, str] = field(default_factory=lambda: PLAIN)
    options: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    sequences: Mapping[str, str] = field(default_factory=lambda: SEQUENCES)
    counts: Mapping[str, str] = field(default_factory=dict)


def lines(rows: Iterable[str], end: str = "\n") -> bytes:
    return "".join(row + end for row in rows).encode()


def archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def seconds(day: int) -> int:
    return START + DAY * day


def text(day: int) -> str:
    return f"2014-01-{1 + day:02}"


# --- MovieLens -----------------------------------------------------------------------------------------

FILM_ROWS = [(NUMBERS[user], NUMBERS[item], rating, seconds(day)) for user, item, rating, day in ROWS]
U_DATA = lines("\t".join(map(str, row)) for row in FILM_ROWS)
RATINGS_DAT = lines("::".join(map(str, row)) for row in FILM_ROWS)
HALF_STARS = lines(f"{user}::{item}::{rating - 0.5}::{time}" for user, item, rating, time in FILM_ROWS)
RATINGS_CSV = lines(
    ["userId,movieId,rating,timestamp", *(f"{u},{i},{r - 0.5},{t}" for u, i, r, t in FILM_ROWS)], end="\r\n"
)
# Titles that are not UTF-8, and must not be read.
LATIN = "1::Caf\u00e9 (1995)::Drama\n".encode("latin-1")
IN_SECONDS = {"times": "read as s, UTC"}
# Release, its ratings file, that of it, and its folder in the official archive with what else is there.
RELEASES = {
    "100k": ("u.data", U_DATA, "ml-100k", ("README", "u.item", "u1.base", "ua.test")),
    "1m": ("ratings.dat", RATINGS_DAT, "ml-1m", ("README", "movies.dat", "users.dat")),
    "10m": ("ratings.dat", HALF_STARS, "ml-10M100K", ("README.html", "movies.dat", "tags.dat", "split_ratings.sh")),
    "20m": ("ratings.csv", RATINGS_CSV, "ml-20m", ("README.txt", "movies.csv", "genome-scores.csv", "links.csv")),
    "25m": ("ratings.csv", RATINGS_CSV, "ml-25m", ("README.txt", "movies.csv", "genome-scores.csv", "links.csv")),
    "32m": ("ratings.csv", RATINGS_CSV, "ml-32m", ("README.txt", "movies.csv", "links.csv", "tags.csv")),
    "latest-small": ("ratings.csv", RATINGS_CSV, "ml-latest-small", ("README.txt", "movies.csv", "links.csv")),
}
LAYOUTS: dict[str, Layout] = {}
for release, (name, content, folder, companions) in RELEASES.items():
    common = {"source": f"movielens-{release}", "ids": NUMBERS, "notes": IN_SECONDS}
    packed = archive(
        {f"{folder}/": b"", **{f"{folder}/{name}": LATIN for name in companions}, f"{folder}/{name}": content}
    )
    LAYOUTS[f"movielens {release}"] = Layout(name=name, content=content, **common)
    LAYOUTS[f"movielens {release} archive"] = Layout(name=f"ml-{release}.zip", content=packed, **common)

# --- Amazon --------------------------------------------------------------------------------------------

IN_S, IN_MS = (
    {"times": "read as s (recognised by magnitude), UTC"},
    {"times": "read as ms (recognised by magnitude), UTC"},
)
REVIEWS_2014 = [
    {
        "reviewerID": AMAZON[user],
        "asin": AMAZON[item],
        "reviewerName": 'Andrea "A" O\'Neil',
        "helpful": [3, 4],
        "reviewText": "Very oily,\nand creamy {3/4}",
        "overall": float(rating),
        "summary": "Don't",
        "unixReviewTime": seconds(day),
        "reviewTime": f"01 {1 + day}, 2014",
    }
    for user, item, rating, day in ROWS
]
REVIEWS_2018 = [
    {
        "overall": float(rating),
        "vote": "2",
        "verified": True,
        "reviewTime": f"01 {1 + day}, 2014",
        "reviewerID": AMAZON[user],
        "asin": AMAZON[item],
        "style": {"Size:": " 8", "Color:": " {x}"},
        "reviewText": "x",
        "unixReviewTime": seconds(day),
        "image": ["https://images-na.ssl-images-amazon.com/x.jpg"],
    }
    for user, item, rating, day in ROWS
]
REVIEWS_2023 = [
    {
        "rating": float(rating),
        "title": "Nice",
        "text": "x",
        "images": [],
        "asin": "B000000000",  # a variant, which is not the item
        "parent_asin": AMAZON[item],
        "user_id": AMAZON[user],
        "timestamp": seconds(day) * 1000 + 7,
        "helpful_vote": 0,
        "verified_purchase": True,
    }
    for user, item, rating, day in ROWS
]
USER_ITEM = [f"{AMAZON[user]},{AMAZON[item]},{float(rating)},{seconds(day)}" for user, item, rating, day in ROWS]
ITEM_USER = [f"{AMAZON[item]},{AMAZON[user]},{float(rating)},{seconds(day)}" for user, item, rating, day in ROWS]
CSV_2023 = [
    "user_id,parent_asin,rating,timestamp",
    *(f"{AMAZON[user]},{AMAZON[item]},{float(rating)},{seconds(day)}007" for user, item, rating, day in ROWS),
]
HISTORIES = ["user_id,parent_asin,rating,timestamp,history", *(f"{line},B00YQ6X8EO x" for line in CSV_2023[1:])]
AMAZON_FILES = {
    "reviews_Beauty_5.json.gz": (2014, lines(map(json.dumps, REVIEWS_2014)), IN_S),
    "reviews_Beauty.json.gz": (2014, lines(map(repr, REVIEWS_2014)), IN_S),
    "ratings_Beauty.csv": (
        2014,
        lines(USER_ITEM),
        {**IN_S, "columns": "user, item, rating, time (recognised by the form of the ids)"},
    ),
    "All_Beauty_5.json.gz": (2018, lines(map(json.dumps, REVIEWS_2018)), IN_S),
    "All_Beauty.csv": (
        2018,
        lines(ITEM_USER),
        {**IN_S, "columns": "item, user, rating, time (recognised by the form of the ids)"},
    ),
    "All_Beauty.jsonl": (2023, lines(map(json.dumps, REVIEWS_2023)), IN_MS),
    "All_Beauty.jsonl.gz": (2023, lines(map(json.dumps, REVIEWS_2023)), IN_MS),
    "Beauty.csv.gz": (2023, lines(CSV_2023), IN_MS),
    "Beauty.train.csv": (2023, lines(HISTORIES), IN_MS),
}
for name, (year, content, notes) in AMAZON_FILES.items():
    LAYOUTS[f"amazon {year} {name}"] = Layout(
        source="amazon-beauty",
        name=name,
        content=gzip.compress(content) if name.endswith(".gz") else content,
        ids=AMAZON,
        options=(f"amazon.year={year}",),
        notes=notes,
    )

# --- Yelp, Last.fm, Steam ------------------------------------------------------------------------------


def reviews_of_yelp(time_of_day: str) -> bytes:
    return lines(
        json.dumps(
            {
                "review_id": "x",
                "user_id": YELP[user],
                "business_id": YELP[item],
                "stars": float(rating),
                "useful": 0,
                "funny": 0,
                "cool": 0,
                "text": "x\n",
                "date": text(day) + time_of_day,
            }
        )
        for user, item, rating, day in ROWS
    )


ISO = {"times": "read as iso (recognised by its form), UTC"}
YELP_NAME = "yelp_academic_dataset_review.json"
LAYOUTS["yelp"] = Layout(source="yelp", name=YELP_NAME, content=reviews_of_yelp(" 22:09:11"), ids=YELP, notes=ISO)
LAYOUTS["yelp of old"] = Layout(source="yelp", name="review.json", content=reviews_of_yelp(""), ids=YELP, notes=ISO)
LAYOUTS["yelp archive"] = Layout(
    source="yelp",
    name="yelp.zip",
    content=archive({"yelp_academic_dataset_business.json": b"{}\n", YELP_NAME: reviews_of_yelp(" 00:00:00")}),
    ids=YELP,
    notes=ISO,
)

# Every tagging twice, by another tag: 24 lines. A pair counts once, by its earliest time, so u2 has a on day 3 alone.
TAGGINGS = lines(
    [
        "userID\tartistID\ttagID\ttimestamp",
        *(f"{NUMBERS[u]}\t{NUMBERS[i]}\t{tag}\t{seconds(day)}000" for u, i, _, day in ROWS for tag in (13, 15)),
    ],
    end="\r\n",
)
LASTFM = {
    "source": "lastfm",
    "ids": NUMBERS,
    "notes": {
        "times": "read as ms, UTC",
        "repeated pairs in the source": "13 of 24 lines dropped, earliest kept",
        "times before 1970": "0",
    },
    "sequences": {"u1": "abcd", "u2": "bad", "u3": "cdae"},
    "counts": {"interactions": "11", "train prefixes": "2"},
}
LASTFM_NAME = "user_taggedartists-timestamps.dat"
LAYOUTS["lastfm"] = Layout(name=LASTFM_NAME, content=TAGGINGS, **LASTFM)
LAYOUTS["lastfm archive"] = Layout(
    name="hetrec2011-lastfm-2k.zip",
    content=archive({"artists.dat": LATIN, "user_taggedartists.dat": LATIN, LASTFM_NAME: TAGGINGS}),
    **LASTFM,
)

# Python literals, as steam_reviews.json.gz has them: u'...', and ids that are text.
STEAM = lines(
    f"{{u'username': u'{user}', u'product_id': u'{item}', u'hours': 1.5, u'date': u'{text(day)}', u'text': u'don\\'t'}}"
    for user, item, _, day in ROWS
)
LAYOUTS["steam"] = Layout(
    source="jsonl",
    name="steam_reviews.json.gz",
    content=gzip.compress(STEAM),
    options=("jsonl.user=username", "jsonl.item=product_id", "jsonl.time=date"),
    notes=ISO,
)

# --- formats of other toolkits, and plain tables -------------------------------------------------------

HEADER = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
ATOMIC = [f"{user}\t{item}\t{rating}\t{seconds(day)}.0" for user, item, rating, day in ROWS]
LAYOUTS["recbole"] = Layout(source="recbole", name="shop.inter", content=lines([HEADER, *ATOMIC]), notes=IN_S)
LAYOUTS["recbole of yelp"] = Layout(
    source="recbole",
    name="yelp.inter",
    content=lines(["user_id:token\tbusiness_id:token\tstars:float\tdate:float", *ATOMIC]),
    options=("recbole.item=business_id", "recbole.rating=stars", "recbole.time=date"),
    notes=IN_S,
)
LAYOUTS["sequences"] = Layout(
    source="sequences", name="Beauty.txt", content=lines(" ".join([u, *items]) for u, items in SEQUENCES.items())
)
LAYOUTS["pairs"] = Layout(
    source="pairs", name="Beauty.txt", content=lines(f"{u} {i}" for u, items in SEQUENCES.items() for i in items)
)
# An id with a comma, a quote and an end of line.
ODD = {**PLAIN, "u2": 'a, "b"\nc', "d": "\U0001f6d2"}


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


TABLE = [(ODD[user], ODD[item], rating, seconds(day) * 1_000_000) for user, item, rating, day in ROWS]
LAYOUTS["csv"] = Layout(
    source="csv",
    name="log.csv",
    content=b"\xef\xbb\xbf"
    + lines(["user,item,timestamp", *(f"{quoted(u)},{quoted(i)},{t}" for u, i, _, t in TABLE)], end="\r\n"),
    ids=ODD,
    notes={"times": "read as us (recognised by magnitude), UTC"},
)
LAYOUTS["tsv"] = Layout(
    source="tsv",
    name="log.tsv",
    content=lines(["user\titem\ttimestamp", *(f"{u}\t{i}\t{seconds(day)}000000000" for u, i, _, day in ROWS)]),
    notes={"times": "read as ns (recognised by magnitude), UTC"},
)
LAYOUTS["jsonl"] = Layout(
    source="jsonl",
    name="log.jsonl",
    content=lines(json.dumps({"user": u, "item": i, "timestamp": text(day)}) for u, i, _, day in ROWS),
    notes=ISO,
)


def parquet() -> bytes:
    buffer = io.BytesIO()
    frame = pl.DataFrame(TABLE, schema=["user", "item", "rating", "timestamp"], orient="row")
    frame.with_columns(pl.col("timestamp").cast(pl.Datetime("us"))).write_parquet(buffer)
    return buffer.getvalue()


LAYOUTS["parquet"] = Layout(
    source="parquet",
    name="log.parquet",
    content=parquet(),
    ids=ODD,
    notes={"times": "read by the column's own type, UTC"},
)
