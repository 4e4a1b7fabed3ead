// Claims of buyers against the bond of a service: how each stands, until when, and the provider's answer.

import { keccak256, toUtf8Bytes } from "/web/ethers.js";
import { contract, send } from "/web/wallet.js";
import { about, api, EMP, money, short, when } from "/web/api.js";
import { ask, field, h, table } from "/web/dom.js";
import { doing } from "/web/act.js";

const STANDS = { open: "open", upheld: "upheld: the bond was taken from", rejected: "rejected", no_quorum: "ended without enough votes" };

// All disputes of these services, newest first; `now` is the chain's time, `mine` whether the reader is the provider.
export async function disputes(ids, now, mine) {
  const found = await Promise.all(ids.map((id) => api(`/v1/services/${id}/disputes`)));
  const all = found.flatMap((page) => page.disputes).sort((one, other) => other.opened_at - one.opened_at);
  if (!all.length) return h("p", { class: "soft" }, `Nobody has claimed anything against ${mine ? "a bond of yours" : "its bond"}.`);
  return table("Disputes", [
    { name: "Dispute", of: (one) => String(one.id) },
    { name: "Service", of: (one) => h("a", { href: `#/service/${one.service_id}` }, String(one.service_id)) },
    { name: "By", of: (one) => h("code", { title: one.claimant }, short(one.claimant)) },
    { name: "Claimed", number: true, of: (one) => money(one.amount, EMP) },
    { name: "Opened", of: (one) => when(one.opened_at) },
    { name: "How it stands", of: (one) => [stands(one, now), " ", one.answers ? `${mine ? "You" : "The provider"} answered.` : ""] },
    { name: "", of: (one) => (one.outcome !== "open" ? "" : one.voting_ends <= now ? end(one) : mine ? answer(one) : "") },
  ], all);
}

// What somebody who was served badly can do; evidence is a file, so it is done where files are.
export function howToClaim(service) {
  const plan = service.plans.find((one) => BigInt(one.unit_price) > 0n);
  if (!plan) return "";
  return h("details", {}, h("summary", {}, "Were you served badly?"),
    h("p", {}, "Whoever paid for this service and used it lately, or holds a unit, can claim EMP of its bond; stakers vote on it. A tenth of the claim, 50 EMP at least, is put up and returns if the claim is upheld. In a terminal, with what happened in a file:"),
    h("p", {}, h("code", {}, `emporion dispute open ${plan.id} 100 --evidence what-happened.txt --uri https://…/what-happened.txt`)));
}

function stands(one, now) {
  if (one.outcome === "open") return one.voting_ends > now ? `voted on until ${when(one.voting_ends)}` : "the vote is over, not ended yet";
  return `${STANDS[one.outcome]}${one.outcome === "upheld" ? ` (${about(one.slashed, EMP)})` : ""}, ${when(one.resolved_at)}`;
}

function answer(one) {
  return h("button", { class: "plain small", "aria-label": `Answer dispute ${one.id}`, onclick: doing(async () => {
    const text = h("textarea", { rows: "4", maxlength: "2000", required: true });
    const go = await ask("Answer the dispute", (end) => [h("form", { onsubmit: (event) => { event.preventDefault(); end(true); } },
      field("Your answer", text, "Stakers read it before they vote. It goes on chain as it is: public, for good."),
      h("div", { class: "row" }, h("button", {}, "Go on"), h("button", { type: "button", class: "plain", onclick: () => end(false) }, "Not now")))]);
    if (!go) return false;
    const said = text.value.trim();
    return (await send("Answer the dispute", [`Your answer of ${said.length} characters is written to the chain. You may answer again while the vote runs.`],
      async () => (await contract("DisputeCourt")).respond(one.id, keccak256(toUtf8Bytes(said)), `data:text/plain;charset=utf-8,${encodeURIComponent(said)}`))) !== null;
  }) }, "Answer");
}

function end(one) {
  return h("button", { class: "plain small", "aria-label": `End dispute ${one.id}`, onclick: doing(async () => (await send("End the dispute", ["The votes are counted and the bonds paid as they say. Anybody may do this."],
    async () => (await contract("DisputeCourt")).resolve(one.id))) !== null) }, "End it");
}
