"""A LangChain agent whose model is bought access: it knows a base URL and a key, and nothing of wallets.

EMPORION_URL is the gateway, EMPORION_KEY a key of a wallet with credits, EMPORION_MODEL the service: the
README here has the commands.
"""

import json
import os
import sys
from datetime import UTC, datetime

from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

STEPS = 11
"""Of the graph: a turn of the model and its tools are two. A small model may go on asking for tools."""


@tool
def time_now() -> str:
    """The time now, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@tool
def add(first: float, second: float) -> float:
    """The sum of two numbers."""
    return first + second


model = ChatOpenAI(
    base_url=f"{os.environ['EMPORION_URL']}/v1",
    api_key=os.environ["EMPORION_KEY"],
    model=os.environ["EMPORION_MODEL"],
    max_tokens=48,
    temperature=0,
    max_retries=0,
    include_response_headers=True,
)
agent = create_agent(
    model, [time_now, add], system_prompt="Answer in one sentence. Use a tool where it helps."
)

question = " ".join(sys.argv[1:]) or "What is the capital of France?"
turns = []
for step in agent.stream({"messages": [("user", question)]}, {"recursion_limit": STEPS}):
    turns += [message for part in step.values() for message in part["messages"]]
said = [message for message in turns if isinstance(message, AIMessage)]
print(said[-1].content)
requests = [message.response_metadata["headers"]["x-request-id"] for message in said]
tools = sum(len(message.tool_calls) for message in said)
print(json.dumps({"requests": requests, "tools": tools, "tokens": said[-1].usage_metadata["total_tokens"]}))
