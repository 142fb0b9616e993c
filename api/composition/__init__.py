"""The composition root of the API, one file an area: the one place that knows which collaborator goes where."""

from api.composition.administration import Administration
from api.composition.agents import Agents
from api.composition.boxes import Boxes
from api.composition.media import Media
from api.composition.parts import Parts, opened


class Services(Administration, Agents, Boxes, Media):
    """What routes may call, on `app.state.services`: each area's services by their names."""

    def __init__(self, parts: Parts) -> None:
        self.settings = parts.settings
        self.database = parts.database
        self.redis = parts.redis
        for area in (Administration, Agents, Boxes, Media):
            area.__init__(self, parts)


__all__ = ["Services", "opened"]
