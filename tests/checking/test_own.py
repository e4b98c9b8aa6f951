"""The audit of a module of one's own: found by its name, given what it takes, and judged in both modes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlp_numpy.checking import audit_own
from mlp_numpy.cli import main
from mlp_numpy.errors import OptionError

OWN = '''
import numpy as np
from mlp_numpy import Module
from mlp_numpy.autodiff import Op

class Square(Op):
    @staticmethod
    def forward(context, x, scale):
        context["x"], context["scale"] = x, scale
        return scale * x**2

    @staticmethod
    def backward(context, dout):
        x = context["x"]
        return 2 * context["scale"] * x * dout, (dout * x**2).sum(axis=0)

class HalfSquare(Square):
    @staticmethod
    def backward(context, dout):
        x = context["x"]
        return context["scale"] * x * dout, (dout * x**2).sum(axis=0)

class Absolute(Op):
    @staticmethod
    def forward(context, x):
        context["x"] = x
        return np.abs(x)

    @staticmethod
    def backward(context, dout):
        return np.sign(context["x"]) * dout

class Centered(Module):
    """Subtracts the batch's mean, in evaluation 1; what only training needs is done in both modes."""
    def forward(self, x):
        return x - (x.mean(axis=0) if self.training else 1)

    def backward(self, dout):
        return dout - dout.mean(axis=0)

class ChangesItsInput(Module):
    def forward(self, x):
        x *= 2
        return x.copy()

    def backward(self, dout):
        return 2 * dout

class ChangesDout(Module):
    def forward(self, x):
        return 2 * x

    def backward(self, dout):
        dout *= 2
        return dout

class GivesItsCache(Module):
    def forward(self, x):
        self.out = np.exp(x)
        return self.out

    def backward(self, dout):
        return self.out * dout

class TrainingOnly(Module):
    def forward(self, x):
        if not self.training:
            raise RuntimeError("not ready")
        return x * 1

    def backward(self, dout):
        return dout * 1

class Forgetful(Module):
    def __init__(self):
        super().__init__(shift=np.ones(3))

    def forward(self, x):
        return x + self.params["shift"]

    def backward(self, dout):
        self.grads["shift"][...] = dout.sum(axis=0)

class Unready(Module):
    def forward(self, x):
        raise RuntimeError("not ready")

class SquareModule(Module):
    op = Square
    def __init__(self, n=3):
        super().__init__(scale=np.ones(n))

class HalfSquareModule(SquareModule):
    op = HalfSquare

class AbsoluteModule(Module):
    op = Absolute

number = 3
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_modules.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("own")
def test_a_module_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "own_modules:SquareModule(5)", "--cases", "6"]) == 0
    assert "SquareModule(5) on (4, 5)" in capsys.readouterr().out
    assert main(["audit", "own_modules:HalfSquareModule", "--input", "2,3", "--cases", "6"]) == 1
    out = capsys.readouterr().out
    assert "complex error 5.0e-01 > 1e-12, dx[" in out
    assert "2 failures" in out


@pytest.mark.usefixtures("own")
def test_a_forward_that_the_complex_step_cannot_take_is_judged_by_differences() -> None:
    (line,) = audit_own("own_modules:AbsoluteModule", n_cases=5)
    assert line.failures == []
    assert set(line.worst) == {"central", "float32"}


@pytest.mark.usefixtures("own")
def test_a_backward_that_returns_nothing_is_seen() -> None:
    (line,) = audit_own("own_modules:Forgetful", n_cases=2)
    assert len(line.failures) == 1
    assert "backward must return the gradient of x, got None" in line.failures[0]
    with pytest.raises(OptionError, match="found none; of .*: got RuntimeError: not ready. Hint: --input"):
        audit_own("own_modules:Unready")


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ChangesItsInput", "x must not be modified, but it has changed"),
        ("ChangesDout", "dout must not be modified, but it has changed"),
        ("GivesItsCache", "the output of forward may be edited before backward, got other gradients"),
    ],
)
def test_arrays_that_are_changed_behind_their_owner_are_seen(name: str, words: str) -> None:
    (line, *_) = audit_own(f"own_modules:{name}", n_cases=3)
    assert any(words in failure for failure in line.failures)


@pytest.mark.usefixtures("own")
def test_evaluation_is_judged_by_itself_where_it_differs() -> None:
    training, evaluation = audit_own("own_modules:Centered", n_cases=3)
    assert training.title == "own_modules:Centered on (4, 3), train"
    assert evaluation.title == "own_modules:Centered on (4, 3), eval"
    assert training.failures == []
    assert "complex error" in evaluation.failures[0]
    training, evaluation = audit_own("own_modules:TrainingOnly", n_cases=2)
    assert training.failures == []
    assert "forward and backward must not fail, got RuntimeError: not ready" in evaluation.failures[0]
    for text in ("BatchNorm(3)", "Dropout(0.1)", "MLP(3, [4], 2, batch_norm=True)"):
        lines = audit_own(f"mlp_numpy:{text}", n_cases=6)
        assert [line.title[-5:] for line in lines] == ["train", " eval"]
        assert [line.failures for line in lines] == [[], []]


@pytest.mark.parametrize("text", ["LinearModule(3, 2)", "CrossEntropyModule('sum')", "SoftMaxModule", "MLP(5, [4], 3)"])
def test_the_librarys_own_modules_by_name(text: str) -> None:
    (line,) = audit_own(f"mlp_numpy:{text}", n_cases=8)
    assert line.failures == []
    assert line.n_cases == 8


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("own_modules", "must be named as package.module:Class"),
        ("own_modulos:X", "own_modulos must be a module that Python can import, got ModuleNotFoundError"),
        ("own_modules:SquareModul", "must have a class SquareModul, found none. Did you mean 'SquareModule'"),
        ("own_modules:Square", "Square must be a mlp_numpy.Module or make one"),
        ("own_modules:number", "number must be a mlp_numpy.Module or make one, got 3"),
        ("own_modules:SquareModule(", "must be a class, or its call with plain values"),
        ("own_modules:SquareModule(1 + x)", "must be a class, or its call with plain values"),
        ("own_modules:SquareModule(1, 2)", "SquareModule must accept its arguments, got TypeError"),
    ],
)
def test_a_module_that_cannot_be_made_is_refused(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=re.escape(message)):
        audit_own(text)


def test_an_input_that_does_not_fit_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OptionError, match=r"must take an input \(3, 5\), but got ShapeError: .* x must be \(N, …, 3\)"):
        audit_own("mlp_numpy:LinearModule(3, 2)", (3, 5))
    assert main(["audit", "mlp_numpy:SoftMaxModule", "--input", "3,x"]) == 1
    assert "--input must be sizes ≥ 1 such as 4,3, got '3,x'" in capsys.readouterr().err
    assert main(["audit", "--input", "3,4"]) == 1
    assert "--input must come with a module to audit, got '3,4' without one" in capsys.readouterr().err
    assert main(["audit", "mlp_numpy:SoftMaxModule", "--self-test"]) == 1
    assert "--self-test must stand alone, got 'mlp_numpy:SoftMaxModule' with it" in capsys.readouterr().err
