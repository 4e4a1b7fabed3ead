"""An agent that finds, pays for and checks what it uses: `python examples/agent.py` beside `make devnet`.

It has a purse and two tools, and speaks the OpenAI shape, so any framework that does can take its place:
`langchain/` has an agent of that.
GATEWAY, NODE and KEY_FILE say where; a devnet prints all three.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from backend.client import Emporion, Service, Wallet

CREDITS, TURNS = 50, 3
TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "description": text, "parameters": {"type": "object", "properties": {}}},
    }
    for name, text in (("time_now", "The time now, UTC."), ("credits_left", "What is left to spend."))
]


def tool(market: Emporion, plan_id: int, name: str) -> str:
    """What a tool answers. What the model asks for is only ever looked up here, never run."""
    if name == "time_now":
        return datetime.now(UTC).isoformat(timespec="seconds")
    if name == "credits_left":
        return str(market.credits(plan_id))
    return f"there is no tool {name}"


def think(market: Emporion, service: Service, task: str) -> list[str]:
    """Work on a task until the model has no more use for tools; request ids, the answer printed."""
    plan_id, requests = service.plan("metered").id, []
    messages = [
        {"role": "system", "content": "Answer in one sentence. Use a tool where it helps."},
        {"role": "user", "content": task},
    ]
    with market.openai() as client:
        for _ in range(TURNS):
            raw = client.chat.completions.with_raw_response.create(
                model=service.model, messages=messages, tools=TOOLS, max_tokens=48
            )
            requests.append(raw.headers["x-request-id"])
            said = raw.parse().choices[0].message
            messages.append(said.model_dump(exclude_none=True))
            for call in said.tool_calls or []:
                result = tool(market, plan_id, call.function.name)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
            if not said.tool_calls:
                print(said.content)
                break
    return requests


wallet = Wallet.from_file(Path(os.environ["KEY_FILE"]))
with Emporion(os.environ["GATEWAY"], os.environ["NODE"], wallet) as market:
    best = market.search("smollm2", sort="uptime")[0]
    market.buy(best.plan("metered"), CREDITS)
    made = think(market, best, "What time is it, and what is the capital of France?")
    receipts = [market.receipt(one) for one in made]
    wrong = [one for one in made for verdict in market.verify_receipt(one) if verdict.finding == "false"]
    spent = sum(int(one["micro_credits"]) for one in receipts)
    print(json.dumps({"calls": len(made), "micro_credits": spent, "wrong_receipts": len(wrong)}))
