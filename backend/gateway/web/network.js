// The network: totals, a chart, what happened last, and where the contracts are.

import { api, deployment, money, short, when } from "/web/api.js";
import { bars, facts, h, table } from "/web/dom.js";

export async function showNetwork() {
  const [where, services, activity, ready] = await Promise.all([
    deployment(), api("/v1/services?limit=100"), api("/v1/activity?limit=200"), api("/readyz").catch((error) => ({ problems: [error.message] }))]);
  const chain = where.chains[0];
  const events = activity.events;
  return [h("h1", {}, "Network"),
    facts({ Chain: String(chain.chain_id), "Newest block": String(ready.block_number ?? "unknown"), Index: ready.problems.length ? h("span", { class: "bad" }, ready.problems.join("; ")) : h("span", { class: "good" }, "current"),
      Services: String(services.services.length), "Gateway's meter": h("code", {}, where.meter) }),
    events.length ? bars("Events by kind, the last 200", byKind(events)) : "",
    h("h2", {}, "Latest"),
    table("Events", [
      { name: "When", of: (one) => when(one.timestamp) },
      { name: "What", of: (one) => (one.retracts ? `taken back: ${one.event}` : one.event) },
      { name: "Service", of: (one) => (one.service_id ? h("a", { href: `#/service/${one.service_id}` }, String(one.service_id)) : "") },
      { name: "Who", of: (one) => (one.account ? h("code", {}, short(one.account)) : "") },
      { name: "Block", number: true, of: (one) => String(one.block_number) },
    ], events.slice(0, 40)),
    h("h2", {}, "Contracts"),
    table("Addresses", [{ name: "Contract", of: ([name]) => name }, { name: "Address", of: ([, one]) => h("code", {}, one.address) }], Object.entries(chain.contracts)),
    h("h2", {}, "Currencies"),
    table("Currencies", [{ name: "Symbol", of: (one) => one.symbol }, { name: "Name", of: (one) => one.name }, { name: "One unit", of: (one) => money(10n ** BigInt(one.decimals), one) }], chain.currencies)];
}

function byKind(events) {
  const counts = new Map();
  for (const one of events) counts.set(one.event, (counts.get(one.event) || 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).slice(0, 12).map(([name, value]) => ({ name, value }));
}
