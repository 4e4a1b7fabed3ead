// What the wallet has: access, credits, refundable value, keys, receipts.

import { account, contract, send, signIn } from "/web/wallet.js";
import { api, credits, currencyOf, deployment, money, setSession, short, signedIn, when } from "/web/api.js";
import { bars, facts, field, h, say, table } from "/web/dom.js";
import { doing } from "/web/act.js";

export async function showMine() {
  if (!account()) return [h("h1", {}, "My access"), h("p", {}, "Connect a wallet to see what it has. The button is at the top.")];
  const [mine, where] = await Promise.all([api(`/v1/accounts/${account()}`), deployment()]);
  const plans = await withTerms(mine.plans);
  return [h("h1", {}, "My access"),
    facts({ Wallet: h("code", {}, account()), EMP: money(mine.emp, { decimals: 18, symbol: "EMP" }), "True at block": String(mine.block_number) }),
    h("h2", {}, "Passes, time and credits"),
    h("ul", { class: "cards" }, plans.map((one) => holding(one, where.chains[0]))),
    plans.length ? "" : h("p", { class: "soft" }, "Nothing yet: ", h("a", { href: "#/" }, "find a service"), "."),
    signedIn() ? await keys() : signInFirst()];
}

async function withTerms(holdings) {
  const services = new Map();
  for (const one of holdings) {
    if (!services.has(one.service_id)) services.set(one.service_id, api(`/v1/services/${one.service_id}`));
  }
  return Promise.all(holdings.map(async (one) => {
    const service = await services.get(one.service_id);
    return { ...one, service, terms: service.plans.find((plan) => plan.id === one.plan_id) };
  }));
}

function holding(one, chain) {
  const currency = currencyOf(chain, one.terms.currency);
  const held = BigInt(one.units), deposited = BigInt(one.deposited);
  const value = (units) => money(units * BigInt(one.terms.unit_price), currency);
  const active = one.access_until * 1000 > Date.now();
  return h("li", { class: "card" },
    h("h3", {}, h("a", { href: `#/service/${one.service_id}` }, one.service.name), ` · ${one.kind}`),
    facts({
      ...(one.kind === "metered" ? { Deposited: `${deposited} credits`, "Settled so far": `${one.settled} credits` } : {}),
      ...(one.kind === "timed" ? { Access: active ? h("span", { class: "good" }, `until ${when(one.access_until)}`) : "not running" } : {}),
      "In the wallet": `${held}`,
      Refundable: one.terms.refundable ? value(held + deposited) : "nothing",
    }),
    one.withdraw_at ? h("p", {}, `Withdrawal ready ${when(one.withdraw_at)}; until you take it back these credits give no access.`) : "",
    h("div", { class: "row" }, buttons(one, held, deposited, value)));
}

function buttons(one, held, deposited, value) {
  const made = [];
  const add = (label, title, points, work) => made.push(h("button", { class: "plain", onclick: doing(() => send(title, points, work)) }, label));
  if (one.kind === "timed" && held > 0n) {
    add("Activate one", "Activate a period", ["One unit is used up; access grows by its period."],
      async () => (await contract("AccessToken")).activate(one.plan_id, 1, account()));
  }
  if (held > 0n && one.terms.refundable) {
    add("Refund all held", "Refund", [`${held} unused units return ${value(held)} to your wallet.`],
      async () => (await contract("AccessToken")).refund(one.plan_id, held, account()));
  }
  if (deposited > 0n && !one.withdraw_at) {
    add("Withdraw credits", "Ask for your credits", ["The credits give no access from now on.", "What is already used is settled first; the rest is ready after the delay."],
      async () => (await contract("UsageEscrow")).requestWithdrawal(one.plan_id));
  }
  if (one.withdraw_at) {
    add("Take them", "Take the credits", ["What is not settled returns to your wallet, where it can be refunded."],
      async () => (await contract("UsageEscrow")).withdraw(one.plan_id, account()));
    add("Keep them", "Stop the withdrawal", ["The credits give access again."],
      async () => (await contract("UsageEscrow")).cancelWithdrawal(one.plan_id));
  }
  return made;
}

function signInFirst() {
  return [h("h2", {}, "Keys and receipts"), h("p", {}, "Sign in with your wallet to make keys for your programs."),
    h("button", { onclick: doing(signIn) }, "Sign in")];
}

async function keys() {
  const list = await api("/v1/keys");
  const name = h("input", { name: "name", maxlength: "100", autocomplete: "off" });
  const live = list.filter((key) => !key.revoked_at);
  return [h("h2", {}, "Keys for your programs"),
    h("form", { class: "row", onsubmit: doing(() => makeKey(name.value)) }, field("Name of a new key", name), h("button", {}, "Make a key")),
    table("Keys", [
      { name: "Name", of: (key) => key.name || key.id },
      { name: "May", of: (key) => key.scopes.join(", ") },
      { name: "Last used", of: (key) => when(key.last_used_at) || "never" },
      { name: "Today", number: true, of: (key) => credits(key.days.at(-1)?.spent_micro_credits || 0) },
      { name: "", of: (key) => [rotate(key), " ", revoke(key)] },
    ], live, "No keys yet."),
    live.some((key) => key.days.length) ? bars("Requests by day, all keys", byDay(live)) : "",
    receiptForm()];
}

function byDay(list) {
  const days = new Map();
  for (const day of list.flatMap((key) => key.days)) days.set(day.day, (days.get(day.day) || 0) + day.requests);
  return [...days].sort(([a], [b]) => a - b).slice(-30).map(([day, value]) => ({ name: new Date(day * 864e5).toLocaleDateString(), value }));
}

async function fresh(work) {
  try {
    return await work();
  } catch (error) {
    if (error.status !== 403) throw error;
    setSession("");
    return (await signIn()) ? work() : null;
  }
}

async function makeKey(name) {
  const made = await fresh(() => api("/v1/keys", { method: "POST", json: { name } }));
  if (made) showOnce(made.key);
}

function showOnce(key) {
  const dialog = document.getElementById("confirm");
  dialog.replaceChildren(h("h2", { id: "confirm-title" }, "Your key, shown this once"), h("p", {}, h("code", { id: "new-key" }, key)),
    h("p", {}, "Use it as the API key of any OpenAI SDK, with this base URL: ", h("code", {}, `${location.origin}/v1`)),
    h("div", { class: "row" },
      h("button", { onclick: () => navigator.clipboard.writeText(key).then(() => say("Copied.")) }, "Copy"),
      h("button", { class: "plain", onclick: () => dialog.close() }, "I have kept it")));
  dialog.showModal();
}

function rotate(key) {
  return h("button", { class: "plain", onclick: doing(async () => {
    const made = await fresh(() => api(`/v1/keys/${key.id}/rotate`, { method: "POST", json: { overlap_seconds: 3600 } }));
    if (made) showOnce(made.key);
  }) }, "Rotate (old one lives an hour)");
}

function revoke(key) {
  return h("button", { class: "plain", onclick: doing(() => api(`/v1/keys/${key.id}`, { method: "DELETE" })) }, "Revoke");
}

function receiptForm() {
  const id = h("input", { name: "receipt", placeholder: "req_…", required: true, autocomplete: "off" });
  const place = h("div", { "aria-live": "polite" });
  const look = doing(async () => {
    const receipt = await api(`/v1/receipts/${encodeURIComponent(id.value.trim())}`);
    const proof = await api(`/v1/receipts/${encodeURIComponent(id.value.trim())}/proof`).catch(() => null);
    place.replaceChildren(facts({
      Cost: credits(receipt.micro_credits), "In, out": `${receipt.units_in}, ${receipt.units_out}`, Signed: `by ${short(receipt.meter)}, ${when(receipt.issued_at)}`,
      Digest: h("code", {}, receipt.digest),
      Settled: proof ? (proof.settled ? h("span", { class: "good" }, `on chain, root ${short(proof.root)}`) : "on its way") : "not yet",
    }));
    return false;
  });
  return [h("h2", {}, "Look at a receipt"), h("form", { class: "row", onsubmit: look }, field("Request id", id), h("button", {}, "Look")), place];
}
