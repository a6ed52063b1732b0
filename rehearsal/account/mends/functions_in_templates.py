"""A function of a template is in its VPC and has its concurrency; ministack's provisioner drops both properties."""

from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners


def apply() -> None:
    """Complete what CreateStack and UpdateStack make of `AWS::Lambda::Function`."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    handlers["create"] = _completed(handlers["create"], lambda arguments: arguments[1])
    handlers["update"] = _completed(handlers["update"], lambda arguments: arguments[2])


def _completed(provision: Callable[..., Any], properties: Callable[..., Any]) -> Callable[..., Any]:
    def complete(*arguments: Any, **options: Any) -> Any:
        made = provision(*arguments, **options)
        function, given = lambda_svc._functions[made[0]], properties(arguments)
        function["config"]["VpcConfig"] = lambda_svc._vpc_config_with_id(given.get("VpcConfig"))
        function["concurrency"] = given.get("ReservedConcurrentExecutions")
        if "DeadLetterConfig" in given:
            function["config"]["DeadLetterConfig"] = given["DeadLetterConfig"]
        return made

    return complete
