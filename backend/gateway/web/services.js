// Finding a service, what it costs, buying it, and trying it.

import { account, contract, send, signIn } from "/web/wallet.js";
import { api, ApiError, credits, currencyOf, deployment, money, short, signedIn, span } from "/web/api.js";
import { facts, field, h, say, table } from "/web/dom.js";
import { doing } from "/web/act.js";

const HOLD = 0, ACTIVATE = 1, DEPOSIT = 2;
const THEN = { pass: HOLD, timed: ACTIVATE, metered: DEPOSIT };

export async function showServices() {
  const asked = { q: sessionStorage.getItem("q") || "", kind: sessionStorage.getItem("kind") || "" };
  const list = h("ul", { class: "cards" });
  const words = h("input", { type: "search", name: "q", value: asked.q, autocomplete: "off" });
  const kind = h("select", { name: "kind" }, ["", "model", "dataset", "compute", "agent"].map((one) =>
    h("option", { value: one, selected: one === asked.kind }, one || "every kind")));
  const find = async () => {
    sessionStorage.setItem("q", words.value);
    sessionStorage.setItem("kind", kind.value);
    const query = new URLSearchParams({ q: words.value, ...(kind.value ? { kind: kind.value } : {}) });
    const found = (await api(`/v1/services?${query}`)).services;
    list.replaceChildren(...found.map(card));
    if (!found.length) list.replaceChildren(h("li", {}, "Nothing matches. Try fewer words."));
  };
  await find();
  return [
    h("h1", {}, "Services on sale"),
    h("form", { class: "row", role: "search", onsubmit: (event) => { event.preventDefault(); find(); } },
      field("Words", words), field("Kind", kind), h("button", {}, "Find")),
    list,
  ];
}

function card(service) {
  return h("li", { class: "card" },
    h("h2", {}, h("a", { href: `#/service/${service.id}` }, service.name || `Service ${service.id}`)),
    h("p", { class: "soft" }, service.summary || "No description."),
    h("p", {}, h("code", {}, service.model), service.status === "active" ? "" : ` · ${service.status}`),
    h("ul", { class: "tags", "aria-label": "Tags" }, service.tags.map((tag) => h("li", {}, tag))));
}

export async function showService(id) {
  const [service, stats, where] = await Promise.all([api(`/v1/services/${id}`), api(`/v1/services/${id}/stats`), deployment()]);
  const chain = where.chains[0];
  return [
    h("h1", {}, service.name || `Service ${id}`),
    h("p", {}, service.metadata?.description || service.summary),
    facts({
      "Name in requests": h("code", {}, service.model),
      Provider: h("code", { title: service.owner }, short(service.owner)),
      Kind: service.kind,
      Status: service.status,
      Bond: service.bond ? money(service.bond, { decimals: 18, symbol: "EMP" }) : "none",
    }),
    h("h2", {}, "Measured by this gateway, last 30 days"),
    facts({
      Requests: String(stats.requests),
      Failed: stats.requests ? `${((100 * stats.failed) / stats.requests).toFixed(1)} %` : "no requests yet",
      "First token": stats.mean_first_byte_ms === null ? "not measured yet" : `${stats.mean_first_byte_ms} ms on average`,
      "Whole answer": stats.mean_duration_ms === null ? "not measured yet" : `${stats.mean_duration_ms} ms on average`,
      Buyers: String(stats.payers),
    }),
    h("h2", {}, "Plans"),
    h("ul", { class: "cards" }, service.plans.map((plan) => planCard(plan, service, chain))),
    estimate(service, chain),
    service.kind === "model" ? chat(service) : "",
  ];
}

function planCard(plan, service, chain) {
  const currency = currencyOf(chain, plan.currency);
  const free = BigInt(plan.unit_price) === 0n;
  const cap = BigInt(plan.account_cap);
  const usual = plan.kind === "metered" ? (cap > 0n && cap < 100n ? cap : 100n) : 1n;
  const units = h("input", { type: "number", min: "1", step: "1", max: cap > 0n ? cap : null, value: usual, inputmode: "numeric" });
  const names = { pass: "passes", timed: "periods", metered: "credits" };
  return h("li", { class: "card" },
    h("h3", {}, { pass: "Pass", timed: `Time: ${span(plan.period_seconds)}`, metered: free ? "Free trial" : "Credits" }[plan.kind]),
    h("p", {}, h("strong", {}, free ? "Free" : money(plan.unit_price, currency)), free ? ` · at most ${cap} an account` : plan.kind === "metered" ? " a credit" : plan.kind === "timed" ? " a period" : ""),
    plan.kind === "metered" && !free ? h("p", { class: "soft" }, rates(plan, currency)) : "",
    h("p", { class: "soft" }, promise(plan)),
    plan.sale_open && service.status === "active"
      ? h("form", { class: "row", onsubmit: doing(() => buy(plan, BigInt(units.value || "0"), currency)) },
          field(`How many ${names[plan.kind]}`, units), h("button", {}, free ? "Take it" : "Buy"))
      : h("p", {}, "Not on sale now."));
}

function rates(plan, currency) {
  const card = plan.rate_card;
  const thousand = (micro) => money((BigInt(micro) * 1000n * BigInt(plan.unit_price)) / 1_000_000n, currency);
  return `${thousand(card.per_unit_in)} for 1,000 ${card.measure} in, ${thousand(card.per_unit_out)} for 1,000 out, `
    + `${credits(card.per_request)} a request`;
}

function promise(plan) {
  if (plan.kind === "pass") return "Paid to the provider at once; cannot be refunded. You may sell it on.";
  const back = plan.refundable ? "What you have not used can be refunded at the price paid." : "Cannot be refunded.";
  return plan.transferable ? `${back} Unused units can be passed on.` : `${back} Bound to your wallet.`;
}

async function buy(plan, units, currency) {
  if (units < 1n) throw new Error("how many? at least 1");
  const cost = units * BigInt(plan.unit_price);
  const access = await contract("AccessToken");
  const deadline = BigInt((await access.runner.provider.getBlock("latest")).timestamp) + 600n;
  const order = [plan.id, units, account(), cost, deadline, THEN[plan.kind]];
  const points = [`You pay ${money(cost, currency)} for ${units} unit${units === 1n ? "" : "s"}.`, promise(plan)];
  if (plan.kind === "metered") points.push("The credits are deposited: the most that can be spent is what you deposit.");
  if (cost === 0n) return send("Take a free trial", points, () => access.buy(...order));
  points.push("First your wallet signs a permit for exactly this amount; then it sends one transaction.");
  return send("Buy access", points, async () => access.buyWithPermit(...order, ...(await permit(plan, currency, cost, deadline, access))));
}

async function permit(plan, currency, value, deadline, access) {
  const token = await contract("EmporionToken", currency.address);
  const owner = account();
  if ((await token.balanceOf(owner)) < value) throw new Error(`the wallet has less than ${money(value, currency)}`);
  const [, name, version, chainId, verifyingContract] = await token.eip712Domain();
  const types = { Permit: ["owner:address", "spender:address", "value:uint256", "nonce:uint256", "deadline:uint256"].map((part) => {
    const [title, type] = part.split(":");
    return { name: title, type };
  }) };
  const message = { owner, spender: await access.getAddress(), value, nonce: await token.nonces(owner), deadline };
  const signature = await access.runner.signTypedData({ name, version, chainId, verifyingContract }, types, message);
  const bytes = signature.slice(2);
  return [parseInt(bytes.slice(128, 130), 16), `0x${bytes.slice(0, 64)}`, `0x${bytes.slice(64, 128)}`];
}

function estimate(service, chain) {
  if (!service.plans.some((plan) => plan.kind === "metered")) return "";
  const [requests, into, out] = [["100", "Requests"], ["500", "Tokens in, each"], ["200", "Tokens out, each"]].map(([value, label]) =>
    [h("input", { type: "number", min: "0", value, inputmode: "numeric" }), label]);
  const place = h("div", { "aria-live": "polite" });
  const ask = doing(async () => {
    const job = { model: service.model, requests: Number(requests[0].value), units_in: Number(into[0].value), units_out: Number(out[0].value) };
    const found = await api("/v1/estimate", { method: "POST", json: job });
    place.replaceChildren(table("What this job takes", [
      { name: "Plan", of: (row) => row.kind },
      { name: "Units", number: true, of: (row) => String(row.units) },
      { name: "Cost", number: true, of: (row) => money(row.cost, currencyOf(chain, row.currency)) },
    ], found.plans));
    return false;
  });
  return [h("h2", {}, "What would a job cost?"),
    h("form", { class: "row", onsubmit: ask }, [requests, into, out].map(([control, label]) => field(label, control)), h("button", {}, "Estimate")), place];
}

function chat(service) {
  const text = h("textarea", { required: true }, "What is the capital of France?");
  const answer = h("pre", { class: "answer", "aria-live": "polite", tabindex: "0", "aria-label": "Answer" });
  const foot = h("p", { class: "soft" });
  return [h("h2", {}, "Try it"),
    h("form", { onsubmit: doing(async () => { await stream(service, text.value, answer, foot); return false; }) },
      field("Your question (never stored)", text), h("div", { class: "row" }, h("button", {}, "Ask"))),
    answer, foot];
}

async function stream(service, text, place, foot) {
  if (!account()) throw new Error("connect a wallet first: the button is at the top");
  if (!signedIn() && !(await signIn())) return;
  place.textContent = "";
  foot.textContent = "";
  let reply;
  try {
    reply = await api("/v1/chat/completions", { method: "POST", raw: true, json: {
      model: service.model, messages: [{ role: "user", content: text }], max_tokens: 200, stream: true } });
  } catch (error) {
    if (error instanceof ApiError && error.status === 402) throw new Error(`${error.message} The plans are above.`);
    throw error;
  }
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) take(line, place, foot);
  }
}

function take(line, place, foot) {
  if (line.startsWith(": emporion-receipt ")) {
    const receipt = JSON.parse(line.slice(19));
    foot.textContent = `${receipt.units_in} tokens in, ${receipt.units_out} out, ${credits(receipt.micro_credits)}`
      + (receipt.credits_remaining ? `; ${receipt.credits_remaining} credits left` : "") + `. Receipt ${receipt.request_id}.`;
  } else if (line.startsWith("data: ") && line !== "data: [DONE]") {
    const part = JSON.parse(line.slice(6));
    if (part.error) say(part.error.message, true);
    place.textContent += part.choices?.[0]?.delta?.content || "";
  }
}

