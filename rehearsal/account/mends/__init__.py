"""The mends of ministack 1.5.33: one module each, each with `apply()`, each held by a contract test."""

from rehearsal.account.mends import (
    alarms,
    authorization,
    execution_events,
    functions_in_templates,
    injected_faults,
    lambda_workers,
    metrics,
    notifications,
    route53,
    scheduler,
    sdk_integrations,
    service_metrics,
    states_definition,
    states_execution,
    states_log,
    states_paths,
    states_redrive,
    states_task,
    states_token,
    states_walk,
)

_MENDS = (
    alarms,
    authorization,
    execution_events,
    functions_in_templates,
    injected_faults,
    lambda_workers,
    metrics,
    notifications,
    route53,
    scheduler,
    sdk_integrations,
    service_metrics,
    states_definition,
    states_execution,
    states_log,
    states_paths,
    states_redrive,
    states_task,
    states_token,
    states_walk,
)


def apply_all() -> None:
    """Apply every mend; once, before the account serves."""
    for mend in _MENDS:
        mend.apply()
