"""The queue of what is made for somebody: speech, podcasts, decks, prose, and resources to retrieve from."""

from activities.decks import DeckActivities
from activities.frames import FrameActivities
from activities.ingestion import IngestionActivities
from activities.podcasts import PodcastActivities
from activities.prose import ProseActivities
from activities.speech import SpeechActivities
from agents_backend.integrations.parsing.reader import Reader as DocumentReader
from agents_backend.integrations.speech.providers import SpeechProviders
from agents_backend.services.decks import DeckFiles
from agents_backend.services.model_texts import ModelTexts
from agents_backend.services.podcasts import PodcastFiles
from agents_backend.services.progress import Progress
from agents_backend.services.prose import ProseTexts
from agents_backend.services.rag_documents import Documents
from agents_backend.services.rag_ingestion import Ingestion
from agents_backend.services.run_parts import RunParts
from agents_backend.services.speech import SpeechFiles
from agents_backend.services.spoken_lines import SpokenLines
from workers.queues.parts import Parts, Work, together
from workflows.deck import DeckWorkflow
from workflows.ingestion import IngestWorkflow
from workflows.podcast import PodcastWorkflow
from workflows.prose import ProseWorkflow
from workflows.speech import SpeechWorkflow


def media(parts: Parts) -> Work:
    frame, makers = FrameActivities(ends=parts.ends), _Makers(parts)
    return together(
        Work(activities=[frame.mark_step, frame.finish_run]),
        makers.speech(),
        makers.podcasts(),
        makers.decks(),
        makers.prose(),
        makers.resources(),
    )


class _Makers:
    """Each kind of thing that is made, over what all of them are made with."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._storage, self._artifacts = parts, parts.storage, parts.artifacts
        self._made, self._progress = RunParts(database=parts.database), Progress(log=parts.log)
        self._voices = SpeechProviders(parts.settings)
        self._texts = ModelTexts(log=parts.log, models=parts.models, spending=parts.spending)
        self._lines = SpokenLines(
            parts=self._made,
            storage=self._storage,
            providers=self._voices,
            progress=self._progress,
            spending=parts.spending,
            settings=parts.settings.speech,
        )

    def speech(self) -> Work:
        files = SpeechFiles(parts=self._made, lines=self._lines, providers=self._voices, artifacts=self._artifacts)
        speech = SpeechActivities(files=files, lines=self._lines)
        return Work(
            workflows=[SpeechWorkflow],
            activities=[speech.plan_speech, speech.speak_line, speech.mix_speech, speech.clear_lines],
        )

    def podcasts(self) -> Work:
        files = PodcastFiles(
            parts=self._made,
            texts=self._texts,
            lines=self._lines,
            providers=self._voices,
            artifacts=self._artifacts,
        )
        podcasts = PodcastActivities(files=files)
        return Work(workflows=[PodcastWorkflow], activities=[podcasts.write_script, podcasts.mix_podcast])

    def decks(self) -> Work:
        files = DeckFiles(
            parts=self._made,
            texts=self._texts,
            artifacts=self._artifacts,
            progress=self._progress,
            pictures=self._parts.pictures,
        )
        decks = DeckActivities(files=files)
        return Work(workflows=[DeckWorkflow], activities=[decks.outline_deck, decks.build_deck])

    def prose(self) -> Work:
        texts = ProseTexts(parts=self._made, texts=self._texts, artifacts=self._artifacts, progress=self._progress)
        return Work(workflows=[ProseWorkflow], activities=[ProseActivities(texts=texts).write_prose])

    def resources(self) -> Work:
        parts = self._parts
        ingestion = Ingestion(
            database=parts.database,
            parts=self._made,
            documents=Documents(storage=self._storage),
            pages=parts.pages,
            reader=DocumentReader(parts.settings.rag),
            embedding=parts.embedding,
            progress=self._progress,
            settings=parts.settings.rag,
        )
        made = IngestionActivities(ingestion=ingestion)
        return Work(
            workflows=[IngestWorkflow],
            activities=[
                *(made.fetch_resource, made.parse_resource, made.cut_resource),
                *(made.embed_passages, made.index_resource, made.refuse_resource),
            ],
        )
