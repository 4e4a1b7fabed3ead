// The network: totals, its days, the services one watches, what happens now, and where the contracts are.

import { about, api, chainFacts, dayName, deployment, EMP, moneys, scaled, short, when } from "/web/api.js";
import { facts, h, table } from "/web/dom.js";
import { chart } from "/web/charts.js";
import { panel } from "/web/panel.js";
import { watchButton, watched } from "/web/watch.js";

// What every purchase and lock brings along.
const NOISE = new Set(["Transfer", "TransferSingle", "TransferBatch", "Approval", "ApprovalForAll", "DelegateChanged", "DelegateVotesChanged", "ParameterSet"]);
const SALES = (event) => ["Bought", "Released", "Settled", "ServiceRegistered", "Locked", "Unlocked"].some((name) => event.names.has(name));

export async function showNetwork() {
  const chain = await chainFacts();
  return [
    h("h1", {}, "Network"),
    panel("Now", () => totals(chain), SALES),
    panel("Last 30 days", () => history(chain), SALES),
    panel("Watched services", () => watch(chain), (event) => watched().some((id) => event.services.has(id))),
    panel("Latest events", latest),
    panel("Contracts and currencies", () => addresses(chain), () => false),
  ];
}

async function totals(chain) {
  const [now, ready, where] = await Promise.all([api("/v1/network"), api("/readyz").catch((error) => ({ problems: [error.message] })), deployment()]);
  return h("div", { class: "halves" }, facts({
    Services: `${now.services} with ${now.plans} plans`, "Buyers so far": String(now.buyers), "Wallets with access": String(now.holders),
    Sold: moneys(chain, now.paid), Refunded: moneys(chain, now.refunded, "nothing"), Revenue: [moneys(chain, now.revenue), h("small", { class: "soft" }, " released by use")],
  }), facts({
    Staked: about(now.locked, EMP, 2), Chain: String(chain.chain_id), "Newest block": `${now.block_number}, ${when(now.block_timestamp)}`,
    Index: ready.problems.length ? h("span", { class: "bad" }, ready.problems.join("; ")) : h("span", { class: "good" }, "current"), "This gateway's meter": h("code", { title: where.meter }, short(where.meter)),
  }));
}

async function history(chain) {
  const { days } = await api("/v1/network/history?days=30");
  const usual = chain.currencies[0];
  const of = (name, currency) => days.map((day) => ({ name: dayName(day.day), value: scaled(day[name][currency.index] || "0", currency), text: about(day[name][currency.index] || "0", currency) }));
  const sum = (name, currency) => about(days.reduce((total, day) => total + BigInt(day[name][currency.index] || "0"), 0n), currency);
  const others = chain.currencies.slice(1).filter((currency) => days.some((day) => day.paid[currency.index] || day.revenue[currency.index]));
  return h("div", { class: "halves" },
    [usual, ...others].map((currency) => [
      chart(`Sold by day, ${currency.symbol}`, of("paid", currency), { figure: sum("paid", currency) }),
      chart(`Revenue by day, ${currency.symbol}`, of("revenue", currency), { figure: sum("revenue", currency) }),
    ]),
    chart("Services", days.map((day) => ({ name: dayName(day.day), value: day.services, text: String(day.services) })), { line: true, figure: String(days.at(-1).services) }),
    chart("EMP staked", days.map((day) => ({ name: dayName(day.day), value: scaled(day.locked, EMP), text: about(day.locked, EMP, 2) })), { line: true, figure: about(days.at(-1).locked, EMP, 2) }));
}

async function watch(chain) {
  const found = await Promise.all(watched().map(async (id) => {
    const [service, stats] = await Promise.all([api(`/v1/services/${id}`), api(`/v1/services/${id}/stats`)]).catch(() => [null]);
    return service && { service, stats };
  }));
  return table("Watched services", [
    { name: "Service", of: ({ service }) => h("a", { href: `#/service/${service.id}` }, service.name) },
    { name: "Status", of: ({ service }) => service.status },
    { name: "Requests, 30 days", number: true, of: ({ stats }) => `${stats.requests}, ${stats.failed} failed` },
    { name: "First token", number: true, of: ({ stats }) => (stats.p50_first_byte_ms === null ? "–" : `${stats.p50_first_byte_ms} ms`) },
    { name: "Sold", number: true, of: ({ service }) => moneys(chain, sums(service.plans)) },
    { name: "", of: ({ service }) => watchButton(service) },
  ], found.filter(Boolean), "None yet: ☆ Watch on a service puts it here.");
}

function sums(plans) {
  const found = {};
  for (const plan of plans) found[plan.currency] = (found[plan.currency] || 0n) + BigInt(plan.paid);
  return found;
}

async function latest() {
  const { events } = await api("/v1/activity?limit=150");
  return table("Events", [
    { name: "When", of: (one) => when(one.timestamp) },
    { name: "What", of: (one) => (one.retracts ? `taken back: ${words(one.event)}` : words(one.event)) },
    { name: "Service", of: (one) => (one.service_id ? h("a", { href: `#/service/${one.service_id}` }, String(one.service_id)) : "") },
    { name: "Who", of: (one) => (one.account ? h("code", { title: one.account }, short(one.account)) : "") },
    { name: "Block", number: true, of: (one) => String(one.block_number) },
  ], events.filter((one) => !NOISE.has(one.event)).slice(0, 20));
}

const words = (event) => event.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function addresses(chain) {
  return h("details", {}, h("summary", {}, `${Object.keys(chain.contracts).length} contracts, ${chain.currencies.length} currencies`),
    table("Contracts", [{ name: "Contract", of: ([name]) => name }, { name: "Address", of: ([, one]) => h("code", {}, one.address) }], Object.entries(chain.contracts)),
    table("Currencies", [{ name: "Symbol", of: (one) => one.symbol }, { name: "Name", of: (one) => one.name }, { name: "Address", of: (one) => h("code", {}, one.address) }], chain.currencies));
}

