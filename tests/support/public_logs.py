"""A small file in the form of each public data set of docs/data.md: three users, five items, invented rows.

Only the layout is that of the real files: header or none, separator, quotes, how times are written, the columns and
rows that are not read, and the folders of archives.
"""

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from support.layouts import archive, lines

Files = dict[str, bytes]

# Whose item is which, oldest first.
SEQUENCES = ("abcd", "bade", "cdae")


@dataclass(frozen=True)
class Event:
    """One interaction: raw ids, and when."""

    user: str
    item: str
    when: datetime

    @property
    def s(self) -> int:
        return int(self.when.timestamp())

    @property
    def day(self) -> str:
        return f"{self.when:%Y-%m-%d}"


@dataclass(frozen=True)
class Published:
    """A data set as it is published.

    Attributes:
        files: content of each, by its name, of the events in the order of the file.
        user: id of a user, from 1.
        item: id of an item, from 1.
    """

    files: Callable[[list[Event]], Files]
    user: Callable[[int], str] = str
    item: Callable[[int], str] = lambda number: str(number + 100)

    def sequences(self) -> dict[str, list[str]]:
        """What must come of it: each user's items, oldest first."""
        users = enumerate(SEQUENCES, 1)
        return {self.user(number): [self.item("abcde".index(item) + 1) for item in items] for number, items in users}

    def written(self) -> Files:
        """The files. They are grouped by item, so that nothing but the times orders a user's rows."""
        start = datetime(2014, 1, 2, 12, 1, 1, tzinfo=UTC)
        events = [
            Event(user, item, start + timedelta(days=3 * place))
            for user, items in self.sequences().items()
            for place, item in enumerate(items)
        ]
        return self.files(sorted(events, key=lambda event: (event.item, event.when), reverse=True))


FIRST, LAST = "2014-01-02", "2014-01-11"


def rows(name: str, form: Callable[[Event], str], *around: str, end: str = "\n") -> Callable[[list[Event]], Files]:
    """A text with a line an event; before them a header, after them more lines."""

    def files(events: list[Event]) -> Files:
        header, *more = around or ("",)
        content = lines([*filter(None, [header]), *map(form, events), *more], end)
        return {name: gzip.compress(content) if name.endswith(".gz") else content}

    return files


def zipped(name: str, member: str, form: Callable[[Event], str], *around: str) -> Callable[[list[Event]], Files]:
    """The same in an archive, beside a file that must not be read."""

    def files(events: list[Event]) -> Files:
        (content,) = rows(member, form, *around)(events).values()
        folder = member.rpartition("/")[0]
        return {name: archive({f"{folder}/README".lstrip("/"): b"\xff", member: content})}

    return files


def objects(name: str, form: Callable[[Event], object], write: Callable[[object], str] = json.dumps) -> Callable:
    return rows(name, lambda event: write(form(event)))


def netflix(events: list[Event]) -> Files:
    films = list(dict.fromkeys(event.item for event in events))
    text = [f"{film}:\n" + "".join(f"{e.user},3,{e.day}\n" for e in events if e.item == film) for film in films]
    return {
        "archive/combined_data_1.txt": "".join(text[:2]).encode(),
        "archive/combined_data_2.txt": "".join(text[2:]).encode(),
        "archive/probe.txt": b"1:\n30878\n",
    }


def otto(events: list[Event]) -> Files:
    def session(user: str) -> str:
        own = sorted((event for event in events if event.user == user), key=lambda event: event.when)
        kinds = [{"aid": int(event.item), "ts": event.s * 1000 + 7, "type": "clicks"} for event in own]
        return json.dumps({"session": int(user), "events": kinds})

    return {"otto-recsys-train.jsonl": lines(session(user) for user in dict.fromkeys(event.user for event in events))}


def globo(events: list[Event]) -> Files:
    header = "user_id,session_id,session_start,session_size,click_article_id,click_timestamp,click_environment"
    parts: Iterable[list[Event]] = (events[:5], events[5:])
    return {
        f"clicks/clicks_hour_00{number}.csv": lines(
            [header, *(f"{e.user},1{e.s}000,{e.s}000,2,{e.item},{e.s}123,4" for e in part)]
        )
        for number, part in enumerate(parts)
    }


def _asin(number: int) -> str:
    return f"B00{number:07}"


def _reviewer(number: int) -> str:
    return f"A{number:013}"


def _hash(number: int) -> str:
    return f"{number:032x}"


def ratings(e: Event) -> str:
    return f"{e.user},{e.item},3.5,{e.s}"


ISO = "%Y-%m-%dT%H:%M:%SZ"
TWITTER = "%a %b %d %H:%M:%S %z %Y"
PACIFIC = timezone(timedelta(hours=-8))
RATINGS = "userId,movieId,rating,timestamp"
PUBLISHED: dict[str, Published] = {
    "MovieLens 100K": Published(zipped("ml-100k.zip", "ml-100k/u.data", lambda e: f"{e.user}\t{e.item}\t3\t{e.s}")),
    "MovieLens 1M": Published(zipped("ml-1m.zip", "ml-1m/ratings.dat", lambda e: f"{e.user}::{e.item}::3::{e.s}")),
    "MovieLens 10M": Published(
        zipped("ml-10m.zip", "ml-10M100K/ratings.dat", lambda e: f"{e.user}::{e.item}::3.5::{e.s}")
    ),
    "MovieLens 20M": Published(zipped("ml-20m.zip", "ml-20m/ratings.csv", ratings, RATINGS)),
    "MovieLens 25M": Published(zipped("ml-25m.zip", "ml-25m/ratings.csv", ratings, RATINGS)),
    "MovieLens 32M": Published(zipped("ml-32m.zip", "ml-32m/ratings.csv", ratings, RATINGS)),
    "MovieLens HetRec": Published(
        rows(
            "user_ratedmovies-timestamps.dat",
            lambda e: f"{e.user}\t{e.item}\t3.5\t{e.s}000",
            "userID\tmovieID\trating\ttimestamp",
            end="\r\n",
        )
    ),
    "MovieTweetings": Published(
        rows("ratings.dat", lambda e: f"{e.user}::{e.item}::8::{e.s}"), item=lambda n: f"00{n}"
    ),
    "Netflix Prize": Published(netflix),
    "Amazon 2014": Published(
        objects(
            "reviews_Beauty_5.json.gz",
            lambda e: {
                "reviewerID": e.user,
                "asin": e.item,
                "helpful": [0, 0],
                "overall": 5.0,
                "unixReviewTime": e.s,
                "reviewTime": f"{e.when:%m %d, %Y}",
            },
        ),
        _reviewer,
        _asin,
    ),
    "Amazon 2018": Published(rows("All_Beauty.csv", lambda e: f"{e.item},{e.user},5.0,{e.s}"), _reviewer, _asin),
    "Amazon 2023": Published(
        rows(
            "Video_Games.csv.gz",
            lambda e: f"{e.user},{e.item},5.0,{e.s}123",
            "user_id,parent_asin,rating,timestamp",
        ),
        _reviewer,
        _asin,
    ),
    "Yelp": Published(
        objects(
            "yelp_academic_dataset_review.json",
            lambda e: {
                "review_id": "x",
                "user_id": e.user,
                "business_id": e.item,
                "stars": 4.0,
                "text": "x\n",
                "date": f"{e.when:%Y-%m-%d %H:%M:%S}",
            },
        ),
        lambda n: f"-u_{n}",
        lambda n: f"_b-{n}",
    ),
    "Google Local 2021": Published(
        objects(
            "review-Vermont_10.json.gz",
            lambda e: {
                "user_id": e.user,
                "name": "x",
                "time": e.s * 1000,
                "rating": 5,
                "pics": None,
                "gmap_id": e.item,
            },
        ),
        item=lambda n: f"0x{n}:0x9",
    ),
    "Goodreads": Published(
        objects(
            "goodreads_interactions_poetry.json.gz",
            lambda e: {
                "user_id": e.user,
                "book_id": e.item,
                "review_id": "x",
                "is_read": True,
                "rating": 5,
                "date_added": f"{e.when.astimezone(PACIFIC):{TWITTER}}",
                "read_at": "",
            },
        ),
        _hash,
    ),
    "Steam": Published(
        objects(
            "steam_reviews.json.gz",
            lambda e: {"username": e.user, "product_id": e.item, "hours": 1.5, "date": e.day, "text": "don't"},
            repr,
        )
    ),
    "BeerAdvocate": Published(
        objects(
            "beeradvocate.json.gz",
            lambda e: {
                "beer/beerId": e.item,
                "review/time": e.s,
                "review/overall": 4.5,
                "user/profileName": e.user,
                "review/timeStruct": {"year": 2014},
            },
            repr,
        )
    ),
    "RentTheRunway": Published(
        objects(
            "renttherunway_final_data.json.gz",
            lambda e: {"user_id": e.user, "item_id": e.item, "rating": "10", "review_date": f"{e.when:%B %d, %Y}"},
        )
    ),
    "Last.fm HetRec": Published(
        rows(
            "user_taggedartists-timestamps.dat",
            lambda e: f"{e.user}\t{e.item}\t13\t{e.s}000",
            "userID\tartistID\ttagID\ttimestamp",
            end="\r\n",
        )
    ),
    "Last.fm 1K": Published(
        rows(
            "userid-timestamp-artid-artname-traid-traname.tsv",
            lambda e: f'{e.user}\t{e.when:{ISO}}\tx\tA "B\t{e.item}\tC',
            "",
            "user_000001\t2014-01-01T00:00:00Z\tx\tD\t\tE",
        ),
        lambda n: f"user_{n:06}",
        _hash,
    ),
    "LFM-1b": Published(rows("LFM-1b_LEs.txt", lambda e: f"{e.user}\t1\t2\t{e.item}\t{e.s}")),
    "Gowalla": Published(
        rows(
            "loc-gowalla_totalCheckins.txt.gz",
            lambda e: f"{e.user}\t{e.when:{ISO}}\t30.2\t-97.7\t{e.item}",
        )
    ),
    "Brightkite": Published(
        rows(
            "loc-brightkite_totalCheckins.txt.gz",
            lambda e: f"{e.user}\t{e.when:{ISO}}\t39.7\t-104.9\t{e.item}",
            "",
            "3\t\t\t\t",
        ),
        item=_hash,
    ),
    "Foursquare NYC": Published(
        lambda events: {
            "dataset_TSMC2014_NYC.txt": "".join(
                f"{e.user}\t{e.item}\tx\tCaf\u00e9\t40.7\t-74.0\t-240\t{e.when:{TWITTER}}\n" for e in events
            ).encode("latin-1")
        },
        item=lambda n: f"{n:024x}",
    ),
    "MIND": Published(
        zipped(
            "MINDsmall_train.zip",
            "behaviors.tsv",
            lambda e: f"1\t{e.user}\t{e.when:%m/%d/%Y %I:%M:%S %p}\tN1 N2\tN9-0 {e.item}-1",
        ),
        lambda n: f"U{n}",
        lambda n: f"N{n}",
    ),
    "Globo.com": Published(globo),
    "RetailRocket": Published(
        rows(
            "events.csv",
            lambda e: f"{e.s}123,{e.user},view,{e.item},",
            "timestamp,visitorid,event,itemid,transactionid",
            "1388534400000,1,transaction,7,1",
        )
    ),
    "YooChoose": Published(
        rows("yoochoose-clicks.dat", lambda e: f"{e.user},{e.when:%Y-%m-%dT%H:%M:%S}.277Z,{e.item},0")
    ),
    "Diginetica": Published(
        rows(
            "train-item-views.csv",
            lambda e: f"{e.user};NA;{e.item};526309;{e.day}",
            "sessionId;userId;itemId;timeframe;eventdate",
        )
    ),
    "OTTO": Published(otto),
    "Dressipi": Published(
        rows(
            "train_sessions.csv",
            lambda e: f"{e.user},{e.item},{e.when:%Y-%m-%d %H:%M:%S}.373",
            "session_id,item_id,date",
        )
    ),
    "trivago": Published(
        rows(
            "train.csv",
            lambda e: f'{e.user},s,{e.s},1,clickout item,{e.item},AU,"Sydney, Australia",mobile,,1|2,3|4',
            "user_id,session_id,timestamp,step,action_type,reference,platform,city,device,current_filters,impressions,"
            "prices",
            'U1,s,1388534400,1,search for poi,Opera,AU,"Sydney, Australia",mobile,,,',
        ),
        lambda n: f"U{n}",
    ),
    "REES46": Published(
        rows(
            "2019-Oct.csv.gz",
            lambda e: f"{e.when:%Y-%m-%d %H:%M:%S} UTC,view,{e.item},2053,,x,35.79,{e.user},u-u",
            "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session",
            "2014-01-01 00:00:00 UTC,cart,7,2053,,x,35.79,1,u-u",
        )
    ),
    "Taobao": Published(
        rows("UserBehavior.csv", lambda e: f"{e.user},{e.item},2520377,pv,{e.s}", "", "1,7,2520377,buy,1388534400")
    ),
    "Tmall": Published(
        rows(
            "user_log_format1.csv",
            lambda e: f"{e.user},{e.item},833,2882,2661.0,{e.when.month}{e.when:%d},0",
            "user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type",
        )
    ),
    "H&M": Published(
        rows(
            "transactions_train.csv",
            lambda e: f"{e.day},{e.user},{e.item},0.05,2",
            "t_dat,customer_id,article_id,price,sales_channel_id",
        ),
        item=lambda n: f"0{n:09}",
    ),
    "Ta Feng": Published(
        rows(
            "ta_feng_all_months_merged.csv",
            lambda e: (
                f'"{e.when.month}/{e.when.day}/{e.when.year}","{e.user}","45-49","115","1","{e.item}","1","24","30"'
            ),
            '"TRANSACTION_DT","CUSTOMER_ID","AGE_GROUP","PIN_CODE","PRODUCT_SUBCLASS","PRODUCT_ID","AMOUNT","ASSET",'
            '"SALES_PRICE"',
        )
    ),
    "Dunnhumby": Published(
        rows(
            "transaction_data.csv",
            lambda e: f"{e.user},2698,{e.when.day},{e.item},1,1.39,364,-0.6,1631,1,0,0",
            "household_key,BASKET_ID,DAY,PRODUCT_ID,QUANTITY,SALES_VALUE,STORE_ID,RETAIL_DISC,TRANS_TIME,WEEK_NO,"
            "COUPON_DISC,COUPON_MATCH_DISC",
        )
    ),
    "Food.com": Published(
        rows(
            "RAW_interactions.csv",
            lambda e: f'{e.user},{e.item},{e.day},4,"Great, ""really"".\nTwice."',
            "user_id,recipe_id,date,rating,review",
        )
    ),
    "CiaoDVD": Published(rows("movie-ratings.txt", lambda e: f"{e.user},1,2,{e.item},4,{e.day}")),
    "Twitch 100k": Published(rows("100k_a.csv", lambda e: f"{e.user},{e.item},mithrain,{e.when.day},154"), item=str),
    "KuaiRec": Published(
        rows(
            "big_matrix.csv",
            lambda e: f"{e.user},{e.item},13838,10867,2014-01-01 00:08:23.438,20140101,{e.s}.438,1.27",
            "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio",
        )
    ),
    "KuaiRand": Published(
        rows(
            "log_standard_4_08_to_4_21_pure.csv",
            lambda e: f"{e.user},{e.item},{e.when:%Y%m%d},800,{e.s}123,1,0",
            "user_id,video_id,date,hourmin,time_ms,is_click,is_like",
        )
    ),
    "MicroLens": Published(
        rows("MicroLens-100k_pairs.csv", lambda e: f"{e.user},{e.item},{e.s}123", "user,item,timestamp")
    ),
    "Kion": Published(
        rows(
            "interactions.csv",
            lambda e: f"{e.user},{e.item},{e.day},4250,72.0",
            "user_id,item_id,last_watch_dt,total_dur,watched_pct",
        )
    ),
}
