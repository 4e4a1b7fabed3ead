// Holding a receipt against the chain in this browser: digest, signature, charge, chain of receipts, settlement.

import { keccak256, concat, recoverAddress, TypedDataEncoder } from "/web/ethers.js";
import { contract, hasWallet } from "/web/wallet.js";
import { api, chainFacts, credits, short, signedIn, when } from "/web/api.js";
import { facts, field, h, table } from "/web/dom.js";
import { doing } from "/web/act.js";

const FIELDS = [["payer", "address"], ["planId", "uint256"], ["serviceId", "uint256"], ["modelDigest", "bytes32"], ["requestHash", "bytes32"],
  ["responseHash", "bytes32"], ["unitsIn", "uint256"], ["unitsOut", "uint256"], ["microCredits", "uint256"], ["cumulativeMicroCredits", "uint256"],
  ["issuedAt", "uint256"], ["previousReceipt", "bytes32"]];
const TYPES = { UsageReceipt: FIELDS.map(([name, type]) => ({ name, type })) };
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export function receiptForm() {
  const id = h("input", { type: "text", placeholder: "req_…", required: true, autocomplete: "off", spellcheck: "false" });
  const place = h("div", { "aria-live": "polite" });
  const look = doing(async () => {
    if (!signedIn()) throw new Error("sign in first, under My access: receipts are shown to payer and provider alone");
    place.replaceChildren(await verified(id.value.trim()));
    return false;
  });
  return [h("form", { class: "row", onsubmit: look }, field("Request id", id, "From the x-request-id header of an answer."), h("button", { class: "plain" }, "Verify")), place];
}

export async function verified(id) {
  return checked(await api(`/v1/receipts/${encodeURIComponent(id)}`));
}

const LATER = "not yet";
const WORDS = { Fields: "its fields", Signature: "the meter's signature", Charge: "the charge", Proof: "its place in the settlement", Settlement: "the settlement on chain" };
const listed = (names) => new Intl.ListFormat("en").format(names.map((name) => WORDS[name]));

const found = new Map();

// The same in a few words, for a list: what is right once and for all is not looked at again.
export async function verdict(id) {
  if (found.has(id)) return found.get(id);
  const rows = await checks(await api(`/v1/receipts/${encodeURIComponent(id)}`));
  const wrong = rows.filter(([, right]) => right === false).map(([name]) => name);
  if (wrong.length) return h("strong", { class: "bad" }, `✗ wrong: ${listed(wrong)}`);
  const open = rows.filter(([, right]) => right === null);
  if (open.length) return `not checked: ${listed(open.map(([name]) => name))}`;
  if (rows.some(([, right]) => right === LATER)) return h("span", { class: "good" }, "✓ right, not settled yet");
  found.set(id, "✓ right and settled");
  return found.get(id);
}

// What was checked, in a sentence and as a table; nothing that was not looked at is called right.
export async function checked(receipt) {
  const rows = await checks(receipt);
  return h("div", {}, sentence(rows), h("details", {}, h("summary", {}, "What was checked, and how"),
    facts({ Receipt: h("code", {}, receipt.request_id), Cost: credits(receipt.micro_credits), "In, out": `${receipt.units_in}, ${receipt.units_out}`, Signed: when(receipt.issued_at) }),
    table("What was checked", [
      { name: "Check", of: ([name]) => name },
      { name: "Finding", of: ([, right]) => ({ true: h("strong", { class: "good" }, "✓ true"), false: h("strong", { class: "bad" }, "✗ false"), [LATER]: "not yet" }[right] || "could not be checked") },
      { name: "Why", of: ([, , why]) => why },
    ], rows)));
}

async function checks(receipt) {
  const chain = await chainFacts();
  const [service, proof] = await Promise.all([api(`/v1/services/${receipt.service_id}`), api(`/v1/receipts/${receipt.request_id}/proof`).catch(() => null)]);
  const digest = TypedDataEncoder.hash({ name: "Emporion Receipt", version: "1", chainId: chain.chain_id, verifyingContract: chain.contracts.UsageEscrow.address },
    TYPES, Object.fromEntries(FIELDS.map(([name]) => [name, receipt[snake(name)]])));
  return [
    ["Fields", digest === receipt.digest, digest === receipt.digest ? "they give the digest that was signed" : "a field was changed"],
    await signed(receipt, digest, service),
    charge(receipt, service),
    ...settlement(digest, proof, await rootOnChain(proof)),
  ];
}

function sentence(rows) {
  const of = (wanted) => rows.filter(([, right]) => right === wanted).map(([name]) => name);
  const [right, wrong, later, unknown] = [of(true), of(false), of(LATER), of(null)];
  return h("p", {},
    wrong.length ? h("strong", { class: "bad" }, `✗ Wrong: ${listed(wrong)}. `) : h("strong", { class: "good" }, "✓ Receipt checked in this browser. "),
    right.length ? `Right: ${listed(right)}. ` : "", later.length ? "Its settlement on chain comes later, in whole credits, and is checked then. " : "",
    unknown.length ? `Not checked: ${listed(unknown)}.` : "");
}

// Whose key should have signed is asked of the wallet's own node where there is one.
async function signed(receipt, digest, service) {
  const signer = recoverAddress(digest, receipt.signature);
  const asked = hasWallet() ? await (await contract("ServiceRegistry")).serviceOf(receipt.service_id) : null;
  const meters = asked ? [asked.meter, asked.previousMeter] : [service.meter];
  const right = meters.includes(signer);
  return ["Signature", right, `by ${short(signer)}, ${right ? "the service's meter" : "not the service's meter"} as ${asked ? "your wallet's node" : "this gateway's index"} has it`];
}

function charge(receipt, service) {
  const plan = service.plans.find((one) => one.id === receipt.plan_id);
  if (!plan || plan.kind !== "metered") return ["Charge", receipt.micro_credits === "0" ? true : null, "the plan charges nothing by use"];
  const card = plan.rate_card;
  const most = BigInt(card.per_request) + BigInt(card.per_unit_in) * BigInt(receipt.units_in) + BigInt(card.per_unit_out) * BigInt(receipt.units_out);
  const paid = BigInt(receipt.micro_credits);
  return ["Charge", paid <= most, paid === most ? "what the plan's rates say" : `${credits(paid)}; the plan's rates allow ${credits(most)}`];
}

function settlement(digest, proof, seen) {
  if (!proof) return [["Settlement", LATER, "it comes with the next whole credits that you use"]];
  const pair = (one, other) => keccak256(BigInt(one) < BigInt(other) ? concat([one, other]) : concat([other, one]));
  const root = proof.path.reduce(pair, keccak256(keccak256(digest)));
  return [
    ["Proof", root === proof.root, root === proof.root ? `leads to the root ${short(root)}` : "does not lead to the root it names"],
    !proof.transaction ? ["Settlement", LATER, "it is on its way to the chain"] : seen === null ? ["Settlement", null, "connect a wallet to ask its node"] : ["Settlement", seen, seen ? "the root is on chain, in a settlement" : "the root is not in the transaction it names"],
  ];
}

async function rootOnChain(proof) {
  if (!proof?.transaction || !hasWallet()) return null;
  const escrow = await contract("UsageEscrow");
  const mined = await escrow.runner.provider.getTransactionReceipt(proof.transaction);
  return (mined?.logs || []).filter((log) => log.address === escrow.target).map((log) => escrow.interface.parseLog(log))
    .some((event) => event?.name === "Settled" && event.args.receiptsRoot === proof.root);
}
