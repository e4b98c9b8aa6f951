"""The family of errors."""

from __future__ import annotations

import inspect

import pytest

from mlp_numpy import errors


def test_every_error_is_of_the_family_and_of_a_built_in_kind() -> None:
    family = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
    assert len(family) > 8
    for kind in family:
        assert issubclass(kind, errors.MlpNumpyError)
        if kind is not errors.MlpNumpyError:
            assert any(base.__module__ == "builtins" and base is not Exception for base in kind.__mro__[1:-3])


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("adm", " Did you mean 'adam'? Known: adagrad, adam, sgd."),
        ("SGD", " Did you mean 'sgd'? Known: adagrad, adam, sgd."),
        ("newton", " Known: adagrad, adam, sgd."),
    ],
)
def test_an_unknown_name_is_met_with_the_nearest(name: str, end: str) -> None:
    error = errors.unknown_name("optimizer", name, ["sgd", "adam", "adagrad"])
    assert isinstance(error, ValueError)
    assert str(error) == f"unknown optimizer {name!r}.{end}"


@pytest.mark.parametrize("kind", [errors.DataError, errors.UnknownNameError])
def test_a_long_path_is_shortened_in_the_middle(kind: type[errors.MlpNumpyError]) -> None:
    assert str(kind("read: /" + "a" * 299 + " is missing.")) == "read: /" + "a" * 299 + " is missing."
    text = str(kind("read: /" + "a" * 4000 + ".npz is missing. " + "b" * 301))
    assert text == "read: /" + "a" * 149 + "..." + "a" * 143 + ".npz is missing. " + "b" * 150 + "..." + "b" * 147
    assert len(text.split()[1]) == 300


@pytest.mark.parametrize("name", ["SVNH", "svnh", "svhn", "Svhn"])
def test_a_suggestion_is_spelled_as_the_name_is_known(name: str) -> None:
    assert errors.did_you_mean(name, ["MNIST", "SVHN", "FashionMNIST"]) == " Did you mean 'SVHN'?"


def test_an_unreadable_file_is_not_called_damaged() -> None:
    error = errors.unreadable("read", "a.txt", PermissionError(13, "Permission denied"))
    assert str(error) == (
        "read: a.txt must be readable, got: Permission denied. Hint: check its owner and permissions."
    )
