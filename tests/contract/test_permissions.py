"""The table of the functions agrees with what their code can reach: neither less nor more."""

from __future__ import annotations

import pytest

from stacks.grants import DEPENDENT_ACTIONS, MANAGED_PASSWORD_ACTIONS, NO_RESOURCE_TYPE
from stacks.names import module_name
from stacks.task_permissions import LOGGING
from tests.contract.deployment import ROWS
from tests.contract.reach import LAMBDAS, Reach, reach


def reached(name: str) -> Reach:
    return reach(f"{ROWS[name].package}.{module_name(name)}")


def granted(name: str) -> set[str]:
    return {action for grant in ROWS[name].grants for action in grant.actions}


def dependents(actions: frozenset[str]) -> set[str]:
    return {each for action in actions for each in DEPENDENT_ACTIONS.get(action, ())}


@pytest.mark.parametrize("name", ROWS)
def test_every_call_is_granted(name: str) -> None:
    calls = reached(name).actions
    assert calls | dependents(calls) <= granted(name)


@pytest.mark.parametrize("name", ROWS)
def test_nothing_else_is_granted(name: str) -> None:
    calls = reached(name).actions
    more = dependents(calls) | (MANAGED_PASSWORD_ACTIONS if name == "AwaitTarget" else set())
    assert granted(name) - calls - more == set()


@pytest.mark.parametrize("name", ROWS)
def test_environment_is_what_the_code_reads(name: str) -> None:
    assert set(ROWS[name].environment) == reached(name).variables | set(LOGGING)


@pytest.mark.parametrize("name", ROWS)
def test_those_that_talk_to_databases_and_no_others_are_in_the_vpc(name: str) -> None:
    assert ROWS[name].in_vpc == ("migration.database" in reached(name).modules)


@pytest.mark.parametrize("name", ROWS)
def test_star_stands_only_where_aws_has_no_resource(name: str) -> None:
    for grant in ROWS[name].grants:
        assert not any("*" in action for action in grant.actions)
        if "*" in grant.resources:
            assert set(grant.actions) <= NO_RESOURCE_TYPE


def test_every_handler_has_a_row() -> None:
    files = {
        f"{package}.{path.stem}"
        for package in ("tasks", "operations", "events")
        for path in (LAMBDAS / package).glob("*.py")
        if path.stem != "__init__"
    }
    assert files == {f"{row.package}.{module_name(row.name)}" for row in ROWS.values()}
