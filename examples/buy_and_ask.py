"""Buy credits with a wallet and ask a model: `python examples/buy_and_ask.py` beside `make devnet`.

GATEWAY, NODE and KEY_FILE say where; a devnet prints all three.
"""

import os
from pathlib import Path

from backend.client import Emporion, Wallet

wallet = Wallet.from_file(Path(os.environ["KEY_FILE"]))
with Emporion(os.environ["GATEWAY"], os.environ["NODE"], wallet) as market:
    service = market.search("smollm2")[0]
    market.buy(service.plan("metered"), units=100)
    with market.openai() as client:
        answer = client.chat.completions.create(
            model=service.model, messages=[{"role": "user", "content": "What is the capital of France?"}]
        )
    print(answer.choices[0].message.content)
