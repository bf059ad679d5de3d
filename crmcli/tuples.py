"""Named tuples and the few words of `typing`, without its import, which costs more than a quiet run of cron.

``class Point(NamedTuple): x: int; y: int = 0`` makes what typing.NamedTuple makes, and type checkers see just that.
The hot road makes some eighty such classes; typing alone would cost 7 ms of CPU, and 0.1 ms for each class.
"""

from __future__ import annotations

from operator import itemgetter

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any as Any
    from typing import NamedTuple as NamedTuple
    from typing import TypeAlias as TypeAlias
else:
    Any = TypeAlias = object
    PLACES = [property(itemgetter(place)) for place in range(64)]

    class Maker(type):
        """Turns the annotations of a class body into the fields of its tuples."""

        def __new__(cls, name, bases, space):
            names = tuple(space.get("__annotations__", ()))
            if names:
                space["_field_defaults"] = {field: space[field] for field in names if field in space}
                space["_fields"] = space["__match_args__"] = names
                space.update(zip(names, PLACES, strict=False))
            space.setdefault("__slots__", ())
            return super().__new__(cls, name, bases, space)

    class NamedTuple(tuple, metaclass=Maker):
        """The base: a tuple whose places have names, given by position or by name."""

        _fields = ()
        _field_defaults = {}  # noqa: RUF012 - every class has its own

        def __new__(cls, *values, **named):
            if len(values) == len(cls._fields) and not named:
                return tuple.__new__(cls, values)
            rest = cls._fields[len(values) :]
            if named.keys() - set(rest) or len(values) > len(cls._fields):
                raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}, each once")
            if rest:
                known = {**cls._field_defaults, **named}
                try:
                    values += tuple([known[field] for field in rest])
                except KeyError as missing:
                    raise TypeError(f"{cls.__name__} needs {missing}") from None
            return tuple.__new__(cls, values)

        @classmethod
        def _make(cls, values):
            return cls(*values)

        def _replace(self, **named):
            values = [named.pop(field, value) for field, value in zip(self._fields, self, strict=True)]
            if named:
                raise ValueError(f"{type(self).__name__} has no {', '.join(named)}")
            return tuple.__new__(type(self), values)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            parts = ", ".join(f"{field}={value!r}" for field, value in self._asdict().items())
            return f"{type(self).__name__}({parts})"

        def __getnewargs__(self):
            return tuple(self)
