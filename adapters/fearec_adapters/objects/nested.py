"""Names that reach into objects and lists: `product.id`, `events.time`.

A list gives a row an element. Lists that lie beside each other must be of one length, and give a row of the first
elements, of the second ones, and so on; what lies outside of the lists stands in every row.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fearec_cli.errors import DataError

# Objects and lists within each other that names reach through.
_DEEPEST = 16
# Elements of a list whose keys are names: those that follow have the same ones.
_ALIKE = 20

_Parts = list[tuple[Any, Mapping[str, str]]]


def names(found: Mapping[Any, Any], depth: int = _DEEPEST) -> Iterator[str]:
    """Every name that an object has, those within a key after the key's own; a name may come twice."""
    for key, inner in found.items():
        yield str(key)
        for element in inner[:_ALIKE] if isinstance(inner, list) else [inner]:
            if isinstance(element, dict) and depth:
                yield from (f"{key}.{name}" for name in names(element, depth - 1))


def rows(found: Mapping[str, Any], columns: Mapping[str, str], where: str) -> Iterator[list[Any]]:
    """The values of each of an object's rows, in the order of the columns.

    Args:
        found: the object.
        columns: the name of each column. A key that is such a name with its points comes before an object's key.
        where: the place of the object, for messages.

    Raises:
        DataError: lists beside each other differ in length, or lie too deep within each other.
    """
    values = [found.get(name) for name in columns.values()]
    if all(type(value) is str for value in values):
        yield values
    else:
        yield from _spread([(found, columns)], columns, where, _DEEPEST)


def _spread(parts: _Parts, columns: Mapping[str, str], where: str, depth: int) -> Iterator[list[Any]]:
    """Rows of some values, each with what is left of the names of the columns that lie in it."""
    reached: dict[str, Any] = {}
    lists: _Parts = []
    while parts:
        value, rest = parts.pop()
        if isinstance(value, list):
            lists.append((value, rest))
            continue
        inner: dict[str, dict[str, str]] = {}
        for column, name in rest.items():
            if not name or not isinstance(value, dict):
                reached[column] = None if name else value
            elif name in value:
                inner.setdefault(name, {})[column] = ""
            else:
                key, _, left = name.partition(".")
                inner.setdefault(key, {})[column] = left
        parts += [(value.get(key) if key in value else None, left) for key, left in inner.items()]
    if not lists:
        yield [reached[column] for column in columns]
        return
    if not depth:
        raise DataError(f"{where}: lists lie more than {_DEEPEST} deep within each other")
    if len({len(each) for each, _ in lists}) > 1:
        lengths = ", ".join(f"{columns[next(iter(rest))]!r} has {len(each)}" for each, rest in reversed(lists))
        raise DataError(f"{where}: lists of one object differ in length: {lengths}")
    outside: _Parts = [(value, {column: ""}) for column, value in reached.items()]
    for elements in zip(*(each for each, _ in lists), strict=True):
        within = zip(elements, (rest for _, rest in lists), strict=True)
        yield from _spread([*outside, *within], columns, where, depth - 1)
