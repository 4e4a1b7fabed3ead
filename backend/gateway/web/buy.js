// A plan as it is offered, and the purchase: what it costs, what can be had back, one signature and one transaction.

import { account, allow, chainTime, contract, hasOrPicks, require, send } from "/web/wallet.js";
import { about, api, credits, currencyOf, money, SCORE, span, when } from "/web/api.js";
import { field, h, number } from "/web/dom.js";
import { doing } from "/web/act.js";
import { Signature } from "/web/ethers.js";

const HOLD = 0, ACTIVATE = 1, DEPOSIT = 2;
const THEN = { pass: HOLD, timed: ACTIVATE, metered: DEPOSIT };
const UNITS = { pass: "passes", timed: "periods", metered: "credits" };
const HOW_MANY = { pass: "Passes", timed: "Periods", metered: "Credits" };
const ORDER_SECONDS = 600n;

// `now`: the chain's time, or this device's where that is later.
export function planCard(plan, service, chain, now) {
  const currency = currencyOf(chain, plan.currency);
  const price = BigInt(plan.unit_price), cap = BigInt(plan.account_cap), left = BigInt(plan.supply_cap) ? BigInt(plan.supply_cap) - BigInt(plan.supply) : null;
  const usual = plan.kind === "metered" ? (cap > 0n && cap < 100n ? cap : 100n) : 1n;
  const units = number(usual, { min: "1", max: cap > 0n ? cap : null });
  const early = plan.sale_start - plan.early_seconds, starts = BigInt(plan.early_score) ? plan.sale_start : early;
  const waits = starts > now, stakers = waits && early <= now;
  const later = plan.kind === "timed" ? h("input", { type: "checkbox" }) : null;
  const cost = h("strong", { "aria-live": "polite" });
  const count = () => { cost.textContent = price ? money(BigInt(units.value || "0") * price, currency) : "Free"; };
  units.oninput = count;
  count();
  const open = plan.sale_open && service.status === "active" && (!waits || stakers);
  return h("li", { class: "card plan" },
    h("h3", {}, name(plan)),
    h("p", { class: "price" }, price ? money(price, currency) : "Free", { pass: " once", timed: ` for ${span(plan.period_seconds || 1)}`, metered: price ? " a credit" : "" }[plan.kind]),
    h("ul", { class: "terms" },
      plan.kind === "metered" ? rates(plan, currency).map((line) => h("li", {}, line)) : h("li", {}, "No charge for requests while you have access."),
      h("li", {}, promise(plan)), h("li", {}, passing(plan)),
      cap ? h("li", {}, `At most ${cap} an account.`) : "",
      left !== null ? h("li", {}, `${left} of ${plan.supply_cap} left.`) : "",
      limits(plan),
      waits ? h("li", {}, onSale(plan, starts, stakers)) : ""),
    open ? h("form", { class: "row", onsubmit: doing(async () => (await hasOrPicks()) && (!stakers || (await scores(plan))) && (await buy(plan, BigInt(units.value || "0"), currency, later?.checked ? HOLD : THEN[plan.kind])) && next(plan, service)) },
      later ? h("label", { class: "check" }, later, "Begin later") : "", field(HOW_MANY[plan.kind], units), h("button", {}, price ? ["Buy for ", cost] : "Take it")) : h("p", {}, waits && plan.sale_open ? "Not on sale yet." : "Not on sale now."));
}

function onSale(plan, starts, begun) {
  const early = `to stakers with a score of ${money(plan.early_score, SCORE)} or more`;
  const first = starts < plan.sale_start || !plan.early_seconds ? "" : begun ? ` Until then ${early}.` : ` From ${when(plan.sale_start - plan.early_seconds)} ${early}.`;
  return `On sale to everybody from ${when(starts)}.${first}`;
}

// Said before anything is signed: the contract would refuse it.
async function scores(plan) {
  const score = await (await contract("StakingVault")).scoreOf(account());
  if (score >= BigInt(plan.early_score)) return true;
  throw new Error(`your staking score is ${about(score, SCORE, 2)}; before ${when(plan.sale_start)} it takes ${money(plan.early_score, SCORE)}. Lock EMP under Stake, or wait.`);
}

function name(plan) {
  return { pass: "Pass", timed: `Time, by ${span(plan.period_seconds || 1)}`, metered: BigInt(plan.unit_price) ? "Credits" : "Free trial" }[plan.kind];
}

function rates(plan, currency) {
  const card = plan.rate_card, price = BigInt(plan.unit_price);
  const cost = (micro) => (price ? about((BigInt(micro) * price) / 1_000_000n, currency, 6) : credits(micro));
  const parts = [["in", card.per_unit_in], ["out", card.per_unit_out]].filter(([, micro]) => BigInt(micro));
  return [
    parts.map(([way, micro], at) => `${cost(BigInt(micro) * 1000n)} for 1,000 ${at ? "" : `${card.measure} `}${way}`).join(", "),
    BigInt(card.per_request) ? `${cost(card.per_request)} for each request` : "",
  ].filter(Boolean);
}

// What the plan promises at most, from the document whose hash is in its terms.
function limits(plan) {
  if (/^0x0+$/.test(plan.limits_hash)) return "";
  const line = h("li", {}, "Limits: ", h("a", { href: `/v1/metadata/${plan.limits_hash}` }, "its document"), ".");
  api(`/v1/metadata/${plan.limits_hash}`).then((said) => {
    const told = [["requests_per_minute", "requests a minute"], ["tokens_per_minute", "tokens a minute"], ["concurrent", "at once"], ["context", "tokens of context"], ["max_output", "tokens an answer"]]
      .filter(([name]) => said[name]).map(([name, words]) => `${said[name]} ${words}`);
    if (told.length) line.textContent = `At most ${told.join(", ")}${said.per_unit === false && !plan.transferable ? "" : ", for each unit held"}.`;
  }).catch(() => {});
  return line;
}

export function promise(plan) {
  if (BigInt(plan.unit_price) === 0n) return "It costs nothing, so nothing is refunded.";
  if (plan.kind === "pass") return "Not refundable: the price goes to the provider at once.";
  if (!plan.refundable) return "Not refundable.";
  return { timed: "Periods you have not begun are refundable at the price paid; a begun one is not.", metered: "Credits you have not used are refundable at the price paid; used ones are not." }[plan.kind];
}

function passing(plan) {
  if (!plan.transferable) return "Bound to your wallet.";
  const royalty = plan.royalty_bps ? `; ${plan.royalty_bps / 100} % of a resale goes to the provider` : "";
  return `You may sell or give away what you have not used${royalty}.`;
}

async function buy(plan, units, currency, then) {
  if (units < 1n) throw new Error("how many? at least 1");
  const cost = units * BigInt(plan.unit_price);
  const access = await contract("AccessToken");
  const deadline = BigInt(await chainTime()) + ORDER_SECONDS;
  const order = [plan.id, units, account(), cost, deadline, then];
  const points = [`You get ${units} ${units === 1n ? UNITS[plan.kind].replace(/e?s$/, "") : UNITS[plan.kind]} and pay ${money(cost, currency)}.`, ...(then === ACTIVATE ? begun(plan) : [promise(plan), ...afterwards(plan)])];
  if (cost === 0n) return (await send("Take a free trial", points, () => access.buy(...order))) !== null;
  const token = await contract("EmporionToken", currency.address);
  await require(token, cost, money(cost, currency));
  const domain = await token.eip712Domain().catch(() => null);
  if (!domain) {
    if (!(await allow(token, access.target, cost, money(cost, currency)))) return false;
    return (await send("Buy access", points, () => access.buy(...order))) !== null;
  }
  const asks = `Your wallet will ask twice: for a permit, which lets the market take exactly ${money(cost, currency)} within ten minutes, then for the transaction. The network takes its fee.`;
  return (await send("Buy access", points, async () => access.buyWithPermit(...order, ...(await permit(token, domain, cost, deadline, access))), asks)) !== null;
}

// What can be done with what was just bought, said where the plans are; the view may have been drawn anew meanwhile.
export const BOUGHT = "bought";
function next(plan, service) {
  const place = document.getElementById(BOUGHT);
  if (!place) return true;
  const chat = document.getElementById("try-it");
  place.replaceChildren(h("div", { class: "note" }, h("strong", {}, "It is yours. "),
    !service.served_here ? ["It is used at ", service.gateway || "the gateway of its provider", "."]
      : [chat ? [h("a", { href: location.hash, onclick: (event) => { event.preventDefault(); chat.scrollIntoView(); chat.querySelector("textarea").focus(); } }, "Ask it something here"), ", or "] : "",
        h("a", { href: "#/mine" }, chat ? "make a key for your programs" : "Make a key for your programs"), `: any OpenAI SDK works with it, at ${location.origin}/v1, as model ${service.model}.`],
    " What is left of it, and your way to your money back, is under My access."));
  place.scrollIntoView({ block: "center" }); // at the foot of the window the word of the last step would lie on it
  return true;
}

function begun(plan) {
  return [`It begins at once and lasts ${span(plan.period_seconds || 1)} a period.`,
    BigInt(plan.unit_price) && plan.refundable ? "A begun period is not refundable. Tick Begin later to keep your way back." : promise(plan)];
}

function afterwards(plan) {
  return {
    pass: ["It gives access as long as your wallet holds it."],
    timed: ["It waits in your wallet. Begin it under My access, or get your money back there."],
    metered: ["The credits are deposited for your calls. No more than that can ever be spent."],
  }[plan.kind];
}

async function permit(token, [, name, version, chainId, verifyingContract], value, deadline, access) {
  const owner = account();
  const types = { Permit: Object.entries({ owner: "address", spender: "address", value: "uint256", nonce: "uint256", deadline: "uint256" }).map(([title, type]) => ({ name: title, type })) };
  const message = { owner, spender: access.target, value, nonce: await token.nonces(owner), deadline };
  const { v, r, s } = Signature.from(await access.runner.signTypedData({ name, version, chainId, verifyingContract }, types, message));
  return [v, r, s];
}
