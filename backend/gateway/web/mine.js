// What the wallet has: access, credits and their use, refundable value, keys, receipts.

import { account, connectFirst, contract, giveTestMoney, send, signIn } from "/web/wallet.js";
import { api, chainFacts, credits, currencyOf, dayName, EMP, later, money, signedIn, when } from "/web/api.js";
import { facts, h, table } from "/web/dom.js";
import { chart } from "/web/charts.js";
import { doing } from "/web/act.js";
import { panel } from "/web/panel.js";
import { alerts } from "/web/alerts.js";
import { apps } from "/web/apps.js";
import { moneyBack } from "/web/moneyback.js";
import { keys } from "/web/keys.js";
import { statement } from "/web/statement.js";
import { receiptForm, verdict, verified } from "/web/verify.js";

const DAYS = 30;

export async function showMine() {
  if (!account()) return [h("h1", {}, "My access"), connectFirst("see what it holds, what is refundable, and to make keys for your programs")];
  const chain = await chainFacts();
  return [
    h("h1", {}, "My access"),
    panel("Wallet", () => wallet(chain)),
    panel("Passes, time and credits", () => holdings(chain)),
    panel("Use", () => use(), (event) => event.names.has("Settled")),
    panel("Keys for your programs", () => (signedIn() ? keys() : signInFirst()), () => false),
    panel("Apps you let in", () => (signedIn() ? apps() : []), () => false),
    panel("Receipts", () => (signedIn() ? receipts() : []), (event) => event.names.has("Settled")),
    panel("Statement for accounts and tax", () => (signedIn() ? statement() : []), () => false),
    panel("Alerts", () => (signedIn() ? alerts() : []), () => false),
  ];
}

function signInFirst() {
  return [h("p", {}, "Sign in with your wallet to make keys for your programs, and to see what you used and its receipts. It costs nothing."), h("div", { class: "row" }, h("button", { onclick: doing(signIn) }, "Sign in"))];
}

async function wallet(chain) {
  const [mine, held] = await Promise.all([api(`/v1/accounts/${account()}`), balances(chain)]);
  return [
    facts({ Address: h("code", {}, account()), ...Object.fromEntries(held), "True at block": String(mine.block_number) }),
    chain.devnet ? h("div", { class: "row" }, h("button", { class: "plain", onclick: doing(giveTestMoney) }, "Give me test money")) : "",
  ];
}

async function balances(chain) {
  return Promise.all(chain.currencies.map(async (currency) => {
    const token = await contract("EmporionToken", currency.address);
    return [currency.symbol, money(await token.balanceOf(account()), { ...currency, symbol: "" })];
  }));
}

async function holdings(chain) {
  const [mine, network] = await Promise.all([api(`/v1/accounts/${account()}`), api("/v1/network")]);
  const [terms, tabs] = await Promise.all([withTerms(mine.plans), withTabs(mine.plans)]);
  if (!terms.length) return h("p", { class: "soft" }, "Nothing yet. ", h("a", { href: "#/" }, "Find a service"), ".");
  const now = later(network.block_timestamp);
  const lives = (one) => BigInt(one.units) > 0n || BigInt(one.deposited) > 0n || one.withdraw_at > 0 || one.access_until > now;
  const over = terms.filter((one) => !lives(one)).map((one) => h("a", { href: `#/service/${one.service_id}` }, one.service.name));
  return [
    h("ul", { class: "cards" }, terms.filter(lives).map((one) => holding(one, chain, tabs.get(one.plan_id), now))),
    over.length ? h("p", { class: "soft" }, "Used up, sold or given back: ", over.flatMap((link, at) => [at ? ", " : "", link]), ".") : "",
  ];
}

async function withTerms(held) {
  const services = new Map();
  for (const one of held) if (!services.has(one.service_id)) services.set(one.service_id, api(`/v1/services/${one.service_id}`));
  return Promise.all(held.map(async (one) => {
    const service = await services.get(one.service_id);
    return { ...one, service, terms: service.plans.find((plan) => plan.id === one.plan_id) };
  }));
}

// What is left of each tab with what was served and not settled yet: the gateway tells the payer alone.
async function withTabs(held) {
  if (!signedIn()) return new Map();
  const tabs = held.filter((one) => one.kind === "metered" && BigInt(one.deposited) > 0n);
  return new Map(await Promise.all(tabs.map(async (one) => [one.plan_id, await api(`/v1/credits/${one.plan_id}`).catch(() => null)])));
}

function holding(one, chain, tab, now) {
  const currency = currencyOf(chain, one.terms.currency);
  const held = BigInt(one.units), deposited = BigInt(one.deposited);
  const value = (units) => money(units * BigInt(one.terms.unit_price), currency);
  const back = one.terms.refundable && BigInt(one.terms.unit_price) > 0n;
  const running = one.access_until > now;
  const name = { pass: "Pass", timed: "Time", metered: "Credits" }[one.kind];
  return h("li", { class: "card" },
    h("h3", {}, h("a", { href: `#/service/${one.service_id}` }, one.service.name), ` · ${name}`),
    facts({
      ...(one.kind === "metered" ? { "Left to use": tab ? h("strong", {}, credits(tab.available_micro_credits)) : `${deposited} credits, less what is not settled yet`, Deposited: `${deposited} credits`, "Settled so far": `${one.settled} credits` } : {}),
      ...(one.kind === "timed" ? { Access: running ? h("strong", { class: "good" }, `until ${when(one.access_until)}`) : one.access_until ? `ended ${when(one.access_until)}` : "not begun" } : {}),
      ...(one.kind === "pass" ? { Access: held > 0n ? h("strong", { class: "good" }, "as long as you hold it") : "none" } : {}),
      "In the wallet": `${held}`,
      Refundable: back ? [value(held + (one.kind === "metered" ? deposited : 0n)), one.kind === "metered" && deposited > 0n ? h("small", { class: "soft" }, " less what is used") : ""] : "nothing",
    }),
    one.withdraw_at ? h("p", { class: "note" }, one.withdraw_at > now ? `On their way back: the rest is yours from ${when(one.withdraw_at)} on, or earlier if the service lets go.` : "Ready to be taken back.", " These credits give no access meanwhile.") : "",
    h("div", { class: "row" }, buttons(one, held, deposited, currency, back)));
}

function buttons(one, held, deposited, currency, back) {
  const made = [];
  const what = `${one.service.name}, plan ${one.plan_id}`;
  const button = (label, work, plain = true) => made.push(h("button", { class: plain ? "plain" : null, "aria-label": `${label}: ${what}`, onclick: doing(work) }, label));
  const add = (label, points, work) => button(label, async () => (await send(label, points, work)) !== null);
  if (one.kind === "timed" && held > 0n) {
    add("Begin a period", ["One period is used up; you have access for it at once. It can no longer be refunded."], async () => (await contract("AccessToken")).activate(one.plan_id, 1, account()));
  }
  if (held > 0n && one.kind === "metered") button("Deposit for use", () => deposit(one, held), false);
  if (one.withdraw_at) add("Keep using them", ["The credits give access again."], async () => (await contract("UsageEscrow")).cancelWithdrawal(one.plan_id));
  if (back && held + deposited > 0n) button("Get my money back", () => moneyBack(one, currency, true));
  if (deposited > 0n && (one.terms.transferable || !back)) button("Take the credits out", () => moneyBack(one, currency, false));
  return made;
}

async function deposit(one, held) {
  const [access, escrow] = [await contract("AccessToken"), await contract("UsageEscrow")];
  if (!(await access.isApprovedForAll(account(), escrow.target))) {
    const allowed = await send("Let the escrow take credits", ["The escrow contract may move your access tokens, and does so only when you deposit."], () => access.setApprovalForAll(escrow.target, true));
    if (allowed === null) return false;
  }
  return (await send("Deposit credits", [`${held} credits are set aside for your calls. What you do not use can be taken back.`], () => escrow.deposit(one.plan_id, held))) !== null;
}

async function use() {
  if (!signedIn()) return [];
  const { days } = await api(`/v1/usage?days=${DAYS}`);
  const today = Math.floor(Date.now() / 86400000) * 86400;
  const every = Array.from({ length: DAYS }, (_, ago) => today - (DAYS - 1 - ago) * 86400);
  const sum = (day, name) => days.filter((one) => one.day === day).reduce((total, one) => total + BigInt(one[name]), 0n);
  const points = (name, write, scale) => every.map((day) => ({ name: dayName(day), value: Number(sum(day, name)) / scale, text: write(sum(day, name)) }));
  const total = (name) => days.reduce((all, one) => all + BigInt(one[name]), 0n);
  return h("div", { class: "halves" },
    chart("Credits used by day", points("charged_micro_credits", credits, 1e6), { figure: credits(total("charged_micro_credits")) }),
    chart("Requests by day", points("calls", String, 1), { figure: String(total("calls")) }));
}

async function receipts() {
  const page = await api("/v1/receipts?limit=10");
  const place = h("div", { "aria-live": "polite" });
  const marks = new Map(page.calls.map((one) => [one.request_id, h("span", { class: "soft" }, "checking")]));
  check(marks);
  return [
    table("Your requests", [
      { name: "When", of: (one) => when(one.issued_at) },
      { name: "Service", of: (one) => h("a", { href: `#/service/${one.service_id}` }, String(one.service_id)) },
      { name: "In, out", number: true, of: (one) => `${one.units_in}, ${one.units_out}` },
      { name: "Cost", number: true, of: (one) => (one.outcome === "failed" ? "failed, free" : credits(one.micro_credits)) },
      { name: "Checked", of: (one) => marks.get(one.request_id) },
      { name: "", of: (one) => h("button", { class: "plain small", "aria-label": `How ${one.request_id} was checked`, onclick: doing(async () => { place.replaceChildren(await verified(one.request_id)); return false; }) }, "How") },
    ], page.calls, "No requests yet."),
    place, page.calls.length ? h("details", {}, h("summary", {}, "Another receipt"), receiptForm()) : "",
  ];
}

// One after the other: each asks the chain's node, and nobody waits for them.
async function check(marks) {
  for (const [id, mark] of marks) mark.replaceChildren(await verdict(id).catch(() => "could not be checked"));
}
