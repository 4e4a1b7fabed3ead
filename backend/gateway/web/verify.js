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

// The table of checks; nothing that was not looked at is called right.
export async function checked(receipt) {
  const chain = await chainFacts();
  const [service, proof] = await Promise.all([api(`/v1/services/${receipt.service_id}`), api(`/v1/receipts/${receipt.request_id}/proof`).catch(() => null)]);
  const digest = TypedDataEncoder.hash({ name: "Emporion Receipt", version: "1", chainId: chain.chain_id, verifyingContract: chain.contracts.UsageEscrow.address },
    TYPES, Object.fromEntries(FIELDS.map(([name]) => [name, receipt[snake(name)]])));
  const rows = [
    ["Fields", digest === receipt.digest, digest === receipt.digest ? "they give the digest that was signed" : "a field was changed"],
    await signed(receipt, digest, service),
    charge(receipt, service),
    ...settlement(digest, proof, await rootOnChain(proof)),
  ];
  return h("div", {}, facts({ Cost: credits(receipt.micro_credits), "In, out": `${receipt.units_in}, ${receipt.units_out}`, Signed: when(receipt.issued_at) }),
    table("What was checked", [
      { name: "Check", of: ([name]) => name },
      { name: "Finding", of: ([, right]) => (right === null ? "not checked" : right ? h("strong", { class: "good" }, "✓ true") : h("strong", { class: "bad" }, "✗ false")) },
      { name: "Why", of: ([, , why]) => why },
    ], rows));
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
  if (!proof) return [["Settlement", null, "not settled yet; ask again after the next one"]];
  const pair = (one, other) => keccak256(BigInt(one) < BigInt(other) ? concat([one, other]) : concat([other, one]));
  const root = proof.path.reduce(pair, keccak256(keccak256(digest)));
  return [
    ["Proof", root === proof.root, root === proof.root ? `leads to the root ${short(root)}` : "does not lead to the root it names"],
    seen === null ? ["Settlement", null, "connect a wallet to ask its node"] : ["Settlement", seen, seen ? "the root is on chain, in a settlement" : "the root is not in the transaction it names"],
  ];
}

async function rootOnChain(proof) {
  if (!proof?.transaction || !hasWallet()) return null;
  const escrow = await contract("UsageEscrow");
  const mined = await escrow.runner.provider.getTransactionReceipt(proof.transaction);
  return (mined?.logs || []).filter((log) => log.address === escrow.target).map((log) => escrow.interface.parseLog(log))
    .some((event) => event?.name === "Settled" && event.args.receiptsRoot === proof.root);
}
