"""`make mutate MODULE=geoflow_ros/planar.py COUNT=20`: faults put into a module, one at a time, for its tests to find.

The tests are the mirrored file, if there is one, and the mirrored folder; others by TESTS=. No file is changed: a fault
lives in a forked process that imports the module with it.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy  # noqa: F401  imported before the fork, for all
import pytest
import torch  # noqa: F401
from hypothesis import settings

Edit = Callable[[], None]
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "bisect_left": "bisect_right"}


@dataclass(frozen=True, slots=True)
class Fault:
    """The edit of a kind of a node, by the order in which the tree is walked."""

    node: int
    edit: int
    line: int
    kind: str


def edits(node: ast.AST) -> Iterator[tuple[str, Edit]]:
    """What can be done to a node, and how it is told."""
    match node:
        case ast.Compare(ops=[operator]):
            for other in COMPARISONS[type(operator)]:
                yield f"{type(operator).__name__} -> {other.__name__}", _set(node, "ops", [other()])
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if type(operator) in OPERATORS:
            changed = OPERATORS[type(operator)]
            yield f"{type(operator).__name__} -> {changed.__name__}", _set(node, "op", changed())
        case ast.BoolOp(op=operator):
            swapped = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield f"{type(operator).__name__} -> {type(swapped).__name__}", _set(node, "op", swapped)
        case ast.Constant(value=bool(value)):
            yield f"{value} -> {not value}", _set(node, "value", not value)
        case ast.Constant(value=int(value) | float(value)):
            yield f"{value} -> {value + 1}", _set(node, "value", value + 1)
        case ast.UnaryOp(op=ast.USub()):
            yield "minus dropped", _set(node, "op", ast.UAdd())
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield "condition negated", _set(node, "test", ast.UnaryOp(ast.Not(), test))
        case ast.Return(value=ast.Compare() | ast.BoolOp() as value):
            yield "return negated", _set(node, "value", ast.UnaryOp(ast.Not(), value))
        case ast.Expr(value=ast.Call()):
            yield "statement dropped", _set(node, "value", ast.Constant(None))
        case ast.Name(id=name) if name in NAMES:
            yield f"{name} -> {NAMES[name]}", _set(node, "id", NAMES[name])
        case ast.Attribute(attr=name) if name in NAMES:
            yield f"{name} -> {NAMES[name]}", _set(node, "attr", NAMES[name])


def faults(tree: ast.Module) -> list[Fault]:
    """Every fault of a module, but in decorators and annotations."""
    skipped = {id(inner) for node in ast.walk(tree) for outer in _declarations(node) for inner in ast.walk(outer)}
    return [
        Fault(index, number, node.lineno, kind)
        for index, node in enumerate(ast.walk(tree))
        if id(node) not in skipped and hasattr(node, "lineno")
        for number, (kind, _) in enumerate(edits(node))
    ]


def with_fault(tree: ast.Module, fault: Fault, path: Path) -> CodeType:
    """The module with a fault."""
    tree = deepcopy(tree)
    node = list(ast.walk(tree))[fault.node]
    [*edits(node)][fault.edit][1]()
    return compile(ast.fix_missing_locations(tree), str(path), "exec")


class _Importer(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from code."""

    def __init__(self, name: str, code: CodeType) -> None:
        self._name, self._code = name, code

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self, origin="fault") if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def tested(name: str, code: CodeType, tests: Sequence[str], limit_s: float) -> str:
    """killed, survived or endless: how the tests end on the code, in a process of its own."""
    child = os.fork()
    if not child:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        sys.meta_path.insert(0, _Importer(name, code))
        settings.register_profile("mutate", deadline=None, database=None)
        settings.load_profile("mutate")
        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])))
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return "endless"


def own_tests(module: Path) -> list[str]:
    """The mirrored file and, of a folder in a folder, the mirrored folder."""
    folder = Path("test", *module.parts[1:-1])
    own = [folder / f"test_{module.name}"] + ([folder] if len(module.parts) > 3 else [])
    return [str(each) for each in own if each.exists()]


def main() -> int:
    """Exit status: 1 if a fault survives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tests", nargs="*", default=[])
    arguments = parser.parse_args()
    path: Path = arguments.module
    name, tests = ".".join(path.with_suffix("").parts), arguments.tests or own_tests(path)
    source = path.read_text(encoding="utf-8")
    tree, start = ast.parse(source), time.monotonic()
    if not tests or tested(name, compile(tree, str(path), "exec"), tests, 600.0) != "survived":
        raise SystemExit(f"{path}: the tests {tests} are none, or fail without a fault: give others by TESTS=")
    limit_s, every = 10.0 + 3 * (time.monotonic() - start), faults(tree)
    chosen = random.Random(arguments.seed).sample(every, min(arguments.count, len(every)))
    survivors = 0
    for fault in sorted(chosen, key=lambda each: each.line):
        if tested(name, with_fault(tree, fault, path), tests, limit_s) == "survived":
            survivors += 1
            print(f"{path}:{fault.line}: {fault.kind}: {source.splitlines()[fault.line - 1].strip()}", flush=True)
    print(f"{path}: {len(chosen) - survivors} of {len(chosen)} faults are found (of {len(every)}; {' '.join(tests)})")
    return bool(survivors)


def _set(node: ast.AST, field: str, value: Any) -> Edit:
    return lambda: setattr(node, field, value)


def _declarations(node: ast.AST) -> Iterator[ast.AST]:
    yield from getattr(node, "decorator_list", [])
    yield from (inner for inner in (getattr(node, "annotation", None), getattr(node, "returns", None)) if inner)


if __name__ == "__main__":
    sys.exit(main())
