import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusplane.kernel.ids import canonical, digest, short_id

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_canonical_json_can_be_read_back(value: object) -> None:
    assert json.loads(canonical(value)) == value  # type: ignore[arg-type]


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), st.integers(), max_size=5)
)
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert canonical(value) == canonical(dict(reversed(value.items())))


def test_a_float_is_refused_wherever_it_hides() -> None:
    with pytest.raises(TypeError, match=r"not the float 0\.1"):
        canonical({"deep": [1, {"er": 0.1}]})


def test_parts_do_not_run_into_each_other() -> None:
    assert digest("ab", "c") != digest("a", "bc")


def test_the_same_parts_give_the_same_readable_identifier() -> None:
    assert short_id("act", "checkout", 1) == short_id("act", "checkout", 1)
    assert short_id("act", "checkout", 1).startswith("act-")
    assert len(short_id("act", "x")) == len("act-") + 12
