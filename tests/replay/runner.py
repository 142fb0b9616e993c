"""How workflows are held to determinism: replayed in Temporal's sandbox, which their workers do without (ADR 0005)."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

# Not `workflows`: they are loaded anew in the sandbox, where clocks, chance, files and the network are refused.
_ALWAYS_THE_SAME = ("agents_backend", "pydantic", "pydantic_core", "ag_ui", "langchain_core", "langgraph")


def strict_runner() -> SandboxedWorkflowRunner:
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*_ALWAYS_THE_SAME))
