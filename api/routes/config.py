"""What this deployment can do: agents, models, tools, limits."""

from fastapi import APIRouter

from agents_backend.domain.errors import Unauthenticated, Unavailable
from api.dependencies import AgentConfigOf, CurrentUser, SandboxReachOf
from api.openapi import errors
from api.schemas.config import AgentConfigView

router = APIRouter(tags=["config"])


@router.get(
    "/agent/config",
    summary="The agents, models and tools that one can use here, and the limits",
    responses=errors(Unauthenticated, Unavailable),
)
async def get_agent_config(
    user: CurrentUser,  # noqa: ARG001  # any user
    config: AgentConfigOf,
    reach: SandboxReachOf,
) -> AgentConfigView:
    return AgentConfigView.of(config, await reach.look())
