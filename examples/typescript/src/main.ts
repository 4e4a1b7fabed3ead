/** A wallet buys credits with a permit and asks a model, streamed: `npm ci && npm run build && npm start`.
 *  GATEWAY, NODE_URL and KEY_FILE say where; a devnet prints all three.
 */
import { readFileSync } from "node:fs";
import OpenAI from "openai";
import { type Abi, type Address, type Hex, createPublicClient, createWalletClient, http, parseSignature } from "viem";
import { privateKeyToAccount } from "viem/accounts";

type Currency = { index: number; address: Address; symbol: string; decimals: number };
type Chain = { chain_id: number; contracts: Record<string, { address: Address; abi: Abi }>; currencies: Currency[] };
type Plan = { id: number; kind: string; unit_price: string; currency: number };
type Service = { id: number; model: string; name: string; plans: Plan[] };

const place = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`set ${name}; a devnet prints it`);
  return value;
};
const gateway = place("GATEWAY");

/** JSON of the gateway; a refusal is thrown with its words. */
async function ask<T>(path: string, init: { token?: string; body?: unknown } = {}): Promise<T> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (init.token) headers.authorization = `Bearer ${init.token}`;
  const sent = init.body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(init.body) };
  const answer = await fetch(gateway + path, sent);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

// In a browser: createWalletClient({ transport: custom(window.ethereum) }), and the wallet asks for each signature.
const key = readFileSync(place("KEY_FILE"), "utf8").trim().replace(/^0x/, "");
const account = privateKeyToAccount(`0x${key}`);
const transport = http(place("NODE_URL")); // npm gives NODE a meaning of its own
const { chains } = await ask<{ chains: Chain[] }>("/v1/deployment");
const [chain] = chains;
if (chain === undefined) throw new Error("the gateway names no chain");
const native = { name: "Ether", symbol: "ETH", decimals: 18 };
const onChain = { id: chain.chain_id, name: "Emporion", nativeCurrency: native, rpcUrls: { default: { http: [] } } };
const node = createPublicClient({ chain: onChain, transport, pollingInterval: 200 });
const wallet = createWalletClient({ account, chain: onChain, transport });

const contract = (name: string): { address: Address; abi: Abi } => {
  const found = chain.contracts[name];
  if (found === undefined) throw new Error(`the deployment has no ${name}`);
  return found;
};

/** One signature for the money, one transaction for the credits: bought and deposited. */
async function buy(plan: Plan, units: bigint): Promise<Hex> {
  const access = contract("AccessToken");
  const currency = chain!.currencies.find((line) => line.index === plan.currency)!;
  const money = { address: currency.address, abi: contract("EmporionToken").abi };
  const cost = BigInt(plan.unit_price) * units;
  const deadline = (await node.getBlock()).timestamp + 600n;
  const nonce = (await node.readContract({ ...money, functionName: "nonces", args: [account.address] })) as bigint;
  const domain = (await node.readContract({ ...money, functionName: "eip712Domain" })) as readonly unknown[];
  const signature = parseSignature(
    await account.signTypedData({
      domain: { name: domain[1] as string, version: domain[2] as string, chainId: chain!.chain_id, verifyingContract: currency.address },
      types: {
        Permit: [
          { name: "owner", type: "address" },
          { name: "spender", type: "address" },
          { name: "value", type: "uint256" },
          { name: "nonce", type: "uint256" },
          { name: "deadline", type: "uint256" },
        ],
      },
      primaryType: "Permit",
      message: { owner: account.address, spender: access.address, value: cost, nonce, deadline },
    }),
  );
  const deposit = 2;
  const order = [BigInt(plan.id), units, account.address, cost, deadline, deposit];
  const proof = [27 + signature.yParity, signature.r, signature.s];
  const hash = await wallet.writeContract({ ...access, functionName: "buyWithPermit", args: [...order, ...proof] });
  const receipt = await node.waitForTransactionReceipt({ hash });
  if (receipt.status !== "success") throw new Error(`${hash} reverted`);
  return hash;
}

/** Sign in with Ethereum (EIP-4361), then make an API key that any OpenAI client takes. */
async function makeKey(): Promise<string> {
  const said = await ask<Record<string, string>>("/v1/auth/nonce");
  const message =
    `${said.domain} wants you to sign in with your Ethereum account:\n${account.address}\n\n${said.statement}\n\n` +
    `URI: ${said.uri}\nVersion: 1\nChain ID: ${said.chain_id}\nNonce: ${said.nonce}\n` +
    `Issued At: ${new Date().toISOString().replace(/\.\d+Z$/, "Z")}`;
  const signature = await account.signMessage({ message });
  const { token } = await ask<{ token: string }>("/v1/auth/siwe", { body: { message, signature } });
  return (await ask<{ key: string }>("/v1/keys", { token, body: { name: "dApp" } })).key;
}

const { services } = await ask<{ services: Service[] }>("/v1/services?q=smollm2&on_sale=true");
const service = services.find((one) => one.plans.some((plan) => plan.kind === "metered"));
const plan = service?.plans.find((one) => one.kind === "metered" && one.unit_price !== "0");
if (service === undefined || plan === undefined) throw new Error("nothing of that name sells credits");
console.log(`bought 100 credits of ${service.name} in ${await buy(plan, 100n)}`);

const openai = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: await makeKey() });
const messages = [{ role: "user" as const, content: "What is the capital of France?" }];
const stream = await openai.chat.completions.create({ model: service.model, messages, max_tokens: 32, stream: true });
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");

const { plans } = await ask<{ plans: { plan_id: number; deposited: string }[] }>(`/v1/accounts/${account.address}`);
console.log(`\n${plans.find((line) => line.plan_id === plan.id)?.deposited ?? "0"} credits are in the tab`);
