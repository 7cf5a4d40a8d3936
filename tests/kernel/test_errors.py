import inspect

from focusplane.kernel import errors

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.FocusplaneError) and kind.__module__ == errors.__name__
]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in TREE]
    assert len(set(codes)) == len(codes)


def test_every_error_has_statuses_that_mean_a_failure() -> None:
    for kind in TREE:
        assert 1 <= kind.exit_status <= 4
        assert 400 <= kind.http_status <= 599


def test_every_error_stands_in_the_tree_of_the_docstring() -> None:
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in TREE)


def test_an_error_says_what_and_what_to_try() -> None:
    error = errors.RefusedError("the rollout is frozen", "focus freeze --off")
    assert (error.what, error.hint, str(error)) == (
        "the rollout is frozen",
        "focus freeze --off",
        "the rollout is frozen",
    )
