// Resale of passes, unused periods and credits, and of shares of services, at a fixed price.

import { account, allow, chainTime, connectFirst, contract, send } from "/web/wallet.js";
import { api, baseUnits, chainFacts, currencyOf, money, short, when } from "/web/api.js";
import { choice, field, h, number, table } from "/web/dom.js";
import { doing } from "/web/act.js";
import { panel } from "/web/panel.js";

const DAY = 86400n;
const WHOLE_SHARES = 1_000_000;
const MOVED = (event) => ["Listed", "Filled", "Cancelled", "TransferSingle"].some((name) => event.names.has(name));

export async function showMarket() {
  const chain = await chainFacts();
  return [
    h("h1", {}, "Market"),
    h("p", { class: "lead" }, "Passes, unused periods and credits, and shares of services, offered by who holds them. They stay with the seller until you buy; money and tokens then change hands in one step."),
    panel("Offers", () => offers(chain), MOVED),
    account() ? panel("Offer yours", () => offerForm(chain), MOVED) : h("section", {}, connectFirst("buy, or offer what you hold")),
  ];
}

async function offers(chain) {
  const page = await api("/v1/listings");
  const names = await namesOf(page.listings, chain);
  return table("Offers", [
    { name: "What", of: (one) => h("a", { href: `#/service/${serviceOf(one, chain)}` }, what(one, chain, names)) },
    { name: "Units", number: true, of: (one) => one.units },
    { name: "Price a unit", number: true, of: (one) => money(one.unit_price, currencyOf(chain, one.currency)) },
    { name: "Seller", of: (one) => (one.seller === account() ? "you" : h("code", { title: one.seller }, short(one.seller))) },
    { name: "Until", of: (one) => when(one.expiry > 2 ** 36 ? 0 : one.expiry) || "sold" },
    { name: "", of: (one) => (!account() ? "" : one.seller === account() ? cancelButton(one) : fillForm(one, chain)) },
  ], page.listings, "No offers now.");
}

const isShares = (one, chain) => one.token === chain.contracts.RevenueShares.address;
const serviceOf = (one, chain) => (isShares(one, chain) ? one.token_id : Math.floor(one.token_id / 2 ** 20));

async function namesOf(listings, chain) {
  const ids = [...new Set(listings.map((one) => serviceOf(one, chain)))];
  return new Map(await Promise.all(ids.map(async (id) => [id, await api(`/v1/services/${id}`).catch(() => null)])));
}

function what(one, chain, names) {
  const service = names.get(serviceOf(one, chain));
  const name = service?.name || `service ${serviceOf(one, chain)}`;
  if (isShares(one, chain)) return `Shares of ${name}`;
  return `${{ pass: "Pass", timed: "Periods", metered: "Credits" }[service?.plans.find((plan) => plan.id === one.token_id)?.kind] || "Units"} of ${name}`;
}

function fillForm(one, chain) {
  const units = number("1", { min: "1", max: one.units, "aria-label": `Units of offer ${one.id}` });
  return h("form", { class: "row tight", onsubmit: doing(() => fill(one, BigInt(units.value || "0"), chain)) }, units, h("button", { class: "small" }, "Buy"));
}

async function fill(one, units, chain) {
  if (units < 1n) throw new Error("how many? at least 1");
  const currency = currencyOf(chain, one.currency), cost = units * BigInt(one.unit_price);
  const market = await contract("TokenMarket");
  if (!(await allow(await contract("EmporionToken", currency.address), market.target, cost, money(cost, currency)))) return false;
  const deadline = BigInt(await chainTime()) + 600n;
  return (await send("Buy from a holder", [`You pay ${money(cost, currency)} to ${short(one.seller)} for ${units}.`, "The royalty of the provider is taken from it; you pay nothing on top.", "What you buy here can be refunded only as its plan says."],
    () => market.fill(one.id, units, cost, deadline))) !== null;
}

function cancelButton(one) {
  return h("button", { class: "plain small", "aria-label": `Take offer ${one.id} back`, onclick: doing(async () => (await send("Take the offer back", ["Nobody can buy it any more; what you hold stays yours."], async () => (await contract("TokenMarket")).cancel(one.id))) !== null) }, "Take back");
}

async function offerForm(chain) {
  const mine = await api(`/v1/accounts/${account()}`);
  const { AccessToken, RevenueShares } = chain.contracts;
  const own = [
    ...mine.plans.filter((one) => BigInt(one.units) > 0n).map((one) => ({ name: `${one.units} of plan ${one.plan_id} (${one.kind})`, token: AccessToken.address, held: one.units, id: one.plan_id })),
    ...mine.shares.filter((one) => BigInt(one.units) > 0n).map((one) => ({ name: `${one.units} shares of service ${one.service_id}, of ${WHOLE_SHARES}`, token: RevenueShares.address, held: one.units, id: one.service_id })),
  ];
  if (!own.length) return h("p", { class: "soft" }, "Your wallet holds nothing that could be offered. Deposited credits must be taken back first.");
  const which = choice(own.map((one, index) => [index, one.name]));
  const currency = choice(chain.currencies.map((one) => [one.index, one.symbol]));
  const [units, days] = [number("1", { min: "1" }), number("7", { min: "1", max: "365" })];
  const price = h("input", { type: "text", value: "1.00", inputmode: "decimal", autocomplete: "off" });
  return h("form", { class: "row", onsubmit: doing(() => offer(own[which.value], BigInt(units.value || "0"), price.value, currencyOf(chain, currency.value), BigInt(days.value))) },
    field("What", which), field("Units", units), field("Price a unit", price), field("Currency", currency), field("Days", days), h("button", {}, "Offer"));
}

async function offer(one, units, text, currency, days) {
  if (units < 1n || units > BigInt(one.held)) throw new Error(`offer 1 to ${one.held} units`);
  const price = baseUnits(text, currency);
  const market = await contract("TokenMarket");
  const token = await contract("AccessToken", one.token);
  if (!(await token.isApprovedForAll(account(), market.target))) {
    const allowed = await send("Let the market move what you offer", ["The market contract may move these tokens of yours, only to whoever pays the price you set."], () => token.setApprovalForAll(market.target, true));
    if (allowed === null) return false;
  }
  const expiry = BigInt(await chainTime()) + days * DAY;
  return (await send("Offer", [`${units} at ${money(price, currency)} each, for ${days} days. They stay in your wallet until sold.`, "The provider's royalty, if its plan has one, is taken from what you get."],
    () => market.list(one.token, one.id, units, price, currency.index, expiry))) !== null;
}
