"""A path that leads nowhere fails the execution with States.Runtime; ministack reads null and goes on.

Only `IsPresent` may ask for what is not there (Step Functions developer guide, "Choice workflow state").
"""

from typing import Any

from ministack.services import stepfunctions


def apply() -> None:
    """Check the paths of Parameters, ResultSelector, InputPath, OutputPath and Choice rules."""
    parameters, rule = stepfunctions._resolve_params_obj, stepfunctions._evaluate_rule
    input_path, output_path = stepfunctions._apply_input_path, stepfunctions._apply_output_path

    def resolve(template: Any, data: Any, ctx: Any = None) -> Any:
        if isinstance(template, dict):
            for key, path in template.items():
                if key.endswith(".$"):
                    _require(path, data, ctx, key)
        return parameters(template, data, ctx)

    def evaluate(choice: Any, data: Any, ctx: Any = None) -> Any:
        if "Variable" in choice and "IsPresent" not in choice:
            _require(choice["Variable"], data, ctx, "Variable")
        return rule(choice, data, ctx)

    def select(field: str, original: Any) -> Any:
        def checked(state: Any, data: Any, ctx: Any = None) -> Any:
            if state.get(field):
                _require(state[field], data, ctx, field)
            return original(state, data, ctx)

        return checked

    stepfunctions._resolve_params_obj = resolve
    stepfunctions._evaluate_rule = evaluate
    stepfunctions._apply_input_path = select("InputPath", input_path)
    stepfunctions._apply_output_path = select("OutputPath", output_path)


def _require(path: Any, data: Any, ctx: Any, field: str) -> None:
    if not isinstance(path, str) or not path.startswith("$"):
        return
    in_context = path.startswith("$$")
    if not _leads_somewhere(path[1:] if in_context else path, (ctx or {}) if in_context else data):
        cause = f"The JSONPath '{path}' specified for the field '{field}' could not be found in the input"
        raise stepfunctions._ExecutionError("States.Runtime", cause)


def _leads_somewhere(path: str, data: Any) -> bool:
    for kind, key in stepfunctions._parse_jsonpath_tokens(path) or []:
        if kind == "wildcard":
            return True
        if kind == "field" and not (isinstance(data, dict) and key in data):
            return False
        if kind == "index" and not (isinstance(data, list) and key < len(data)):
            return False
        data = data[key]
    return True
