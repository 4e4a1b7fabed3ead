// Getting money back for what is unused in one plan: every step the chain allows now, in one go, each said before it is asked.

import { account, chainTime, contract, mined } from "/web/wallet.js";
import { money, when } from "/web/api.js";
import { ask, explain, h } from "/web/dom.js";

const PATIENCE = 90_000; // this gateway lets a tab go as soon as what was used is settled; others may let it wait
const underWay = new Set();

// `one` is a holding, `refund` whether its plan gives money for unused units; without, units end in the wallet.
export async function moneyBack(one, currency, refund) {
  if (underWay.has(one.plan_id)) throw new Error("this is under way already");
  underWay.add(one.plan_id);
  try {
    const now = await standing(one);
    const title = refund ? "Get your money back" : "Take the credits out";
    return (await explain(title, points(one, currency, refund, now), refund ? "Get it back" : "Take them")) && (await walked(title, one, currency, refund));
  } finally {
    underWay.delete(one.plan_id);
  }
}

async function standing(one) {
  const held = await (await contract("AccessToken")).balanceOf(account(), one.plan_id);
  if (one.kind !== "metered") return { held, deposited: 0n, withdrawAt: 0, time: 0 };
  const [tab, time] = await Promise.all([(await contract("UsageEscrow")).tabOf(one.plan_id, account()), chainTime()]);
  return { held, deposited: tab.balance, withdrawAt: Number(tab.withdrawAt), time };
}

function points(one, currency, refund, { held, deposited, withdrawAt }) {
  const worth = money((held + deposited) * BigInt(one.terms.unit_price), currency);
  const asks = Number(deposited > 0n && !withdrawAt) + Number(deposited > 0n) + Number(refund);
  return [
    ...(deposited > 0n ? ["Your credits stop giving access, for your programs too.", "What you used is settled first. That usually takes some seconds; where the service does not let go, the chain makes you wait, and you are told until when."] : []),
    refund ? `What is left is refunded at the price you paid: at most ${worth}, to your wallet.` : "What is left is in your wallet then; it can be sold or deposited again.",
    `Your wallet will ask you ${["", "once", "twice", "three times"][asks]}, one transaction each; the network takes its fee.`,
  ];
}

// A list that grows with each step. Closing it ends the walk after the step that runs; the same button goes on from there.
async function walked(title, one, currency, refund) {
  const list = h("ol", { class: "steps", "aria-live": "polite" }), close = h("button", { class: "plain" }, "Stop here");
  const walk = { stopped: false, tell: (text) => list.append(h("li", {}, text)) };
  ask(title, (end) => { close.onclick = () => end(true); return [list, h("div", { class: "row" }, close)]; }).then(() => { walk.stopped = true; });
  try {
    for (const step of [leave, out, ...(refund ? [refunded] : [])]) {
      if (walk.stopped || !(await step(one, walk, currency))) break;
    }
  } catch (error) {
    walk.tell(h("span", { class: "bad" }, error.message));
  }
  close.textContent = "Close";
  return true;
}

async function leave(one, walk) {
  const { deposited, withdrawAt } = await standing(one);
  if (deposited === 0n || withdrawAt) return true;
  walk.tell("Sign in your wallet: the credits stop giving access.");
  const escrow = await contract("UsageEscrow");
  await mined(() => escrow.requestWithdrawal(one.plan_id));
  return true;
}

async function out(one, walk) {
  if ((await standing(one)).deposited === 0n) return true;
  walk.tell("Waiting for what you used to be settled.");
  const { deposited, withdrawAt, time } = await released(one, walk);
  if (walk.stopped) return false;
  if (withdrawAt > time) {
    walk.tell(h("strong", {}, `The service has not let go yet. You can take the rest from ${when(withdrawAt)} on: come back then and press the same button.`));
    return false;
  }
  if (deposited === 0n) return true;
  walk.tell("Sign in your wallet: the credits come out of the tab.");
  const escrow = await contract("UsageEscrow");
  await mined(() => escrow.withdraw(one.plan_id, account()));
  return true;
}

// How things stand once the tab is free, or when waiting has had its time.
async function released(one, walk) {
  for (const end = Date.now() + PATIENCE; ;) {
    const now = await standing(one);
    if (walk.stopped || now.withdrawAt <= now.time || Date.now() > end) return now;
    await new Promise((go) => setTimeout(go, 1000));
  }
}

async function refunded(one, walk, currency) {
  const { held } = await standing(one);
  if (held === 0n) {
    walk.tell(h("strong", {}, "Everything was used: nothing is left to refund."));
    return true;
  }
  const worth = money(held * BigInt(one.terms.unit_price), currency);
  walk.tell(`Sign in your wallet: ${worth} return to it.`);
  const access = await contract("AccessToken");
  await mined(() => access.refund(one.plan_id, held, account()));
  walk.tell(h("strong", { class: "good" }, `Done: ${worth} are in your wallet.`));
  return true;
}
