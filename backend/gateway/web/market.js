// Resale of passes, credits and shares at a fixed price.

import { account, allow, contract, send } from "/web/wallet.js";
import { api, currencyOf, deployment, money, short, when } from "/web/api.js";
import { field, h, table } from "/web/dom.js";
import { doing } from "/web/act.js";

export async function showMarket() {
  const [page, where] = await Promise.all([api("/v1/listings"), deployment()]);
  const chain = where.chains[0];
  return [h("h1", {}, "Market"),
    h("p", {}, "Passes, unused periods and credits, and shares of services, offered by their holders. Tokens stay with the seller until you fill the offer; money and tokens then change hands in one step."),
    table("Offers", [
      { name: "What", of: (one) => what(one, chain) },
      { name: "Units", number: true, of: (one) => one.units },
      { name: "Price a unit", number: true, of: (one) => money(one.unit_price, currencyOf(chain, one.currency)) },
      { name: "Seller", of: (one) => h("code", { title: one.seller }, short(one.seller)) },
      { name: "Until", of: (one) => when(one.expiry) },
      { name: "", of: (one) => (account() && account() !== one.seller ? fillButton(one, chain) : "") },
    ], page.listings, "No offers now."),
    account() ? await offerForm(chain) : h("p", { class: "soft" }, "Connect a wallet to buy or offer.")];
}

function what(one, chain) {
  if (one.token === chain.contracts.RevenueShares.address) return `Shares of service ${one.token_id}`;
  return h("a", { href: `#/service/${Math.floor(one.token_id / 2 ** 20)}` }, `Plan ${one.token_id}`);
}

function fillButton(one, chain) {
  return h("button", { onclick: doing(async () => {
    const currency = currencyOf(chain, one.currency);
    const market = await contract("TokenMarket");
    const cost = BigInt(one.unit_price);
    const token = await contract("EmporionToken", currency.address);
    if (!(await allow(token, await market.getAddress(), cost, money(cost, currency)))) return false;
    const deadline = BigInt((await market.runner.provider.getBlock("latest")).timestamp) + 600n;
    return send("Buy one unit", [`You pay ${money(cost, currency)} to ${short(one.seller)}; the royalty is taken from it.`],
      () => market.fill(one.id, 1, cost, deadline));
  }) }, "Buy one");
}

async function offerForm(chain) {
  const mine = await api(`/v1/accounts/${account()}`);
  const own = mine.plans.filter((one) => BigInt(one.units) > 0n);
  if (!own.length) return "";
  const plan = h("select", {}, own.map((one) => h("option", { value: one.plan_id }, `Plan ${one.plan_id} (${one.kind}), ${one.units} held`)));
  const units = h("input", { type: "number", min: "1", value: "1", inputmode: "numeric" });
  const price = h("input", { type: "text", value: "1.00", inputmode: "decimal", pattern: "\\d+(\\.\\d+)?" });
  return [h("h2", {}, "Offer yours"),
    h("form", { class: "row", onsubmit: doing(() => offer(chain, Number(plan.value), BigInt(units.value), price.value)) },
      field("What", plan), field("Units", units), field(`Price a unit, ${currencyOf(chain, 0).symbol}`, price), h("button", {}, "Offer"))];
}

async function offer(chain, plan, units, text) {
  const currency = currencyOf(chain, 0);
  const [whole, part = ""] = text.split(".");
  const price = BigInt(whole + part.padEnd(currency.decimals, "0").slice(0, currency.decimals));
  const access = await contract("AccessToken");
  const market = await contract("TokenMarket");
  const at = await market.getAddress();
  if (!(await access.isApprovedForAll(account(), at))) {
    const let_ = await send("Let the market move what you offer", ["The market contract may move your access tokens, only to whoever pays the price you set."],
      () => access.setApprovalForAll(at, true));
    if (let_ === null) return false;
  }
  const expiry = BigInt((await market.runner.provider.getBlock("latest")).timestamp) + 7n * 86400n;
  return send("Offer", [`${units} unit${units === 1n ? "" : "s"} at ${money(price, currency)} each, for seven days. They stay in your wallet until sold.`],
    () => market.list(access.target, plan, units, price, 0, expiry));
}

