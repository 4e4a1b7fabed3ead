// The wallet: any EIP-6963 or EIP-1193 provider, or on a devnet a test wallet kept in this browser.

import { BrowserProvider, Contract } from "/web/ethers.js";
import { api, chainFacts, setSession, short } from "/web/api.js";
import { ask, explain, h, say } from "/web/dom.js";
import { fund, testWallet } from "/web/devnet.js";

const found = new Map();
let signer = null;
let address = "";
let current = null;
let listener = () => {};

window.addEventListener("eip6963:announceProvider", (event) => {
  const { info, provider } = event.detail;
  if (found.has(info.uuid)) return;
  found.set(info.uuid, { id: info.rdns || info.name, name: info.name, provider });
  comeBack();
});
window.dispatchEvent(new Event("eip6963:requestProvider"));

export const account = () => address;
export const onChange = (work) => { listener = work; };

function choices(devnet) {
  const list = [...found.values()].map((one) => ({ ...one, connect: () => injected(one.provider) }));
  if (!list.length && window.ethereum) list.push({ id: "injected", name: "Browser wallet", provider: window.ethereum, connect: () => injected(window.ethereum) });
  if (devnet) list.push({ id: "test", name: "Test wallet", test: true, connect: async () => testWallet(await chainFacts()) });
  return list;
}

async function injected(provider) {
  const chain = await chainFacts();
  await provider.request({ method: "eth_requestAccounts" });
  if (Number(await provider.request({ method: "eth_chainId" })) !== chain.chain_id && !(await toChain(provider, chain))) return null;
  const browser = new BrowserProvider(provider, chain.chain_id);
  if (chain.devnet) browser.pollingInterval = 400; // its blocks come every second
  return browser.getSigner();
}

// Wallets that do not know the chain are told of it; what they will ask is said before.
async function toChain(provider, chain) {
  const chainId = `0x${chain.chain_id.toString(16)}`;
  const name = chain.devnet ? "Emporion devnet" : `Chain ${chain.chain_id}`;
  const go = await explain("Another network", [
    `Your wallet is on another network; this market is on ${name}, chain id ${chain.chain_id}.`,
    ...(chain.rpc_url ? [`If your wallet does not know it, it will ask to add it, with the RPC URL ${chain.rpc_url}.`] : []),
    "Neither costs anything, and no permission over your money is given.",
  ], "Switch network");
  if (!go) return false;
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
  } catch (error) {
    if (error.code === 4001) throw new Error("you declined the network; nothing was changed");
    if (!chain.rpc_url) throw new Error(`add chain ${chain.chain_id} to your wallet, then connect again`);
    const nativeCurrency = { name: "Ether", symbol: "ETH", decimals: 18 };
    await provider.request({ method: "wallet_addEthereumChain", params: [{ chainId, chainName: name, rpcUrls: [chain.rpc_url], nativeCurrency }] });
  }
  return true;
}

async function pick() {
  const chain = await chainFacts();
  const options = choices(chain.devnet);
  const chosen = await ask("Connect a wallet", (end) => [
    h("p", {}, "This page sees your address and what the chain says about it. Nothing is signed and nothing can be spent by this."),
    options.length ? "" : h("p", {}, "No wallet was found in this browser. Install one that speaks EIP-1193, then load this page again."),
    h("ul", { class: "wallets" }, options.map((option) => h("li", {},
      h("button", { class: option.test ? "plain" : null, onclick: () => end(option) }, option.name),
      option.test ? h("small", { class: "soft" }, "Devnet only: a fresh key kept in this browser, given test money. It asks nothing, so never use it for anything of worth.") : ""))),
    h("div", { class: "row" }, h("button", { class: "plain", onclick: () => end(null) }, "Not now")),
  ]);
  if (chosen) await connect(chosen);
}

async function connect(option) {
  try {
    const made = await option.connect();
    if (made) await use(option, made);
  } catch (error) {
    say(reason(error), true);
  }
}

async function use(option, made) {
  const now = await made.getAddress();
  if (sessionStorage.getItem("session-of") !== now) setSession("");
  [signer, address, current] = [roomy(made), now, option];
  sessionStorage.setItem("wallet", option.id);
  for (const name of ["accountsChanged", "chainChanged"]) option.provider?.on?.(name, moved);
  draw();
  listener();
}

// Allows more gas than was estimated: until the transaction is mined a stream may begin or a second pass, and it then writes
// what it did not have to. What is not used is not paid.
function roomy(made) {
  const sends = made.sendTransaction.bind(made);
  made.sendTransaction = async (wanted) => {
    const gas = await made.estimateGas(wanted);
    return sends({ ...wanted, gasLimit: gas + gas / 5n + 60_000n });
  };
  return made;
}

function moved(value) {
  if (Array.isArray(value) && value.length === 0) leave();
  else location.reload();
}

// After a reload: the wallet that was connected, if it still shows its account without asking.
async function comeBack() {
  const id = sessionStorage.getItem("wallet");
  if (!id || signer) return;
  const option = choices((await chainFacts()).devnet).find((one) => one.id === id);
  if (!option || signer) return;
  if (!option.test) {
    const [accounts, chainId] = await Promise.all(["eth_accounts", "eth_chainId"].map((method) => option.provider.request({ method })));
    if (!accounts.length || Number(chainId) !== (await chainFacts()).chain_id) return;
  }
  await connect(option);
}

export async function start() {
  draw();
  await comeBack();
}

function draw() {
  const place = document.getElementById("wallet");
  if (!address) {
    place.replaceChildren(h("button", { onclick: pick }, "Connect a wallet"));
    return;
  }
  place.replaceChildren(current.test ? h("span", { class: "badge" }, "test wallet") : "",
    h("code", { title: address }, short(address)), h("button", { class: "plain", onclick: leave }, "Leave"));
}

async function leave() {
  await api("/v1/auth/logout", { method: "POST" }).catch(() => {});
  setSession("");
  sessionStorage.removeItem("wallet");
  [signer, address, current] = [null, "", null];
  draw();
  listener();
}

// For a button that needs a wallet: lets one be chosen where there is none yet.
export async function hasOrPicks() {
  if (!signer) await pick();
  return signer !== null;
}

export function connectFirst(what) {
  return [h("p", {}, `Connect a wallet to ${what}.`), h("div", { class: "row" }, h("button", { onclick: pick }, "Connect a wallet"))];
}

export async function giveTestMoney() {
  const chain = await chainFacts();
  if (!(await explain("Test money", [
    "This is a development chain: money on it is worth nothing and comes from nothing.",
    "Your address gets gas, 1,000 test dollars and 5,000 EMP. You sign nothing.",
  ], "Give it to me"))) return false;
  await fund(chain, address);
  say("Your wallet has gas, 1,000 test dollars and 5,000 EMP.");
  return true;
}

function ready() {
  if (!signer) throw new Error("connect a wallet first: the button is at the top");
  return signer;
}

// Signs a text as it is; what it says was shown before.
export const signText = (text) => ready().signMessage(text);

export const hasWallet = () => signer !== null;

export async function contract(name, at = null) {
  const { contracts } = await chainFacts();
  if (!contracts[name]) throw new Error(`this chain has no ${name}`);
  return new Contract(at || contracts[name].address, contracts[name].abi, ready());
}

export async function chainTime() {
  return (await ready().provider.getBlock("latest")).timestamp;
}

// Sends one transaction after saying what it does; returns once it is mined and this gateway's index shows it.
export async function send(title, points, call, asks = "Your wallet will ask you to sign one transaction; the network takes its fee.") {
  ready();
  return (await explain(title, [...points, asks], "Continue")) ? mined(call) : null;
}

// The same for what was explained already.
export async function mined(call) {
  try {
    say("Your wallet is asking you.");
    const sent = await call();
    say("Sent; waiting for the next block.");
    const receipt = await sent.wait();
    await indexed(receipt.blockNumber);
    say("Done.");
    return receipt;
  } catch (error) {
    signer?.reset?.();
    throw new Error(reason(error));
  }
}

async function indexed(block) {
  for (let tries = 0; tries < 50; tries += 1) {
    const { block_number: number } = await api("/readyz").catch(() => ({ block_number: 0 }));
    if (number >= block) return;
    await new Promise((go) => setTimeout(go, 200));
  }
}

// Lets a contract take tokens, only as much as needed and only if it may not yet.
export async function allow(token, spender, amount, what) {
  await require(token, amount, what);
  if ((await token.allowance(address, spender)) >= amount) return true;
  return (await send("Allow the payment", [`The contract ${short(spender)} may take ${what} once, not more.`, "The step after this one uses it."],
    () => token.approve(spender, amount))) !== null;
}

export async function require(token, amount, what) {
  if ((await token.balanceOf(address)) >= amount) return;
  if ((await chainFacts()).devnet && (await giveTestMoney()) && (await token.balanceOf(address)) >= amount) return;
  throw new Error(`the wallet has less than ${what}`);
}

export function reason(error) {
  if (error.code === "ACTION_REJECTED" || error.code === 4001) return "You declined in the wallet; nothing was sent.";
  if (error.revert) return `The contract refused: ${error.revert.name}(${error.revert.args.join(", ")})`;
  if (error.code === "INSUFFICIENT_FUNDS") return "The wallet has too little for the network's fee.";
  return error.code === "UNKNOWN_ERROR" ? `The wallet or its node failed: ${error.error?.message || error.message}` : error.shortMessage || error.message;
}

export async function signIn() {
  if (!(await explain("Sign in", [
    "Your wallet will ask you to sign a text. It proves that the address is yours.",
    "It costs nothing, sends no transaction and gives no permission over your money.",
    "The session ends by itself, or when you leave.",
  ], "Sign the text"))) return false;
  const nonce = await api("/v1/auth/nonce");
  const issued = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const message = `${nonce.domain} wants you to sign in with your Ethereum account:\n${address}\n\n${nonce.statement}\n\n`
    + `URI: ${nonce.uri}\nVersion: 1\nChain ID: ${nonce.chain_id}\nNonce: ${nonce.nonce}\nIssued At: ${issued}`;
  const signature = await ready().signMessage(message);
  const session = await api("/v1/auth/siwe", { method: "POST", json: { message, signature } });
  setSession(session.token);
  sessionStorage.setItem("session-of", address);
  return true;
}

// Runs what needs a session signed within five minutes; asks for a new signature where it is older.
export async function fresh(work) {
  try {
    return await work();
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) throw error;
    setSession("");
    return (await signIn()) ? work() : null;
  }
}
