"""The filter language as text and as a tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcli.errors import Usage
from crmcli.filters.grammar import DEEPEST, parse
from crmcli.filters.tree import And, Flag, Not, Or, Range, Text, Tree, Word, outline, walk, write
from crmcli.filters.tree import Test as FieldTest
from tests.filters.world import trees


def bare(tree: Tree) -> Tree:
    """The tree without its positions."""
    if isinstance(tree, (And, Or)):
        return type(tree)(tuple(bare(part) for part in tree.parts))
    if isinstance(tree, Not):
        return Not(bare(tree.part))
    if isinstance(tree, FieldTest):
        return tree._replace(at=0, values=tuple(_bare_value(value) for value in tree.values))
    return tree._replace(at=0)


def _bare_value(value: Word | Range) -> Word | Range:
    if isinstance(value, Range):
        return Range(value.low._replace(at=0), value.high._replace(at=0))
    return value._replace(at=0)


def refused(text: str) -> Usage:
    with pytest.raises(Usage) as caught:
        parse(text)
    return caught.value


A, B, C = Flag("a", 0), Flag("b", 0), Flag("c", 0)


@given(trees)
def test_a_tree_written_and_parsed_is_the_same_tree(tree: Tree) -> None:
    assert bare(parse(write(tree))) == bare(tree)


@given(trees)
def test_every_place_in_a_parsed_tree_is_where_its_text_begins(tree: Tree) -> None:
    text = write(tree)
    for part in walk(parse(text)):
        if isinstance(part, Flag):
            assert text[part.at - 1 :].startswith(f"+{part.name}")
        if isinstance(part, FieldTest):
            assert text[part.at - 1 :].startswith(part.field)


@given(st.text(alphabet="ab:+<>=!~.,()\" \\\tnotr\n*'水", max_size=40))
def test_any_text_is_a_filter_or_a_usage_error_with_a_position(text: str) -> None:
    try:
        tree = parse(text)
    except Usage as error:
        assert error.message.startswith("filter, position ")  # noqa: PT017
        assert error.hint  # noqa: PT017
    else:
        assert bare(parse(write(tree))) == bare(tree)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", And(())),
        ("  \n ", And(())),
        ("+a", A),
        ("+a +b", And((A, B))),
        ("+a and +b", And((A, B))),
        ("+a AND +b", And((A, B))),
        ("+a or +b +c", Or((A, And((B, C))))),
        ("+a +b or +c", Or((And((A, B)), C))),
        ("(+a or +b) +c", And((Or((A, B)), C))),
        ("not +a +b", And((Not(A), B))),
        ("not (+a +b)", Not(And((A, B)))),
        ("not not +a", A),
        ("not (not (+a))", A),
        ("((((+a))))", A),
        ("(+a)(+b)", And((A, B))),
        ("+a (+b +c)", And((A, B, C))),
        ("+a or (+b or +c)", Or((A, B, C))),
        ("pump", Text("pump", 0)),
        ('"broken pump"', Text("broken pump", 0)),
        (r'"a \"b\" \\c"', Text('a "b" \\c', 0)),
        ('"and"', Text("and", 0)),
        ("joe@acme.example", Text("joe@acme.example", 0)),
        ("10:30", Text("10:30", 0)),
        ("+49123", Text("+49123", 0)),
        ("words*", Text("words*", 0)),
    ],
)
def test_a_text_has_this_tree(text: str, tree: Tree) -> None:
    assert bare(parse(text)) == tree


@pytest.mark.parametrize(
    ("text", "field", "op", "values"),
    [
        ("state:open", "state", ":", (Word("open", False, 0),)),
        ("state.not:open", "state", "!=", (Word("open", False, 0),)),
        ("deadline.before:eom", "deadline", "<", (Word("eom", False, 0),)),
        ("deadline.after:eom", "deadline", ">", (Word("eom", False, 0),)),
        ("x.from:1", "x", ">=", (Word("1", False, 0),)),
        ("x.to:1", "x", "<=", (Word("1", False, 0),)),
        ("x.min:1", "x", ">=", (Word("1", False, 0),)),
        ("x.max:1", "x", "<=", (Word("1", False, 0),)),
        ("name.has:1", "name", "~", (Word("1", False, 0),)),
        ("partner.name~acme", "partner.name", "~", (Word("acme", False, 0),)),
        ("Planned-Revenue>=10", "planned_revenue", ">=", (Word("10", False, 0),)),
        ("a:x,y,z", "a", ":", (Word("x", False, 0), Word("y", False, 0), Word("z", False, 0))),
        ('a:"x,y",z', "a", ":", (Word("x,y", True, 0), Word("z", False, 0))),
        ('section:"Help Desk"/', "section", ":", (Word("Help Desk/", True, 0),)),
        ("a:1..5", "a", ":", (Range(Word("1", False, 0), Word("5", False, 0)),)),
        ('a:"1 b".."5 c"', "a", ":", (Range(Word("1 b", True, 0), Word("5 c", True, 0)),)),
        ('a:1.."5 c"', "a", ":", (Range(Word("1", False, 0), Word("5 c", True, 0)),)),
        ("a:wait..", "a", ":", (Word("wait..", False, 0),)),
        ('a:"none"', "a", ":", (Word("none", True, 0),)),
        ("ref:https://x.example/?a=b", "ref", ":", (Word("https://x.example/?a=b", False, 0),)),
    ],
)
def test_a_test_is_read_so(text: str, field: str, op: str, values: tuple[Word | Range, ...]) -> None:
    assert bare(parse(text)) == FieldTest(field, op, values, False, 0)


def test_sub_asks_for_what_is_below() -> None:
    tree = parse("section.sub:Sales")
    assert isinstance(tree, FieldTest)
    assert tree.sub
    assert tree.op == ":"


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("(", 2, "missing"),
        (")", 1, "missing"),
        ("+a)", 3, "no ( before"),
        ("(+a", 1, "never closed"),
        ('+a "b', 4, "never closed"),
        ("+a or", 6, "missing"),
        ("+a and and +b", 8, "missing before and"),
        ("or +a", 1, "missing before or"),
        ("not", 4, "missing"),
        ("name:", 6, "needs a value"),
        ("name: pump", 6, "needs a value"),
        ("a:x,", 5, "needs a value"),
        ('a:"x"..', 8, "needs an end"),
        ("<5", 1, "needs a field"),
        ("+a :b", 4, "needs a field"),
        ("deadline.before<3", 1, "takes : and no other"),
        ("a\x1bb", 2, "control character"),
        ("a\udce9", 2, "control character"),
        ("()", 2, "missing"),
    ],
)
def test_what_is_no_filter_is_refused_with_its_position(text: str, position: int, words: str) -> None:
    error = refused(text)
    assert error.message.startswith(f"filter, position {position}: ")
    assert words in error.message
    assert error.exit == 2


@pytest.mark.parametrize("text", ["(" * 10_000, "(" * 10_000 + "+a" + ")" * 10_000, "not (" * 10_000])
def test_endless_nesting_is_refused_and_not_a_crash(text: str) -> None:
    assert f"more than {DEEPEST} parentheses" in refused(text).message


def test_long_chains_without_nesting_are_fine() -> None:
    assert bare(parse("not " * 10_001 + "+a")) == Not(A)
    assert len(parse(" or ".join(["+a"] * 10_000)).parts) == 10_000  # type: ignore[union-attr]
    assert len(parse("x:" + ",".join(["1"] * 50_000)).values) == 50_000  # type: ignore[union-attr]


def test_a_filter_of_megabytes_is_refused() -> None:
    assert "too long" in refused("a" * 2_000_000).message


def test_an_outline_shows_what_belongs_together() -> None:
    assert outline(parse("+a (not +b or name:x)")) == "all of\n  +a\n  any of\n    not\n      +b\n    name:x"
    assert outline(parse("")) == "everything"


def test_an_error_shows_no_more_of_the_filter_than_a_line_takes() -> None:
    assert len(refused("a" * 100_000 + ":").message) < 200
