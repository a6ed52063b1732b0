"""What a Lambda handler can reach: a static call graph over lambdas/, kept small on purpose.

A function counts as reached when its name is mentioned in reached code. A method counts when its class is mentioned and
reached code uses an attribute of its name on a value that may be of this class: on one whose class is plain to see
(constructed or annotated in the same function, `self`, a field set from an annotated parameter) only that class counts,
on any other every class does. The result is an upper bound.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

LAMBDAS = Path(__file__).resolve().parents[2] / "lambdas"
# boto3's name of a service in types_boto3_<name>, and the service in IAM actions where it differs.
IAM_SERVICE = {"stepfunctions": "states"}
VARIABLE_PREFIX = "CROSSFADE_"


@dataclass(frozen=True)
class Reach:
    """IAM actions, environment variables and modules a handler can come to; names it raises, or mentions at all."""

    actions: frozenset[str]
    variables: frozenset[str]
    modules: frozenset[str]
    raised: frozenset[str]
    mentioned: frozenset[str]


@dataclass
class _Module:
    name: str
    definitions: dict[str, ast.AST] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)  # local name -> (module, symbol or "")
    services: set[str] = field(default_factory=set)


@cache
def reach(handler_module: str) -> Reach:
    """Of `tasks.cut_over`, from its `handler` on."""
    walk = _Walk()
    walk.mention(handler_module, "handler")
    walk.run()
    found = (walk.actions, walk.variables, walk.modules, walk.raised, walk.mentioned)
    return Reach(*map(frozenset, found))


class _Walk:
    def __init__(self) -> None:
        self.actions: set[str] = set()
        self.variables: set[str] = set()
        self.modules: set[str] = set()
        self.raised: set[str] = set()
        self.mentioned: set[str] = set()
        self._attributes: set[tuple[str, str]] = set()  # (class or "" for any, attribute)
        self._classes: list[tuple[str, ast.ClassDef]] = []
        self._queue: list[tuple[str, ast.AST, ast.ClassDef | None]] = []
        self._seen: set[tuple[str, str]] = set()

    def run(self) -> None:
        while self._queue or self._queue_methods():
            module, body, owner = self._queue.pop()
            self._scan(_module(module), body, owner)

    def mention(self, module: str, name: str) -> None:
        """A name used in reached code: a definition of this module, or one it imports."""
        found = _module(module)
        if name in found.imports:
            target, symbol = found.imports[name]
            if symbol:
                self.mention(target, symbol)
        elif name in found.definitions and (module, name) not in self._seen:
            self._seen.add((module, name))
            self.modules.add(module)
            definition = found.definitions[name]
            if isinstance(definition, ast.ClassDef):
                self._classes.append((module, definition))
                self._queue += [(module, base, None) for base in definition.bases]
            else:
                self._queue.append((module, definition, None))

    def _queue_methods(self) -> bool:
        for module, definition in self._classes:
            for member in definition.body:
                name = getattr(member, "name", "")
                key = (module, f"{definition.name}.{name or member.lineno}")
                implicit = not name or name.startswith("__")
                used = ("", name) in self._attributes or (definition.name, name) in self._attributes
                if key not in self._seen and (implicit or used):
                    self._seen.add(key)
                    self._queue.append((module, member, definition))
        return bool(self._queue)

    def _scan(self, module: _Module, body: ast.AST, owner: ast.ClassDef | None) -> None:
        classes = _classes_of_names(body, owner)
        for node in _evaluated(body):
            if isinstance(node, ast.Name):
                self.mentioned.add(node.id)
                self.mention(module.name, node.id)
            elif isinstance(node, ast.Attribute):
                known = _class_of(node.value, classes)
                self._attributes.add(("" if known in _protocols() else known, node.attr))
                if isinstance(node.value, ast.Name) and node.value.id in module.imports:
                    target, symbol = module.imports[node.value.id]
                    self.mention(f"{target}.{symbol}" if symbol else target, node.attr)
            elif isinstance(node, ast.Call):
                self.actions.update(_actions(module, node))
            elif isinstance(node, ast.Constant) and str(node.value).startswith(VARIABLE_PREFIX):
                self.variables.add(str(node.value))
            elif isinstance(node, ast.Raise) and node.exc is not None:
                self.raised |= {name.id for name in ast.walk(node.exc) if isinstance(name, ast.Name)}


def _classes_of_names(body: ast.AST, owner: ast.ClassDef | None) -> dict[str, str]:
    """Variable → class, where the function itself says so."""
    found = {"self": owner.name} if owner else {}
    for node in ast.walk(body):
        if isinstance(node, ast.arg) and isinstance(node.annotation, ast.Name):
            found[node.arg] = node.annotation.id
        elif isinstance(node, ast.Assign):
            left, value = node.targets[0], node.value
            pairs: list[tuple[ast.expr, ast.expr]] = [(left, value)]
            if isinstance(left, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(left.elts, value.elts, strict=True))
            found.update({ast.unparse(name): _class_of(item, found) for name, item in pairs})
    return found


def _class_of(value: ast.AST, classes: dict[str, str]) -> str:
    """The class of an expression, "" when it is not plain to see."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id[:1].isupper():
        return value.func.id
    if isinstance(value, ast.Attribute):
        return _fields().get((_class_of(value.value, classes), value.attr), "")
    return classes.get(value.id, "") if isinstance(value, ast.Name) else ""


@cache
def _protocols() -> frozenset[str]:
    """Classes that stand for any other class of their shape."""
    return frozenset(owner.name for owner in _class_definitions() if "Protocol" in map(ast.unparse, owner.bases))


@cache
def _class_definitions() -> list[ast.ClassDef]:
    trees = [ast.parse(path.read_text()) for path in LAMBDAS.rglob("*.py")]
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


@cache
def _fields() -> dict[tuple[str, str], str]:
    """(class, attribute) → class of the attribute: annotated in the class, or set from a parameter of `__init__`."""
    found: dict[tuple[str, str], str] = {}
    for owner in _class_definitions():
        for member in owner.body:
            if isinstance(member, ast.AnnAssign) and isinstance(member.annotation, ast.Name):
                found[owner.name, ast.unparse(member.target)] = member.annotation.id
            if isinstance(member, ast.FunctionDef) and member.name == "__init__":
                given = {arg.arg: arg.annotation.id for arg in member.args.args if isinstance(arg.annotation, ast.Name)}
                for node in ast.walk(member):
                    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
                        name = ast.unparse(node.targets[0]).removeprefix("self.")
                        found[owner.name, name] = given.get(node.value.id, "")
    return found


def _evaluated(body: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs; annotations never do."""
    yield body
    skipped = {"annotation", "returns"}
    for name, value in ast.iter_fields(body):
        if name in skipped:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _evaluated(child)


def _actions(module: _Module, call: ast.Call) -> Iterator[str]:
    """IAM actions of `self._client.<operation>(…)` and `client.get_paginator("<operation>")`."""
    function = call.func
    if not isinstance(function, ast.Attribute) or not ast.unparse(function.value).endswith("client"):
        return
    operation = function.attr
    if operation == "get_paginator":
        operation = str(ast.literal_eval(call.args[0]))
    for service in module.services:
        name = operations(service).get(operation)
        if name:
            yield f"{IAM_SERVICE.get(service, service)}:{name}"


@cache
def operations(service: str) -> dict[str, str]:
    """`create_db_cluster` → `CreateDBCluster`, for every operation of the service."""
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


@cache
def _module(name: str) -> _Module:
    module = _Module(name)
    path = LAMBDAS / (name.replace(".", "/") + ".py")
    if path.exists():
        for statement in ast.parse(path.read_text()).body:
            _add(module, statement)
    return module


def _add(module: _Module, statement: ast.stmt) -> None:
    if isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            source = statement.module or ""
            is_module = (LAMBDAS / (source + "." + alias.name).replace(".", "/")).with_suffix(".py").exists()
            target = (f"{source}.{alias.name}", "") if is_module else (source, alias.name)
            module.imports[alias.asname or alias.name] = target
    elif isinstance(statement, ast.If):  # if TYPE_CHECKING
        for inner in statement.body:
            source = getattr(inner, "module", None) or ""
            if source.startswith("types_boto3_"):
                module.services.add(source.split(".")[0].removeprefix("types_boto3_"))
    elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
        module.definitions[statement.name] = statement
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for assigned in targets:
            if isinstance(assigned, ast.Name):
                module.definitions[assigned.id] = statement
