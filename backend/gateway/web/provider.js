// What a provider sees: its services, what they earned, what can be claimed.

import { account, contract, send } from "/web/wallet.js";
import { api, currencyOf, deployment, money } from "/web/api.js";
import { facts, h, table } from "/web/dom.js";
import { doing } from "/web/act.js";

export async function showProvider() {
  const how = [h("h2", {}, "List a service"),
    h("p", {}, "Write a ", h("code", {}, "service.toml"), " (name, model, upstream, plans) and run ", h("code", {}, "emporion provider publish service.toml"), ". It checks the file, registers the service, puts up its bond, creates the plans and runs nothing while a line is wrong.")];
  if (!account()) return [h("h1", {}, "Provide"), h("p", {}, "Connect the provider's wallet to see its services and claim what they earned."), how];
  const [mine, where] = await Promise.all([api(`/v1/accounts/${account()}`), deployment()]);
  const chain = where.chains[0];
  const services = await Promise.all(mine.services.map((id) => Promise.all([api(`/v1/services/${id}`), api(`/v1/services/${id}/stats`)])));
  return [h("h1", {}, "Provide"),
    h("h2", {}, "Your services"),
    services.length ? h("ul", { class: "cards" }, services.map(([service, stats]) => card(service, stats, chain))) : h("p", { class: "soft" }, "This wallet has none yet."),
    h("h2", {}, "Your shares"), shares(mine, chain), how];
}

function card(service, stats, chain) {
  const revenue = new Map();
  for (const plan of service.plans) revenue.set(plan.currency, (revenue.get(plan.currency) || 0n) + BigInt(plan.revenue));
  return h("li", { class: "card" },
    h("h3", {}, h("a", { href: `#/service/${service.id}` }, service.name)),
    facts({
      Status: service.status, Requests: `${stats.requests}, ${stats.failed} failed`, Buyers: String(stats.payers),
      Revenue: [...revenue].map(([index, amount]) => money(amount, currencyOf(chain, index))).join(", ") || "none yet",
    }),
    h("div", { class: "row" }, service.plans.map((plan) => h("button", { class: "plain", onclick: doing(() => send(
      plan.sale_open ? "Close sales" : "Open sales", [`Plan ${plan.id} ${plan.sale_open ? "sells no more; holders keep what they have" : "sells again"}.`],
      async () => (await contract("AccessToken")).setSaleOpen(plan.id, !plan.sale_open))) }, `${plan.sale_open ? "Close" : "Open"} ${plan.kind} plan`))));
}

function shares(mine, chain) {
  const due = mine.shares.flatMap((one) => Object.entries(one.claimable).filter(([, amount]) => BigInt(amount) > 0n).map(([index, amount]) => ({ service: one.service_id, index: Number(index), amount })));
  return [table("Shares of services, of 1,000,000 each", [
    { name: "Service", of: (one) => h("a", { href: `#/service/${one.service_id}` }, String(one.service_id)) },
    { name: "Shares", number: true, of: (one) => one.units },
    { name: "Claimable", number: true, of: (one) => Object.entries(one.claimable).map(([index, amount]) => money(amount, currencyOf(chain, Number(index)))).join(", ") || "0" },
  ], mine.shares, "No shares in this wallet."),
  due.length ? h("button", { onclick: doing(() => send("Claim revenue", due.map((one) => `${money(one.amount, currencyOf(chain, one.index))} from service ${one.service}`),
    async () => (await contract("RevenueShares")).claim(due.map((one) => one.service), due.map((one) => one.index), account()))) }, "Claim all of it") : ""];
}
