"""Amazon's categories: what each is called in the releases of 2014, 2018 and 2023, and which have a 5-core file.

Names: cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html (2014), nijianmo.github.io/amazon (2018),
amazon-reviews-2023.github.io (2023).
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """One category; "" for a release that has none like it.

    Attributes:
        in_2014: its name among the files of 2014.
        in_2018: its name among the files of 2018.
        in_2023: its name in the Hub's repository of 2023.
        core: the repository has a 5-core file of it.
    """

    in_2014: str
    in_2018: str
    in_2023: str
    core: bool = True

    def name(self, year: int) -> str:
        """Its name in the release of a year."""
        return {2014: self.in_2014, 2018: self.in_2018, 2023: self.in_2023}[year]


def _same(name: str, *, since: int = 2014, core: bool = True) -> tuple[str, Category]:
    """A category whose name never changed, and its name for users."""
    category = Category(name if since <= 2014 else "", name if since <= 2018 else "", name, core)
    return name.lower().replace("_", "-"), category


CATEGORIES: Mapping[str, Category] = dict(
    [
        # The four of the papers, by their short names. What 2014 calls Beauty is larger than All_Beauty.
        ("beauty", Category("Beauty", "All_Beauty", "Beauty_and_Personal_Care")),
        ("sports", Category("Sports_and_Outdoors", "Sports_and_Outdoors", "Sports_and_Outdoors")),
        ("toys", Category("Toys_and_Games", "Toys_and_Games", "Toys_and_Games")),
        ("clothing", Category(*("Clothing_Shoes_and_Jewelry",) * 3)),
        _same("All_Beauty", since=2018),
        ("fashion", Category("", "AMAZON_FASHION", "Amazon_Fashion", core=False)),
        ("apps-for-android", Category("Apps_for_Android", "", "")),
        _same("Appliances", since=2018, core=False),
        _same("Arts_Crafts_and_Sewing", since=2018),
        _same("Automotive"),
        ("baby-products", Category("Baby", "", "Baby_Products")),
        _same("Books"),
        _same("CDs_and_Vinyl"),
        _same("Cell_Phones_and_Accessories"),
        _same("Digital_Music", core=False),
        _same("Electronics"),
        _same("Gift_Cards", since=2018),
        _same("Grocery_and_Gourmet_Food"),
        _same("Handmade_Products", since=2023, core=False),
        _same("Health_and_Household", since=2023),
        ("health-and-personal-care", Category("Health_and_Personal_Care", "", "Health_and_Personal_Care", core=False)),
        _same("Home_and_Kitchen"),
        _same("Industrial_and_Scientific", since=2018),
        ("instant-video", Category("Amazon_Instant_Video", "", "")),
        _same("Kindle_Store"),
        ("luxury-beauty", Category("", "Luxury_Beauty", "")),
        _same("Magazine_Subscriptions", since=2018),
        _same("Movies_and_TV"),
        _same("Musical_Instruments"),
        _same("Office_Products"),
        _same("Patio_Lawn_and_Garden"),
        _same("Pet_Supplies"),
        ("prime-pantry", Category("", "Prime_Pantry", "")),
        _same("Software", since=2018),
        _same("Subscription_Boxes", since=2023, core=False),
        _same("Tools_and_Home_Improvement"),
        _same("Unknown", since=2023),
        _same("Video_Games"),
    ]
)
"""What comes after `amazon-`, and the category. 5-core files are those counted in the release's 5core.md."""
