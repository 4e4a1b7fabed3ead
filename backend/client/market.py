"""The marketplace from a program: find a service, buy it with a wallet, call it with the `openai` package.

::

    async with AsyncEmporion("http://127.0.0.1:8080", "http://127.0.0.1:8545", wallet) as market:
        service = (await market.search("smollm2"))[0]
        await market.buy(service.plan("metered"), units=100)
        async with await market.openai() as client:
            await client.chat.completions.create(model=service.model, messages=[...])
"""

from backend.client.calling import Calling
from backend.client.providing import Providing
from backend.client.reselling import Reselling
from backend.client.staking import Staking


class AsyncEmporion(Calling, Reselling, Staking, Providing):
    """One gateway, one node, one wallet: buyer, holder, staker and provider. Use it in `async with`."""
