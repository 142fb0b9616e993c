"""The yardstick: the same graph shape on FastAPI and LangGraph alone. Nothing lasts: a restart loses every run."""

import argparse
import json
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any, TypedDict

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from pydantic import BaseModel


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


class Body(BaseModel):
    messages: list[dict[str, Any]]


def frame(event: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(event, separators=(',', ':'))}\n\n".encode()


def create(model_url: str) -> FastAPI:
    model = ChatOpenAI(model="fake", base_url=model_url, api_key="none", max_retries=0, stream_usage=True)

    async def answer(state: State) -> State:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(State)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    agent, app = graph.compile(), FastAPI()

    async def events(body: Body) -> AsyncIterator[bytes]:
        message_id = uuid.uuid4().hex
        yield frame({"type": "RUN_STARTED"})
        asked = {"messages": [HumanMessage(m["content"]) for m in body.messages]}
        async for chunk, _ in agent.astream(asked, stream_mode="messages"):
            if chunk.content:
                yield frame({"type": "TEXT_MESSAGE_CONTENT", "messageId": message_id, "delta": chunk.content})
        yield frame({"type": "RUN_FINISHED"})

    @app.post("/chat")
    async def chat(body: Body) -> StreamingResponse:
        return StreamingResponse(events(body), media_type="text/event-stream")

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model-url", required=True)
    given = parser.parse_args()
    uvicorn.run(create(given.model_url), port=given.port, log_level="error", loop="uvloop", http="httptools")
