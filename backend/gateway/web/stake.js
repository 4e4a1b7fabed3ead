// Locking EMP for a score: what it earns, how it is streamed, when it ends.

import { account, allow, connectFirst, contract, send } from "/web/wallet.js";
import { about, api, chainFacts, currencyOf, EMP, later, money, moneys, SCORE, when, baseUnits } from "/web/api.js";
import { facts, field, h, number, table } from "/web/dom.js";
import { doing } from "/web/act.js";
import { whereEmp } from "/web/emp.js";
import { panel } from "/web/panel.js";

const DAY = 86400;

export async function showStake() {
  const chain = await chainFacts();
  return [
    h("h1", {}, "Stake"),
    h("p", { class: "lead" }, "EMP locked for 7 to 365 days has a score of 1 to 4 times its amount. The score earns the protocol's fees, streamed second by second, and votes. Locked EMP cannot leave before its end."),
    panel("Rewards on their way", () => streams(chain)),
    ...(account() ? [panel("Yours", () => yours(chain)), lockForm(), panel("Your positions", positions)] : [h("section", {}, connectFirst("lock EMP and claim what it earned"), whereEmp(chain))]),
  ];
}

async function streams(chain) {
  const now = await api("/v1/network");
  const running = now.streams.filter((one) => BigInt(one.left) > 0n);
  return [
    facts({ Locked: about(now.locked, EMP, 2), "Score of all": about(now.score, SCORE, 2) }),
    table("Streams", [
      { name: "Currency", of: (one) => currencyOf(chain, one.currency).symbol },
      { name: "A day, to all stakers", number: true, of: (one) => about(one.per_day, currencyOf(chain, one.currency), 6) },
      { name: "Still to come", number: true, of: (one) => about(one.left, currencyOf(chain, one.currency), 6) },
      { name: "Until", of: (one) => when(one.ends) },
    ], running, "No rewards are streaming now. They begin when fees are flushed."),
  ];
}

async function yours(chain) {
  const [mine, now] = await Promise.all([api(`/v1/accounts/${account()}`), api("/v1/network")]);
  const due = Object.entries(mine.rewards).filter(([, amount]) => BigInt(amount) > 0n);
  const told = due.map(([index, amount]) => money(amount, currencyOf(chain, index)));
  const part = BigInt(now.score) ? Number((BigInt(mine.score) * 10000n) / BigInt(now.score)) / 100 : 0;
  return [
    facts({ "In the wallet": about(mine.emp, EMP, 4), "Your score": `${about(mine.score, SCORE, 2)}, ${part} % of all`, "Claimable now": moneys(chain, mine.rewards) }),
    due.length ? h("div", { class: "row" }, h("button", { onclick: doing(async () => (await send("Claim rewards", [`${told.join(", ")} and what has streamed since go to your wallet.`],
      async () => (await contract("StakingVault")).claim(due.map(([index]) => Number(index)), account()))) !== null) }, "Claim rewards")) : "",
    whereEmp(chain),
  ];
}

function lockForm() {
  const amount = h("input", { type: "text", value: "100", inputmode: "decimal", autocomplete: "off" });
  const days = number("90", { min: "7", max: "365" });
  const score = h("p", { class: "soft", "aria-live": "polite" });
  let asked = 0;
  const count = async () => {
    const turn = ++asked;
    const told = await scoreWords(amount.value, Number(days.value)).catch(() => "");
    if (turn === asked) score.textContent = told;
  };
  for (const control of [amount, days]) control.oninput = count;
  count();
  return h("section", {}, h("h2", {}, "Lock"),
    h("form", { class: "row", onsubmit: doing(() => lock(baseUnits(amount.value, EMP), Number(days.value))) }, field("EMP", amount), field("Days", days), h("button", {}, "Lock")), score);
}

async function scoreWords(text, days) {
  const amount = baseUnits(text, EMP);
  const score = await (await contract("StakingVault")).scoreDown(amount, days * DAY);
  return `Their score: ${about(score, SCORE, 2)}, ${(Number(score) / Number(amount)).toFixed(2)} times the amount.`;
}

async function lock(amount, days) {
  const vault = await contract("StakingVault");
  const score = await vault.scoreDown(amount, days * DAY);
  if (!(await allow(await contract("EmporionToken"), vault.target, amount, money(amount, EMP)))) return false;
  return (await send("Lock EMP", [`${money(amount, EMP)} are locked for ${days} days and cannot leave before.`, `Their score is ${about(score, SCORE, 4)}; it earns rewards from this block on.`],
    () => vault.lock(amount, days * DAY))) !== null;
}

async function positions() {
  const [mine, network] = await Promise.all([api(`/v1/accounts/${account()}`), api("/v1/network")]);
  const now = later(network.block_timestamp);
  const earned = Object.entries(mine.rewards).some(([index, amount]) => Number(index) === 1 && BigInt(amount) > 0n);
  return table("Positions", [
    { name: "Number", of: (one) => String(one.index) },
    { name: "Amount", number: true, of: (one) => money(one.amount, EMP) },
    { name: "Score", number: true, of: (one) => about(one.score, SCORE, 2) },
    { name: "Ends", of: (one) => when(one.end) },
    { name: "", of: (one) => h("div", { class: "row tight" }, one.end <= now ? unlock(one) : [earned ? compound(one) : "", extend(one)]) },
  ], mine.positions, "Nothing locked yet.");
}

const act = (label, one, title, points, work) => h("button", { class: "plain small", "aria-label": `${label} position ${one.index}`, onclick: doing(async () => (await send(title, points, work)) !== null) }, label);

function unlock(one) {
  return act("Unlock", one, "Unlock", [`${money(one.amount, EMP)} return to your wallet.`], async () => (await contract("StakingVault")).unlock(one.index, account()));
}

function compound(one) {
  return act("Compound", one, "Compound", ["The EMP you earned join this position: more score, locked until the same end."], async () => (await contract("StakingVault")).compound(one.index));
}

function extend(one) {
  return act("Lock a year from now", one, "Lock for longer", ["The position ends 365 days from now instead, with the score of a year.", "It cannot leave before."], async () => (await contract("StakingVault")).extend(one.index, 365 * DAY));
}
