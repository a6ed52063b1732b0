"""Python functions run under AWS's own runtime client, in processes that hold only what Lambda gives them.

ministack's Python worker loses the class of an exception (every error is `Runtime.HandlerError`), so that Retry and
Catch by name cannot work. Its worker for `provided.*` runtimes speaks the real Runtime API: Python functions go there,
with awslambdaric as the bootstrap.
"""

import hashlib
import io
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_region, new_uuid
from ministack.services import iam, lambda_svc

from rehearsal.account import faults, platform, settings

_BOOTSTRAP = Path(__file__).resolve().parents[1] / "runtime" / "bootstrap.py"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
# The log lines of an invocation reach the pipe before its answer; the reader thread needs a moment to take them.
_LOG_GRACE_SECONDS = 0.004
_LOG_QUIET_SECONDS = 0.001
_IDLE_SECONDS = 2.0
_KEPT_ARCHIVES = 40


class PythonWorker(lambda_runtime.ProvidedWorker):  # type: ignore[misc]
    """One execution environment of a Python function."""

    def _build_handler_class(self, generation: int, pending: Any) -> Any:
        class Handler(super()._build_handler_class(generation, _Patient(pending))):  # type: ignore[misc]
            # Without these the answer leaves as two packets and waits 40 ms for the first one's acknowledgement.
            disable_nagle_algorithm = True
            wbufsize = -1

        return Handler

    def _pump_output(self, stream: Any, log_queue: Any) -> None:
        super()._pump_output(_Watched(stream, self.func_name, self._proc), log_queue)

    def _drain_stderr_bounded(self, **_: Any) -> str:
        return str(super()._drain_stderr_bounded(_LOG_GRACE_SECONDS, _LOG_QUIET_SECONDS, hard_cap=0.1))

    def invoke(self, event: Any, request_id: str, **context: Any) -> Any:
        result = super().invoke(event, request_id, **context)
        payload = result.get("error_payload")
        if isinstance(payload, dict) and payload.get("errorType") == "Runtime.ExitError":
            payload["errorMessage"] = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
        return result


class _Watched:
    """The output of a process, which is killed at the line that a fault names."""

    def __init__(self, stream: Any, function: str, process: Any) -> None:
        self._stream, self._function, self._process = stream, function, process

    def readline(self) -> bytes:
        line: bytes = self._stream.readline()
        if line and faults.of_log_line(self._function, line.decode(errors="replace")):
            self._process.kill()
        return line

    def close(self) -> None:
        self._stream.close()


class _Patient:
    """The queue of an environment's invocations, looked at when there is one and not ten times a second."""

    def __init__(self, pending: Any) -> None:
        self._pending = pending

    def get(self, timeout: float) -> Any:
        return self._pending.get(timeout=max(timeout, _IDLE_SECONDS))


def apply() -> None:
    """Route every `python*` function to `PythonWorker`."""
    other_class, other_executor = lambda_runtime._worker_class_for, lambda_svc._execute_function_warm
    lambda_runtime._worker_class_for = lambda config: PythonWorker if _is_python(config) else other_class(config)

    def execute(func: dict[str, Any], event: Any, request_id: str) -> Any:
        if _is_python(func.get("config") or func):
            return lambda_svc._execute_function_provided_warm(func, event, request_id)
        return other_executor(func, event, request_id)

    lambda_svc._execute_function_warm = execute
    lambda_svc._provided_worker_env = _environment
    lambda_svc._provided_runtime_code_dir = _unpacked
    _discard_old(settings.STATE_DIR / "code")


def _is_python(config: dict[str, Any]) -> bool:
    return str(config.get("Runtime", "")).startswith("python")


def _unpacked(archive: bytes) -> str:
    """The directory holding the files of a code or layer archive; kept between runs under the archive's hash."""
    target = settings.STATE_DIR / "code" / hashlib.sha256(archive).hexdigest()[:24]
    with lambda_svc._provided_code_lock:
        if not target.exists():
            partial = target.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            with zipfile.ZipFile(io.BytesIO(archive)) as contents:
                lambda_svc._extract_zip_preserving_mode(contents, str(partial))
            _write_bootstrap(partial / "bootstrap")
            partial.rename(target)
    return str(target)


def _discard_old(directory: Path) -> None:
    unpacked = sorted(directory.glob("*"), key=lambda path: path.stat().st_mtime)
    for path in unpacked[:-_KEPT_ARCHIVES]:
        shutil.rmtree(path, ignore_errors=True)


def _require_trust(role_arn: str) -> None:
    """Refuse a role that Lambda may not assume, as CreateFunction does; a template's function is not asked there."""
    role = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    if role is None or not platform.trusts(role, "lambda.amazonaws.com"):
        raise lambda_runtime.ProvidedRuntimeError(
            "The role defined for the function cannot be assumed by Lambda.", "AccessDeniedException"
        )


def _write_bootstrap(path: Path) -> None:
    path.write_text(f'#!/bin/sh\nexec "{settings.RUNTIME_PYTHON}" -u "{_BOOTSTRAP}" "$_HANDLER"\n')
    path.chmod(0o755)


def _environment(config: dict[str, Any], code_dir: str, port: int) -> dict[str, str]:
    """The environment of a function: Lambda's own variables, the function's, its role's credentials, nothing else."""
    _require_trust(config.get("Role", ""))
    name = config.get("FunctionName", "")
    layers = [
        _unpacked(archive) for archive in map(lambda_svc._resolve_layer_zip, config.get("Layers") or []) if archive
    ]
    logging = config.get("LoggingConfig") or {}
    environment = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    environment |= {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_REGION": get_region(),
        "AWS_DEFAULT_REGION": get_region(),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime')}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_LOG_GROUP_NAME": logging.get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": new_uuid(),
        "AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat", "Text").upper(),
        "AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel", "INFO"),
        "AWS_ENDPOINT_URL": settings.ENDPOINT_URL,
        lambda_runtime.HOST_PREFIX_ENV: "true",
        "LAMBDA_TASK_ROOT": code_dir,
        "ACCOUNT_KILL_POINTS": str(settings.KILL_POINTS),
        "PYTHONPATH": os.pathsep.join([code_dir, *(f"{layer}/python" for layer in layers), *layers]),
        "TZ": ":UTC",
        "_HANDLER": config.get("Handler", ""),
    }
    if (config.get("VpcConfig") or {}).get("SubnetIds"):
        environment["ACCOUNT_RESOLVER"] = f"127.0.0.1:{settings.DNS_PORT}"
    own: dict[str, str] = lambda_svc._runtime_env_vars(config)
    credentials: dict[str, str] = lambda_runtime.execution_credentials(config)
    return environment | own | credentials
