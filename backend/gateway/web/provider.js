// What a provider sees: its services, what they earned and when it can be had.

import { account, connectFirst, contract, send } from "/web/wallet.js";
import { api, chainFacts, currencyOf, EMP, later, money, moneys, span, when } from "/web/api.js";
import { facts, h, table } from "/web/dom.js";
import { doing } from "/web/act.js";
import { panel } from "/web/panel.js";
import { disputes } from "/web/disputes.js";
import { publishForm } from "/web/publish.js";
import { editForm } from "/web/edit.js";
import { use } from "/web/use.js";

const MONEY = (event) => ["Released", "Claimed", "Bought", "Refunded", "Settled", "TransferSingle"].some((name) => event.names.has(name));

export async function showProvider() {
  const chain = await chainFacts();
  if (!account()) return [h("h1", {}, "Provide"), h("p", { class: "lead" }, "List a model, a data set or any JSON service; be paid by use, in one place, with nobody in between."), connectFirst("publish a service, see what it earned and claim it")];
  return [
    h("h1", {}, "Provide"),
    panel("Money", () => earnings(chain), MONEY),
    panel("Your services", () => services(chain), (event) => MONEY(event) || event.names.has("ServiceRegistered") || event.names.has("PlanCreated")),
    panel("Disputes", () => claims(), (event) => [...event.names].some((name) => name.startsWith("Dispute"))),
    panel("Use and errors", () => use(chain), (event) => event.names.has("Settled") || event.names.has("ServiceRegistered")),
    publishForm(chain),
  ];
}

async function claims() {
  const [mine, network] = await Promise.all([api(`/v1/accounts/${account()}`), api("/v1/network")]);
  return mine.services.length ? disputes(mine.services, later(network.block_timestamp), true) : [];
}

export async function showEdit(id) {
  const [service, chain] = await Promise.all([api(`/v1/services/${id}`), chainFacts()]);
  if (service.owner !== account()) return [h("h1", {}, service.name), h("p", {}, `Only its provider's wallet, ${service.owner}, changes this service.`), account() ? "" : connectFirst("change it")];
  return [h("h1", {}, `Change ${service.name}`), h("p", {}, h("a", { href: "#/provider" }, "Back to your services")), ...editForm(service, chain)];
}

async function earnings(chain) {
  const mine = await api(`/v1/accounts/${account()}`);
  const due = mine.shares.flatMap((one) => Object.entries(one.claimable).filter(([, amount]) => BigInt(amount) > 0n).map(([index, amount]) => ({ service: one.service_id, index: Number(index), amount })));
  const total = {};
  for (const one of due) total[one.index] = (total[one.index] || 0n) + BigInt(one.amount);
  return [
    facts({ "Claimable now": h("strong", {}, moneys(chain, total)) }),
    due.length ? h("div", { class: "row" }, h("button", { onclick: doing(async () => (await send("Claim revenue", due.map((one) => `${money(one.amount, currencyOf(chain, one.index))} from service ${one.service} go to your wallet.`),
      async () => (await contract("RevenueShares")).claim(due.map((one) => one.service), due.map((one) => one.index), account()))) !== null) }, `Claim ${moneys(chain, total)}`)) : "",
    table("Shares you hold, of 1,000,000 each", [
      { name: "Service", of: (one) => h("a", { href: `#/service/${one.service_id}` }, String(one.service_id)) },
      { name: "Your shares", number: true, of: (one) => `${Number(one.units) / 10_000} %` },
      { name: "Claimable", number: true, of: (one) => moneys(chain, one.claimable, "0") },
    ], mine.shares, "No shares in this wallet: publishing a service gives you all of its shares."),
  ];
}

async function services(chain) {
  const mine = await api(`/v1/accounts/${account()}`);
  if (!mine.services.length) return h("p", { class: "soft" }, "This wallet has none yet. The form below publishes one.");
  const [network, registry] = [await api("/v1/network"), await contract("ServiceRegistry")];
  const cooldown = Number(await registry.unbondCooldown());
  const found = await Promise.all(mine.services.map((id) => Promise.all([api(`/v1/services/${id}`), api(`/v1/services/${id}/stats`)])));
  return h("ul", { class: "cards wide" }, found.map(([service, stats]) => card(service, stats, chain, cooldown, later(network.block_timestamp))));
}

function card(service, stats, chain, cooldown, now) {
  const sums = (of) => service.plans.reduce((all, plan) => ({ ...all, [plan.currency]: (all[plan.currency] || 0n) + of(plan) }), {});
  const waiting = sums((plan) => BigInt(plan.paid) - BigInt(plan.refunded) - BigInt(plan.revenue));
  const unbonding = BigInt(service.unbonding || "0");
  const ready = (service.unbond_requested_at || 0) + cooldown;
  return h("li", { class: "card" },
    h("h3", {}, h("a", { href: `#/service/${service.id}` }, service.name), service.status === "active" ? "" : ` · ${service.status}`),
    facts({
      Sold: moneys(chain, sums((plan) => BigInt(plan.paid))), Revenue: [moneys(chain, sums((plan) => BigInt(plan.revenue))), h("small", { class: "soft" }, " before fees and shares")],
      "Set aside for buyers": [moneys(chain, waiting, "nothing"), h("small", { class: "soft" }, " yours as it is used: credits when they settle, periods when they begin")],
      Requests: `${stats.requests}, ${stats.failed} failed`, Buyers: String(stats.payers),
      Bond: money(service.bond, EMP), ...(unbonding ? { "Bond on its way out": `${money(unbonding, EMP)}, ${ready > now ? `ready ${when(ready)}` : "ready now"}` } : {}),
      Disputes: service.open_disputes ? h("strong", { class: "bad" }, `${service.open_disputes} open`) : "none open",
    }),
    h("div", { class: "row" }, h("a", { class: "button plain", href: `#/provider/${service.id}` }, "Change"),
      unbonding && ready <= now ? h("button", { class: "plain", onclick: doing(async () => (await send("Take the bond", [`${money(unbonding, EMP)} return to your wallet.`], async () => (await contract("ServiceRegistry")).unbond(service.id, account()))) !== null) }, "Take the bond") : "",
      h("small", { class: "soft" }, `A bond that is asked for waits ${span(cooldown)}.`)));
}
