// The wallet: any EIP-6963 or EIP-1193 provider, or on a devnet a test wallet kept in this browser.

import { BrowserProvider, Contract, JsonRpcProvider, MaxUint256, NonceManager, Wallet } from "/web/ethers.js";
import { api, deployment, setSession, short } from "/web/api.js";
import { explain, h, say } from "/web/dom.js";

const found = new Map();
let signer = null;
let address = "";
let listener = () => {};

window.addEventListener("eip6963:announceProvider", (event) => found.set(event.detail.info.name, event.detail.provider));
window.dispatchEvent(new Event("eip6963:requestProvider"));

export const account = () => address;
export const onChange = (work) => { listener = work; };

async function chain() {
  return (await deployment()).chains[0];
}

function choices(isDevnet) {
  const list = [...found.entries()].map(([name, provider]) => ({ name, connect: () => injected(provider) }));
  if (!list.length && window.ethereum) list.push({ name: "Browser wallet", connect: () => injected(window.ethereum) });
  if (isDevnet) list.push({ name: "Test wallet (devnet only)", connect: testWallet });
  return list;
}

async function injected(provider) {
  const { chain_id: id } = await chain();
  const wanted = `0x${id.toString(16)}`;
  await provider.request({ method: "eth_requestAccounts" });
  const browser = new BrowserProvider(provider);
  if (Number((await browser.getNetwork()).chainId) !== id) await onChain(provider, wanted);
  return new BrowserProvider(provider).getSigner();
}

async function onChain(provider, wanted) {
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: wanted }] });
  } catch {
    const { rpc_url: rpc } = await chain();
    if (!rpc) throw new Error("switch your wallet to the chain of this gateway");
    await provider.request({ method: "wallet_addEthereumChain", params: [{
      chainId: wanted, chainName: "Emporion devnet", rpcUrls: [rpc],
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    }] });
  }
}

async function testWallet() {
  const { rpc_url: rpc } = await chain();
  if (!rpc) throw new Error("this gateway names no RPC URL for a test wallet");
  const key = localStorage.getItem("devnet-key") || Wallet.createRandom().privateKey;
  localStorage.setItem("devnet-key", key);
  const provider = new JsonRpcProvider(rpc, undefined, { pollingInterval: 400, cacheTimeout: -1 });
  const wallet = new Wallet(key, provider);
  const signs = new NonceManager(wallet);
  signs.address = wallet.address;
  if ((await provider.getBalance(wallet.address)) === 0n) await fund(provider, wallet);
  return signs;
}

// Gas and test dollars from nothing: only a devnet's node lets anybody do that.
async function fund(provider, wallet) {
  const { contracts, currencies } = await chain();
  await provider.send("anvil_setBalance", [wallet.address, "0x8ac7230489e80000"]);
  const dollar = currencies.find((entry) => entry.address === contracts.TestDollar?.address);
  if (!dollar) return;
  const minted = await new Contract(dollar.address, ["function mint(address,uint256)"], wallet).mint(wallet.address, 1000n * 10n ** 6n);
  await minted.wait();
  say("The test wallet was given gas and 1,000 test dollars.");
}

async function connect(choice) {
  try {
    signer = await choice.connect();
    address = await signer.getAddress();
    draw();
    listener();
  } catch (error) {
    say(error.shortMessage || error.message, true);
  }
}

export async function draw() {
  const place = document.getElementById("wallet");
  if (address) {
    place.replaceChildren(h("span", { title: address }, short(address)), " ", h("button", { class: "plain", onclick: leave }, "Leave"));
    return;
  }
  const options = choices((await chain()).devnet);
  place.replaceChildren(...options.map((choice) => h("button", { onclick: () => connect(choice) }, `Connect: ${choice.name}`)),
    options.length ? "" : h("span", { class: "soft" }, "No wallet found in this browser"));
}

async function leave() {
  await api("/v1/auth/logout", { method: "POST" }).catch(() => {});
  setSession("");
  signer = null;
  address = "";
  draw();
  listener();
}

function ready() {
  if (!signer) throw new Error("connect a wallet first: the button is at the top");
  return signer;
}

// Signs a text as it is; what it says was shown before.
export const signText = (text) => ready().signMessage(text);

export async function contract(name, at = null) {
  const { contracts } = await chain();
  return new Contract(at || contracts[name].address, contracts[name].abi, ready());
}

// Sends one transaction after saying what it does, and waits until it is mined.
export async function send(title, points, call) {
  ready();
  if (!(await explain(title, [...points, "Your wallet will ask you to sign one transaction."], "Continue"))) return null;
  try {
    const sent = await call();
    say("Sent; waiting for the next block.");
    const receipt = await sent.wait();
    say("Done.");
    return receipt;
  } catch (error) {
    signer.reset?.();
    throw new Error(reason(error));
  }
}

// Lets a contract take tokens, only as much as needed and only if it may not yet.
export async function allow(token, spender, amount, what) {
  const held = await token.balanceOf(address);
  if (held < amount) throw new Error(`the wallet has too little: it needs ${what}`);
  if ((await token.allowance(address, spender)) >= amount) return true;
  return (await send("Allow the payment", [`The contract ${short(spender)} may take ${what} once, not more.`],
    () => token.approve(spender, amount))) !== null;
}

export function reason(error) {
  if (error.code === "ACTION_REJECTED") return "You declined in the wallet; nothing was sent.";
  if (error.revert) return `The contract refused: ${error.revert.name}(${error.revert.args.join(", ")})`;
  return error.shortMessage || error.message;
}

export async function signIn() {
  const nonce = await api("/v1/auth/nonce");
  if (!(await explain("Sign in", [
    "Your wallet will ask you to sign a text. It proves that the address is yours.",
    "It costs nothing, sends no transaction and gives no permission over your money.",
    `The session ends by itself, or when you leave.`,
  ], "Sign the text"))) return false;
  const issued = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const message = `${nonce.domain} wants you to sign in with your Ethereum account:\n${address}\n\n${nonce.statement}\n\n`
    + `URI: ${nonce.uri}\nVersion: 1\nChain ID: ${nonce.chain_id}\nNonce: ${nonce.nonce}\nIssued At: ${issued}`;
  const signature = await ready().signMessage(message);
  const session = await api("/v1/auth/siwe", { method: "POST", json: { message, signature } });
  setSession(session.token);
  return true;
}

export { MaxUint256 };
