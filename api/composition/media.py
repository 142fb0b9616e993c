"""What users bring and what is made for them: files, speech, prose, podcasts, decks, resources."""

from agents_backend.integrations.embeddings import providers
from agents_backend.services.decks import DeckRequests
from agents_backend.services.deliveries import Deliveries
from agents_backend.services.pictures import Pictures
from agents_backend.services.podcasts import PodcastRequests
from agents_backend.services.prose import ProseRequests
from agents_backend.services.rag_documents import Documents
from agents_backend.services.rag_resources import Resources
from agents_backend.services.rag_search import Retrieval
from agents_backend.services.speech import SpeechRequests
from agents_backend.services.staged_files import StagedFiles
from api.composition.parts import Parts


class Media:
    def __init__(self, parts: Parts) -> None:
        settings, database = parts.settings, parts.database
        starts, artifacts, storage = parts.starts, parts.artifacts, parts.storage
        self.artifacts = artifacts
        self.deliveries = Deliveries(database=database, hub=parts.hub, lost=parts.lost, artifacts=artifacts)
        self.files = StagedFiles(database=database, storage=storage, settings=settings.files)
        self.speech = SpeechRequests(starts=starts, artifacts=artifacts)
        self.prose = ProseRequests(starts=starts, artifacts=artifacts)
        self.podcasts = PodcastRequests(starts=starts, artifacts=artifacts)
        pictures = Pictures(allow_loopback=settings.agents.fetch_allow_loopback)
        self.decks = DeckRequests(starts=starts, artifacts=artifacts, pictures=pictures)
        self.resources = Resources(
            database=database,
            starts=starts,
            launches=parts.launches,
            documents=Documents(storage=storage),
            settings=settings,
        )
        self.retrieval = Retrieval(database=database, embeddings=providers.connect(settings))
