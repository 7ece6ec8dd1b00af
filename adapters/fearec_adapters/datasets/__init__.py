"""Published data sets by name, one a module: the files as they are published."""

from fearec_adapters.datasets import amazon, demo, lastfm, mind, movielens, netflix, yelp
from fearec_cli.api import Component, hookimpl


@hookimpl
def fearec_adapters() -> list[Component]:
    """Every data set; of some, each category or release."""
    return [
        *amazon.COMPONENTS,
        demo.COMPONENT,
        lastfm.COMPONENT,
        mind.COMPONENT,
        *movielens.COMPONENTS,
        netflix.COMPONENT,
        yelp.COMPONENT,
    ]
