// Locking EMP for a score: what it earns, when it ends.

import { account, allow, contract, send } from "/web/wallet.js";
import { api, currencyOf, deployment, money, when } from "/web/api.js";
import { facts, field, h, table } from "/web/dom.js";
import { doing } from "/web/act.js";

const EMP = { decimals: 18, symbol: "EMP" };
const WHOLE = 10n ** 18n;

export async function showStake() {
  const intro = h("p", {}, "EMP locked for 7 to 365 days has a score, 1.0x to 4.0x its amount. The score earns the protocol's fees, streamed over seven days, and votes. Locked EMP cannot leave before its end.");
  if (!account()) return [h("h1", {}, "Stake"), intro, h("p", {}, "Connect a wallet to lock EMP.")];
  const [mine, where] = await Promise.all([api(`/v1/accounts/${account()}`), deployment()]);
  const chain = where.chains[0];
  const amount = h("input", { type: "number", min: "1", step: "1", value: "100", inputmode: "numeric" });
  const days = h("input", { type: "number", min: "7", max: "365", step: "1", value: "90", inputmode: "numeric" });
  const rewards = Object.entries(mine.rewards).filter(([, due]) => BigInt(due) > 0n);
  return [h("h1", {}, "Stake"), intro,
    facts({ "In the wallet": money(mine.emp, EMP), "Your score": money(mine.score, { decimals: 18, symbol: "" }),
      "Rewards so far": rewards.map(([index, due]) => money(due, currencyOf(chain, Number(index)))).join(", ") || "none yet" }),
    rewards.length ? h("button", { onclick: doing(() => send("Claim rewards", rewards.map(([index, due]) => money(due, currencyOf(chain, Number(index)))),
      async () => (await contract("StakingVault")).claim(rewards.map(([index]) => Number(index)), account()))) }, "Claim rewards") : "",
    h("h2", {}, "Lock"),
    h("form", { class: "row", onsubmit: doing(() => lock(BigInt(amount.value), Number(days.value))) },
      field("EMP", amount), field("Days", days), h("button", {}, "Lock")),
    h("h2", {}, "Your positions"),
    table("Positions", [
      { name: "Number", of: (one) => String(one.index) },
      { name: "Amount", number: true, of: (one) => money(one.amount, EMP) },
      { name: "Score", number: true, of: (one) => money(one.score, { decimals: 18, symbol: "" }) },
      { name: "Ends", of: (one) => when(one.end) },
      { name: "", of: (one) => (BigInt(one.amount) > 0n && one.end * 1000 < Date.now() ? unlock(one) : "") },
    ], mine.positions, "Nothing locked yet.")];
}

async function lock(whole, days) {
  const amount = whole * WHOLE;
  const vault = await contract("StakingVault");
  const ends = new Date(Date.now() + days * 864e5).toLocaleDateString();
  const points = [`${money(amount, EMP)} are locked until ${ends} and cannot leave before.`];
  if (!(await allow(await contract("EmporionToken"), await vault.getAddress(), amount, money(amount, EMP)))) return false;
  return send("Lock EMP", points, () => vault.lock(amount, days * 86400));
}

function unlock(one) {
  return h("button", { class: "plain", onclick: doing(() => send("Unlock", [`${money(one.amount, EMP)} return to your wallet.`],
    async () => (await contract("StakingVault")).unlock(one.index, account()))) }, "Unlock");
}
