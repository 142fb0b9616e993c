"""What a sweep found and mended."""

from agents_backend.contracts.turns import Frozen


class Swept(Frozen):
    """How many runs of each kind.

    Attributes:
        started: rows whose workflow had not been started.
        delivered: answers that had not reached their workflow.
        lost: runs whose workflow was gone.
        promoted: queued runs whose thread was free.
        settled: runs that had ended with credits still reserved.
    """

    started: int = 0
    delivered: int = 0
    lost: int = 0
    promoted: int = 0
    settled: int = 0
