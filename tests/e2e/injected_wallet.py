"""A browser wallet as sites see one (EIP-1193, announced by EIP-6963), whose keys are held by the test.

It begins on another network, knows a chain only once it was added, and notes everything it was asked.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_account.signers.local import LocalAccount
from playwright.async_api import BrowserContext

from backend.core.units import checksum, to_address

NAME: Final = "Wallet of the test"
ANNOUNCED: Final = """
(() => {
  const listeners = {};
  const provider = {
    request: async ({ method, params }) => {
      const answer = JSON.parse(await window.askWallet(JSON.stringify({ method, params: params || [] })));
      if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
      return answer.result;
    },
    on: (name, work) => { (listeners[name] ||= []).push(work); },
    removeListener: () => {},
  };
  const uuid = "6a3b0f0e-0000-4000-8000-000000000001";
  const info = { uuid, name: "NAME", icon: "data:,", rdns: "test.wallet" };
  const announce = () => window.dispatchEvent(
    new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
""".replace("NAME", NAME)
SIGNING: Final = frozenset({"personal_sign", "eth_signTypedData_v4", "eth_sendTransaction"})


class Refused(Exception):
    """What the wallet answers instead; codes as in EIP-1193 and EIP-3326."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class InjectedWallet:
    """One account. `asked` are the methods a site called, in order; `declines` refuses to sign."""

    node_url: str
    account: LocalAccount = field(default_factory=Account.create)
    chain_id: int = 1
    known: set[int] = field(default_factory=lambda: {1})
    asked: list[str] = field(default_factory=list)
    declines: bool = False
    allowed: list[int] = field(default_factory=list)
    """Gas that a site allowed beyond the estimate it was given, a transaction each."""
    estimated: int | None = None
    """Gas of the newest estimate that no transaction has followed yet."""

    async def enter(self, context: BrowserContext) -> None:
        """Be there on every page of a browser context."""
        await context.expose_function("askWallet", self.answer)
        await context.add_init_script(ANNOUNCED)

    @property
    def signed(self) -> list[str]:
        """What it was asked to sign."""
        return [method for method in self.asked if method in SIGNING]

    async def answer(self, text: str) -> str:
        """One request of a site, as JSON."""
        said = json.loads(text)
        self.asked.append(said["method"])
        try:
            return json.dumps({"result": await self._do(said["method"], said["params"])})
        except Refused as refusal:
            return json.dumps({"error": {"code": refusal.code, "message": str(refusal)}})

    async def _do(self, method: str, params: list[Any]) -> Any:
        if method in SIGNING and self.declines:
            raise Refused(4001, "User rejected the request.")
        match method:
            case "eth_requestAccounts" | "eth_accounts":
                return [self.account.address]
            case "eth_chainId":
                return hex(self.chain_id)
            case "wallet_switchEthereumChain" | "wallet_addEthereumChain":
                return self._to_chain(int(params[0]["chainId"], 16), added="add" in method)
            case "personal_sign":
                message = encode_defunct(hexstr=params[0])
                return "0x" + self.account.sign_message(message).signature.hex()
            case "eth_signTypedData_v4":
                message = encode_typed_data(full_message=json.loads(params[1]))
                return "0x" + self.account.sign_message(message).signature.hex()
            case "eth_sendTransaction":
                return await self._send(params[0])
            case "eth_estimateGas":
                found = await self._node(method, params)
                self.estimated = int(found, 16)
                return found
        return await self._node(method, params)

    def _to_chain(self, wanted: int, *, added: bool) -> None:
        if added:
            self.known.add(wanted)
        if wanted not in self.known:
            raise Refused(4902, "Unrecognized chain ID.")
        self.chain_id = wanted

    async def _send(self, wanted: dict[str, Any]) -> Any:
        count = await self._node("eth_getTransactionCount", [self.account.address, "pending"])
        gas = wanted.get("gas") or await self._node("eth_estimateGas", [wanted])
        if self.estimated is not None:
            self.allowed.append(int(gas, 16) - self.estimated)
            self.estimated = None
        price = int(await self._node("eth_gasPrice", []), 16)
        transaction: dict[str, Any] = {
            "to": checksum(to_address(wanted["to"])),
            "data": wanted.get("data", "0x"),
            "value": int(wanted.get("value", "0x0"), 16),
            "nonce": int(count, 16),
            "gas": int(gas, 16),
            "maxFeePerGas": 2 * price,
            "maxPriorityFeePerGas": min(price, 10**9),
            "chainId": self.chain_id,
        }
        signed = self.account.sign_transaction(transaction)
        return await self._node("eth_sendRawTransaction", ["0x" + signed.raw_transaction.hex()])

    async def _node(self, method: str, params: list[Any]) -> Any:
        async with httpx.AsyncClient() as http:
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            said = (await http.post(self.node_url, json=body)).json()
        if "error" in said:
            raise Refused(said["error"].get("code", -32603), said["error"]["message"])
        return said["result"]
