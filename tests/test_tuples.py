"""Our named tuples are typing's in all that the program uses of them."""

from __future__ import annotations

import copy
import pickle
import typing
from typing import Any

import pytest

from crmcli import tuples


class Ours(tuples.NamedTuple):
    """A point."""

    x: int
    y: str = "a"
    z: int | None = None

    @property
    def both(self) -> str:
        """The two as one."""
        return f"{self.x}{self.y}"


class Theirs(typing.NamedTuple):
    """A point."""

    x: int
    y: str = "a"
    z: int | None = None

    @property
    def both(self) -> str:
        """The two as one."""
        return f"{self.x}{self.y}"


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1,), {}),
    ((1, "b"), {}),
    ((1, "b", 3), {}),
    ((1,), {"z": 3}),
    ((), {"x": 1}),
    ((), {"z": 3, "x": 1, "y": "c"}),
]
WRONG: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1, "b", 3, 4), {}),
    ((1,), {"x": 2}),
    ((1,), {"w": 2}),
    ((1, "b", 3), {"z": 4}),
    ((), {"y": "b"}),
]


@pytest.mark.parametrize(("values", "named"), CALLS)
def test_it_is_made_and_read_like_typings(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    """By position, by name, with defaults; fields, methods, dict, repr, replace and equality agree."""
    ours, theirs = Ours(*values, **named), Theirs(*values, **named)
    assert tuple(ours) == tuple(theirs) and ours == theirs and hash(ours) == hash(theirs)
    assert (ours.x, ours.y, ours.z, ours.both) == (theirs.x, theirs.y, theirs.z, theirs.both)
    assert ours._asdict() == theirs._asdict()
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert tuple(ours._replace(y="q")) == tuple(theirs._replace(y="q"))
    assert type(ours._replace(y="q")) is Ours
    assert pickle.loads(pickle.dumps(ours)) == ours and copy.deepcopy(ours) == ours


@pytest.mark.parametrize(("values", "named"), WRONG)
def test_what_typing_refuses_is_refused(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    """Too many, too few, twice, unknown."""
    for kind in (Ours, Theirs):
        with pytest.raises(TypeError):
            kind(*values, **named)
    with pytest.raises(ValueError, match="w"):
        Ours(1)._replace(w=2)


def test_it_has_no_dict_and_cannot_be_changed() -> None:
    """A value is a value."""
    with pytest.raises(AttributeError):
        Ours(1).x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Ours(1).w = 2  # type: ignore[attr-defined]
    assert Ours._fields == Theirs._fields and Ours._field_defaults == Theirs._field_defaults
