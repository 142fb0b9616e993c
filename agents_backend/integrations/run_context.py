"""Who a piece of work is for, carried from the HTTP request through the workflow to its activities, into every log line."""

import re
from collections.abc import Mapping
from typing import Any, NoReturn

import structlog
from temporalio import activity, client, worker, workflow
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadConverter

_HEADER = "request-id"
_RUN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
Headers = Mapping[str, Payload]


class RunContext(client.Interceptor, worker.Interceptor):
    """Give it to a client; the workers made from that client have it too."""

    def intercept_client(self, next: client.OutboundInterceptor) -> client.OutboundInterceptor:  # noqa: A002
        return _Client(next)

    def intercept_activity(self, next: worker.ActivityInboundInterceptor) -> worker.ActivityInboundInterceptor:  # noqa: A002
        return _Activity(next)

    def workflow_interceptor_class(
        self, _: worker.WorkflowInterceptorClassInput
    ) -> type[worker.WorkflowInboundInterceptor]:
        return _Workflow


class _Client(client.OutboundInterceptor):
    async def start_workflow(self, input: client.StartWorkflowInput) -> client.WorkflowHandle[Any, Any]:  # noqa: A002
        # A run that was queued is started by the one before it, and is still its own request's.
        own = getattr(input.args[0], "request_id", "") if input.args else ""
        found = own or structlog.contextvars.get_contextvars().get("request_id")
        if found:
            header = PayloadConverter.default.to_payloads([found])[0]
            input.headers = {**input.headers, _HEADER: header}
        return await super().start_workflow(input)


class _Workflow(worker.WorkflowInboundInterceptor):
    def init(self, outbound: worker.WorkflowOutboundInterceptor) -> None:
        self._outbound = _Outbound(outbound)
        super().init(self._outbound)

    async def execute_workflow(self, input: worker.ExecuteWorkflowInput) -> Any:  # noqa: A002
        self._outbound.passed_on = {name: value for name, value in input.headers.items() if name == _HEADER}
        _bind(input.headers, workflow.info().workflow_id)
        return await super().execute_workflow(input)


class _Outbound(worker.WorkflowOutboundInterceptor):
    """What a workflow starts is for the same request."""

    passed_on: Headers = {}  # noqa: RUF012  # replaced, never changed

    def start_activity(self, input: worker.StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002
        input.headers = {**input.headers, **self.passed_on}
        return super().start_activity(input)

    def start_local_activity(self, input: worker.StartLocalActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002
        input.headers = {**input.headers, **self.passed_on}
        return super().start_local_activity(input)

    async def start_child_workflow(
        self,
        input: worker.StartChildWorkflowInput,  # noqa: A002
    ) -> workflow.ChildWorkflowHandle[Any, Any]:
        input.headers = {**input.headers, **self.passed_on}
        return await super().start_child_workflow(input)

    def continue_as_new(self, input: worker.ContinueAsNewInput) -> NoReturn:  # noqa: A002
        input.headers = {**input.headers, **self.passed_on}
        super().continue_as_new(input)


class _Activity(worker.ActivityInboundInterceptor):
    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:  # noqa: A002
        info = activity.info()
        # Each attempt is a task of its own, so nothing is unbound; what the SDK says of a failure is in the same context.
        _bind(input.headers, info.workflow_id or "", activity=info.activity_type, attempt=info.attempt)
        return await super().execute_activity(input)


def _bind(headers: Headers, workflow_id: str, **more: Any) -> None:
    found = _RUN_ID.search(workflow_id)
    values = {"workflow_id": workflow_id, "run_id": found[0] if found else "", **more}
    if header := headers.get(_HEADER):
        values["request_id"] = PayloadConverter.default.from_payloads([header])[0]
    structlog.contextvars.bind_contextvars(**values)
