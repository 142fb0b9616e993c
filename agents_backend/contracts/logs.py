"""What a round of forgetting took away."""

from agents_backend.contracts.turns import Frozen


class Forgotten(Frozen):
    """How many rows of each kind."""

    logins: int = 0
    operations: int = 0
    sessions: int = 0
