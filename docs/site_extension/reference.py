"""The reference as Markdown, from the library's own tables and docstrings.

``PAGES`` are the generated parts by name; a page takes one in with the comment ``<!-- generated: NAME -->``. ``TABLES``
are those that stand in the pages of the repository too; see ``tables.py``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import io
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from mlp_numpy import errors, models, modules, optim
from mlp_numpy.autodiff import Op
from mlp_numpy.checking import SPECS
from mlp_numpy.cli import main
from mlp_numpy.config import Config
from mlp_numpy.config.options import option_of
from mlp_numpy.explain import FORMULAS as _ALL_FORMULAS
from mlp_numpy.explain import derivation, explain_formula
from mlp_numpy.modules import INITIALIZERS, LossModule, Module
from mlp_numpy.optim import schedules
from mlp_numpy.optim.schedules.parse import FORMS
from site_extension.docstrings import equations, plain_doc, sections, to_markdown

Kind = type[Any] | Callable[..., Any]

_BASES: Final = {Module, LossModule, models.Network, models.Classifier, modules.TapeModule, modules.Sharded}
"""Not specified one by one: the bases, and what runs any module."""
_CONTAINERS: Final = ("Sequential", "Residual", "Sharded", "TapeModule")
_USUAL: Final = frozenset({"init", "rng", "dtype", "input_layer", "params"})
"""Arguments that most layers have, which the tables leave out."""


def _public(room: Any, kind: type[Any]) -> dict[str, type[Any]]:
    """The public classes of a package that are of a kind, by name."""
    named = {name: getattr(room, name) for name in room.__all__}
    return {name: value for name, value in named.items() if isinstance(value, type) and issubclass(value, kind)}


FORMULAS: Final = _public(modules, Op)
NETWORKS: Final = {
    name: kind for name, kind in _public(models, Module).items() if kind not in _BASES and kind is not models.OwnNet
}
LOSSES: Final = {spec.module.__name__: spec.module for spec in SPECS if issubclass(spec.module, LossModule)}
LAYERS: Final = {
    spec.module.__name__: spec.module
    for spec in SPECS
    if spec.module.__name__ not in LOSSES and spec.module.__name__ not in NETWORKS
} | {name: getattr(modules, name) for name in _CONTAINERS}
OPTIMIZERS: Final = {kind.__name__: kind for kind in optim.OPTIMIZERS.values()}
AROUND_OPTIMIZERS: Final = {
    name: getattr(optim, name)
    for name in optim.__all__
    if callable(getattr(optim, name)) and name not in OPTIMIZERS and plain_doc(getattr(optim, name))
    if getattr(getattr(optim, name), "__module__", "").startswith("mlp_numpy.optim.")
    if ".schedules" not in getattr(optim, name).__module__
}
SCHEDULES: Final = {form.kind.__name__: form.kind for form in FORMS.values()}
ERRORS: Final = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.MlpNumpyError)
}
_TARGETS: Final = {
    *LAYERS,
    *LOSSES,
    *NETWORKS,
    *OPTIMIZERS,
    *AROUND_OPTIMIZERS,
    *SCHEDULES,
    *ERRORS,
    *_ALL_FORMULAS,
}


def target(name: str) -> str | None:
    """The label of the entry of a public name; None for a name without one."""
    return f"ref-{name}" if name in _TARGETS else None


def formulas_of(kind: type[Module]) -> list[str]:
    """The names of the formulas that a module computes: its ``op``, and those that its own code names."""
    op = getattr(kind, "op", None)
    named = re.findall(r"\w+", inspect.getsource(kind))
    found = [] if op is None else [op.__name__]
    found += [name for name in FORMULAS if name in named and _belongs(FORMULAS[name], kind)]
    return list(dict.fromkeys(found))


def _belongs(formula: type[Op], kind: type[Module]) -> bool:
    """Whether no other module has the formula as its own."""
    owners = [spec.module for spec in SPECS if getattr(spec.module, "op", None) is formula]
    return owners == [] or owners[0] is kind


def signature(kind: Kind, without: frozenset[str] = frozenset()) -> str:
    """A call with all arguments and their defaults, without types, and without those that are named."""
    words: list[str] = []
    last = None
    for parameter in inspect.signature(kind).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and last is parameter.POSITIONAL_OR_KEYWORD and not without:
            words.append("*")
        last = parameter.kind
        if parameter.name in without:
            continue
        star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else f"={_shown(parameter.default)}"
        words.append(f"{star}{parameter.name}{default}")
    return f"{getattr(kind, '__name__', '')}({', '.join(words)})"


def _shown(value: object) -> str:
    """A default value as one writes it; a class, a function, or an object made by one by its name."""
    if callable(value) or type(value).__module__.startswith("mlp_numpy"):
        return str(getattr(value, "__name__", None) or f"{type(value).__name__}()")
    return repr(value)


def _entry(name: str, kind: Kind, more: Iterable[str] = ()) -> str:
    """A heading with its label, the call, the docstring, and what else belongs to it."""
    doc = to_markdown(plain_doc(kind), lambda other: None if other == name else target(other))
    call = f"```{{code-block}} python\n:class: signature\n\n{signature(kind)}\n```"
    return "\n\n".join([f"(ref-{name})=\n## {name}", call, doc, *more])


def _formula(name: str) -> str:
    """A formula: its equations, and behind a click each, the derivation and what else ``explain`` prints."""
    doc, derived = plain_doc(_ALL_FORMULAS[name]), derivation(name)
    loops = explain_formula(name).split(derived.text, 1)[-1].strip("\n")
    command = f"<code>python -m mlp_numpy explain {name}</code>"
    return "\n\n".join(
        [
            f"(ref-{name})=\n### {name}",
            equations(doc),
            _behind("Derivation, with dA for ∂L/∂A", _math(derived.latex)),
            _behind(f"Loops and an example, as in {command}", f"```text\n{loops}\n```"),
        ]
    )


def _behind(summary: str, text: str) -> str:
    """A text that is shown when its summary is clicked."""
    return f'<details class="explain"><summary>{summary}</summary>\n\n{text}\n\n</details>'


def _math(latex: str) -> str:
    """Sentences and displays of LaTeX in Markdown."""
    pieces = re.split(r"(\\\[\n.*?\n\\\]|\$[^$]*\$)", latex, flags=re.DOTALL)
    shown = [piece if piece[:1] in ("\\", "$") else _escaped(piece) for piece in pieces]
    return re.sub(r"\\\[\n(.*?)\n\\\]", lambda found: f"\n$$\n{found[1]}\n$$\n", "".join(shown), flags=re.DOTALL)


def _module_entries(kinds: dict[str, type[Module]]) -> str:
    entries, seen = [], set()
    for name, kind in kinds.items():
        formulas = [each for each in formulas_of(kind) if each not in seen]
        seen |= set(formulas)
        entries.append(_entry(name, kind, [_formula(each) for each in formulas]))
    return "\n\n".join(entries)


def layers() -> str:
    """Every layer and activation, with its formulas."""
    return _module_entries(LAYERS)


def losses() -> str:
    """Every loss, with its formula."""
    return _module_entries(LOSSES)


def elementary() -> str:
    """The formulas of the tape that no module has for its own."""
    modules_have = {name for kind in [*LAYERS.values(), *LOSSES.values()] for name in formulas_of(kind)}
    return "\n\n".join(_formula(name).replace("### ", "## ", 1) for name in _ALL_FORMULAS if name not in modules_have)


def networks() -> str:
    """Every network, and the initializers of weights."""
    initializers = [f"## Initializers\n\n{_inline_list(INITIALIZERS)}"]
    return "\n\n".join([*(_entry(name, kind) for name, kind in NETWORKS.items()), *initializers])


def _inline_list(functions: dict[str, Callable[..., Any]]) -> str:
    return "\n\n".join(
        f"### {name}\n\n`{signature(function)}`\n\n{to_markdown(plain_doc(function), target)}"
        for name, function in functions.items()
    )


def optimizers() -> str:
    """Every optimizer, and what acts beside one: groups, clipping, averages."""
    names = {kind.__name__: name for name, kind in optim.OPTIMIZERS.items()}
    entries = [
        _entry(name, kind, [f"Option of a run: `--optimizer {names[name]}`."]) for name, kind in OPTIMIZERS.items()
    ]
    return "\n\n".join([*entries, *(_entry(name, kind) for name, kind in AROUND_OPTIMIZERS.items())])


def schedule_entries() -> str:
    """Every schedule, with its form on the command line."""
    syntax = {form.kind.__name__: form.syntax for form in FORMS.values()}
    entries = [
        _entry(name, kind, [f"Option of a run: `--schedule {syntax[name]}`."]) for name, kind in SCHEDULES.items()
    ]
    text = to_markdown(plain_doc(schedules.parse_schedule), target)
    return "\n\n".join([*entries, f"## parse_schedule\n\n`{signature(schedules.parse_schedule)}`\n\n{text}"])


def options() -> str:
    """Every setting of a run, by group."""
    groups: dict[str, list[str]] = {}
    for field in dataclasses.fields(Config):
        known = option_of(field)
        default = f"default `{field.default!r}`" if field.default not in ("", ()) else "empty by default"
        line = f"[`--{field.name.replace('_', '-')}`]{{#option-{field.name}}} *{field.type}*, {default}"
        words = [_escaped(known.help) + "."]
        if known.choices:
            words.append(f"One of {', '.join(f'`{choice}`' for choice in known.choices)}.")
        if known.need is not None:
            words.append(f"Needs {_escaped(known.need.words)}.")
        if known.old:
            words.append(f"Until version 0.1 `--{known.old.replace('_', '-')}`.")
        groups.setdefault(known.group, []).append(f"{line}\n: {' '.join(words)}")
    return "\n\n".join(f"## {group.capitalize()}\n\n" + "\n\n".join(lines) for group, lines in groups.items())


def _escaped(text: str) -> str:
    return re.sub(r"([*_<>|\[\]])", r"\\\1", text)


def commands() -> str:
    """Every command but train, with what its ``--help`` prints."""
    usage = _printed(["--help"])
    lines = re.findall(r"^  ([\w-]+) +(\S.*)$", usage, re.MULTILINE)
    entries = []
    for name, summary in lines:
        entries.append(f"## {name}\n\n{_escaped(summary)}")
        if name in ("train", "doctor"):
            entries.append("Its options are the [settings of a run](options.md).")
        else:
            entries.append(f"```text\n{_printed([name, '--help'])}\n```")
    return "\n\n".join(entries)


def _printed(words: list[str]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main(words)
    return "\n".join(line.rstrip() for line in said.getvalue().splitlines()).strip()


def error_entries() -> str:
    """Every exception, with the built-in kind that it also is."""
    entries = []
    for name, kind in ERRORS.items():
        bases = ", ".join(f"`{base.__name__}`" for base in kind.__bases__)
        entries.append(f"(ref-{name})=\n## {name}\n\n{to_markdown(plain_doc(kind), target)}\n\nBases: {bases}.")
    return "\n\n".join(entries)


def overview(kinds: dict[str, type[Module]]) -> str:
    """A table with a row per formula: the module that computes it, its forward, where it is from."""
    rows = ["| formula | module | forward | source |", "|---|---|---|---|"]
    seen: set[str] = set()
    for name, kind in kinds.items():
        for formula in formulas_of(kind) or [""]:
            parts = sections(plain_doc(_ALL_FORMULAS.get(formula, kind)))
            call = f"`{signature(kind, _USUAL)}`" if name not in seen else f"`{name}`"
            forward, source = _equation(parts.get("Forward", "")), _source(parts.get("Reference", ""))
            rows.append(f"| {f'`{formula}`' if formula else '–'} | {call} | {forward} | {source} |")
            seen.add(name)
    return "\n".join(rows)


def _equation(text: str) -> str:
    """The first equation of a part, for a cell of a table."""
    return _cell(re.split(r" {3,}", text.split("\n", 1)[0])[0].removeprefix("out = "))


def _source(text: str) -> str:
    """The work that a reference begins with, for a cell of a table: its first clause, without what follows a title."""
    whole = " ".join(text.split("\n"))
    cited = re.match(r"\"[^\"]*\" \(\w+\)(?:, eq\. \d[\d, andto]*\d|, eq\. \d+)?|[^\"]*\d{4}, \"[^\"]*\"", whole)
    return _cell(cited[0] if cited else re.split(r"[;:.,]", whole)[0])


def _cell(text: str) -> str:
    return text.strip().replace("|", "\\|")


PAGES: Final[dict[str, Callable[[], str]]] = {
    "layers": layers,
    "losses": losses,
    "elementary": elementary,
    "networks": networks,
    "optimizers": optimizers,
    "schedules": schedule_entries,
    "options": options,
    "commands": commands,
    "errors": error_entries,
}
"""The generated parts by name."""

TABLES: Final[dict[str, Callable[[], str]]] = {
    "layers": lambda: overview(LAYERS),
    "losses": lambda: overview(LOSSES),
}
"""The tables of docs/reference.md by name."""
