"""Who may do what, and what the administration sees and keeps."""

from agents_backend.integrations.payloads import payload_codec
from agents_backend.integrations.temporal_state import TemporalState
from agents_backend.services.auth import AuthService
from agents_backend.services.credits import Credits
from agents_backend.services.depts import Depts
from agents_backend.services.generator import Generator
from agents_backend.services.health import HealthService
from agents_backend.services.logs import Logs
from agents_backend.services.menus import Menus
from agents_backend.services.monitor import Monitor
from agents_backend.services.oauth import OAuth
from agents_backend.services.payloads import Payloads
from agents_backend.services.roles import Roles
from agents_backend.services.sessions import Sessions
from agents_backend.services.users import Users
from api.composition.parts import Parts


class Administration:
    def __init__(self, parts: Parts) -> None:
        settings, database, redis, principals = parts.settings, parts.database, parts.redis, parts.principals
        self.auth = AuthService(
            database=database, redis=redis, passwords=parts.passwords, settings=settings, principals=principals
        )
        self.oauth = OAuth(database=database, redis=redis, auth=self.auth, settings=settings)
        self.users = Users(database=database, passwords=parts.passwords, principals=principals)
        self.roles = Roles(database=database, principals=principals)
        self.depts = Depts(database=database, principals=principals)
        self.menus = Menus(database=database, principals=principals)
        self.sessions = Sessions(database=database, principals=principals)
        self.credits = Credits(database=database, settings=settings.credits)
        self.generator = Generator(database=database)
        self.logs = Logs(database=database)
        self.opera_logs = parts.opera_logs
        self.monitor = Monitor(redis=redis, temporal=TemporalState(parts.temporal), data_dir=settings.data_dir)
        self.payloads = Payloads(payload_codec(settings), namespace=settings.temporal.namespace)
        self.health = HealthService(database=database, redis=redis, temporal=parts.temporal)
