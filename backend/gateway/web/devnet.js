// What only a development chain allows: a wallet from nothing, money from nothing. Its node answers this page directly.

import { Contract, JsonRpcProvider, NonceManager, Wallet, id, parseEther, toQuantity } from "/web/ethers.js";
import { say } from "/web/dom.js";

const ERC20 = ["function mint(address,uint256)", "function transfer(address,uint256) returns (bool)", "function balanceOf(address) view returns (uint256)"];
const DOLLARS = 1000n * 10n ** 6n;
const TOKENS = parseEther("5000");

function node({ rpc_url: rpc, devnet }) {
  if (!devnet || !rpc) throw new Error("this gateway names no node of a development chain");
  return new JsonRpcProvider(rpc, undefined, { pollingInterval: 400, cacheTimeout: -1 });
}

export async function testWallet(chain) {
  const provider = node(chain);
  const key = localStorage.getItem("devnet-key") || Wallet.createRandom().privateKey;
  localStorage.setItem("devnet-key", key);
  const wallet = new Wallet(key, provider);
  if ((await provider.getBalance(wallet.address)) === 0n) {
    await fund(chain, wallet.address);
    say("The test wallet was given gas, 1,000 test dollars and 5,000 EMP.");
  }
  const signs = new NonceManager(wallet);
  signs.address = wallet.address;
  return signs;
}

// From the devnet's operator, whose key everybody can compute, as `emporion devnet` says.
export async function fund(chain, address) {
  const provider = node(chain);
  const operator = new Wallet(id("emporion devnet operator"), provider);
  const gas = (await provider.getBalance(address)) + parseEther("10");
  await provider.send("anvil_setBalance", [address, toQuantity(gas)]);
  await provider.send("anvil_setBalance", [operator.address, toQuantity(parseEther("10000"))]);
  const nonce = await provider.getTransactionCount(operator.address, "pending");
  const [dollar, emp] = ["TestDollar", "EmporionToken"].map((name) => new Contract(chain.contracts[name].address, ERC20, operator));
  const sent = [await dollar.mint(address, DOLLARS, { nonce })];
  if ((await emp.balanceOf(operator.address)) >= TOKENS) sent.push(await emp.transfer(address, TOKENS, { nonce: nonce + 1 }));
  await Promise.all(sent.map((one) => one.wait()));
}
