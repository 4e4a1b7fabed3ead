// One service: what it is, what was measured, what it costs, what others say, and a place to try it.

import { account, contract, hasWallet, send, signIn } from "/web/wallet.js";
import { api, chainFacts, currencyOf, EMP, later, money, short, signedIn, when } from "/web/api.js";
import { choice, facts, field, h, number, table } from "/web/dom.js";
import { doing } from "/web/act.js";
import { panel } from "/web/panel.js";
import { BOUGHT, planCard } from "/web/buy.js";
import { chat } from "/web/chat.js";
import { stored } from "/web/documents.js";
import { disputes, howToClaim } from "/web/disputes.js";
import { receiptForm } from "/web/verify.js";
import { watchButton } from "/web/watch.js";

const ZERO = `0x${"0".repeat(64)}`;

export async function showService(id) {
  const [service, chain] = await Promise.all([api(`/v1/services/${id}`), chainFacts()]);
  const about = (...names) => (event) => event.services.has(Number(id)) && names.some((name) => event.names.has(name));
  const talks = service.kind === "model" && (service.metadata?.model?.operations || ["chat"]).includes("chat");
  return [
    h("h1", {}, service.name), h("p", { class: "lead" }, service.metadata?.description || service.summary || "Its provider says nothing about it."),
    h("ul", { class: "tags", "aria-label": "Kind and tags" }, [service.kind, service.status, ...service.tags].map((tag) => h("li", {}, tag))),
    h("div", { class: "row" }, watchButton(service)),
    service.served_here ? "" : h("p", { class: "note" }, "Another gateway serves this service", service.gateway ? [": ", h("a", { href: service.gateway, rel: "noreferrer" }, service.gateway)] : "", ". What you buy here is used there."),
    h("div", { class: "halves" }, who(service), panel("Measured, last 30 days", () => measured(id), about("Settled", "Bought"))),
    panel("Plans", async () => {
      const [now, network] = await Promise.all([api(`/v1/services/${id}`), api("/v1/network")]);
      return h("ul", { class: "cards" }, now.plans.map((plan) => planCard(plan, now, chain, later(network.block_timestamp))));
    }, about("PlanCreated", "SaleOpenSet", "StatusSet")),
    h("div", { id: BOUGHT, role: "status" }),
    talks && service.served_here ? chat(service) : "",
    estimate(service, chain),
    panel("Ratings", () => ratings(service), about("Reviewed")),
    panel("What it is built on", () => lineage(id)),
    panel("Disputes", async () => [await disputes([id], later((await api("/v1/network")).block_timestamp), false), howToClaim(service)], (event) => [...event.names].some((name) => name.startsWith("Dispute"))),
    h("section", {}, h("h2", {}, "Check a receipt"), receiptForm()),
  ];
}

function who(service) {
  return h("section", {}, h("h2", {}, "About"), facts({
    "Name in requests": h("code", {}, service.model),
    Provider: h("code", { title: service.owner }, short(service.owner)),
    Licence: service.metadata?.licence || null,
    Context: service.metadata?.model ? `${service.metadata.model.context ?? 2048} tokens` : null,
    Bond: [money(service.bond, EMP), h("small", { class: "soft" }, " the provider loses if a dispute is upheld")],
    "Open disputes": String(service.open_disputes),
    Metadata: h("a", { href: `/v1/metadata/${service.content_hash}` }, "its document, by hash"),
  }));
}

async function measured(id) {
  const stats = await api(`/v1/services/${id}/stats`);
  const share = (part, whole) => `${((100 * part) / whole).toFixed(1)} %`;
  const time = (half, most) => (half === null ? "not measured yet" : `${half} ms, 9 in 10 within ${most} ms`);
  return [facts({
    Answered: stats.requests ? `${share(stats.requests - stats.failed, stats.requests)} of ${stats.requests} requests` : "no requests yet",
    Errors: stats.requests ? share(stats.failed, stats.requests) : null,
    Uptime: stats.hours_called ? `answering in ${share(stats.hours_answered, stats.hours_called)} of the hours with calls (${stats.hours_called})` : null,
    "First token": time(stats.p50_first_byte_ms, stats.p90_first_byte_ms),
    "Whole answer": time(stats.p50_duration_ms, stats.p90_duration_ms),
    "Sold so far": `${stats.units_sold} units; ${stats.holders === 1 ? "1 wallet holds" : `${stats.holders} wallets hold`} some now`,
  }), h("p", { class: "soft" }, "Counted by this gateway from real calls, not claimed by the provider."),
  stats.measured.length ? table("By who measured", [
    { name: "By", of: (one) => [one.source === "gateway" ? "This gateway" : "A paying prober", " ", h("code", { title: one.measured_by }, short(one.measured_by))] },
    { name: "Calls", number: true, of: (one) => String(one.samples) },
    { name: "Uptime", number: true, of: (one) => `${(one.uptime_ppm / 10_000).toFixed(1)} %` },
    { name: "First token", number: true, of: (one) => (one.first_token_ms === null ? "–" : `${one.first_token_ms} ms`) },
    { name: "Tokens a second", number: true, of: (one) => (one.milli_tokens_per_second === null ? "–" : (one.milli_tokens_per_second / 1000).toFixed(1)) },
  ], stats.measured) : ""];
}

function estimate(service, chain) {
  const metered = service.plans.filter((plan) => plan.kind === "metered" && BigInt(plan.unit_price) > 0n);
  if (!metered.length) return "";
  const measure = metered[0].rate_card.measure;
  const parts = [["100", "Requests"], ["500", `${measure} in, each`], ["200", `${measure} out, each`]].map(([value, label]) => [number(value, { min: "0" }), label]);
  const place = h("div", { "aria-live": "polite" });
  const asked = doing(async () => {
    const [requests, units_in, units_out] = parts.map(([control]) => Number(control.value));
    const found = await api("/v1/estimate", { method: "POST", json: { model: service.model, requests, units_in, units_out } });
    place.replaceChildren(table("What this job takes", [
      { name: "Plan", of: (row) => ({ pass: "Pass", timed: "Time", metered: "Credits" }[row.kind]) },
      { name: "Units", number: true, of: (row) => String(row.units) },
      { name: "Cost", number: true, of: (row) => money(row.cost, currencyOf(chain, row.currency)) },
    ], found.plans));
    return false;
  });
  return h("section", {}, h("h2", {}, "What would a job cost?"),
    h("form", { class: "row", onsubmit: asked }, parts.map(([control, label]) => field(label, control)), h("button", {}, "Estimate")), place);
}

async function lineage(id) {
  const { upstreams, derived } = await api(`/v1/services/${id}/lineage`);
  if (!upstreams.length && !derived.length) return h("p", { class: "soft" }, "It names no other service it is derived from, and none is derived from it.");
  const other = (one) => h("a", { href: `#/service/${one}` }, `Service ${one}`);
  const columns = (name) => [
    { name: "Service", of: (one) => other(name === "upstream_id" ? one.upstream_id : one.service_id) },
    { name: "Gets of its revenue", number: true, of: (one) => `${one.bps / 100} %` },
    { name: "Steps away", number: true, of: (one) => String(one.depth) },
  ];
  return [
    upstreams.length ? [h("h3", {}, "Derived from"), table("Derived from", columns("upstream_id"), upstreams)] : "",
    derived.length ? [h("h3", {}, "Others derived from it"), table("Others derived from it", columns("service_id"), derived)] : "",
  ];
}

async function ratings(service) {
  const found = await api(`/v1/services/${service.id}/reviews`);
  const mean = found.count ? (found.total / found.count).toFixed(1) : "";
  return [
    found.count ? h("p", {}, h("strong", {}, `${mean} of 5`), ` from ${found.count} wallet${found.count === 1 ? "" : "s"} that paid and used it`) : h("p", { class: "soft" }, "No ratings yet. Only wallets that paid for the service and used it can rate it."),
    found.count ? table("Ratings", [
      { name: "Rating", of: (one) => h("span", { "aria-label": `${one.rating} of 5` }, "★".repeat(one.rating) + "☆".repeat(5 - one.rating)) },
      ...(found.reviews.some((one) => one.text) ? [{ name: "In words", of: (one) => h("span", { class: "said" }, one.text || "") }] : []),
      { name: "By", of: (one) => h("code", { title: one.account }, short(one.account)) },
      { name: "When", of: (one) => when(one.timestamp) },
    ], found.reviews) : "",
    await rate(service),
  ];
}

async function rate(service) {
  if (!hasWallet()) return "";
  const reviews = await contract("ServiceReviews").catch(() => null);
  if (!reviews) return "";
  const paid = service.plans.filter((plan) => BigInt(plan.unit_price) > 0n);
  const may = await Promise.all(paid.map((plan) => reviews.mayReview(plan.id, account())));
  const plan = paid[may.indexOf(true)];
  if (!plan) return "";
  const stars = choice([5, 4, 3, 2, 1].map((one) => [one, `${one} of 5`]));
  const words = h("textarea", { rows: "2", maxlength: "4000" });
  return h("form", { onsubmit: doing(() => review(reviews, plan, Number(stars.value), words.value.trim())) },
    field("Your rating", stars), field("In words", words, "If you like: public, kept by this gateway, and never changed."), h("div", { class: "row" }, h("button", {}, "Rate it")));
}

// The chain names the words by their hash, so they are kept here first.
async function review(reviews, plan, rating, text) {
  if (text && !signedIn() && !(await signIn())) return false;
  const kept = text ? await stored({ emporion: "review/1", text }) : { hash: ZERO };
  if (!kept) return false;
  return (await send("Rate this service", [
    `You say ${rating} of 5${text ? ", in words too" : ""}. It is public, with your address, and replaces what you said before.`, "It costs nothing but the network's fee.",
  ], () => reviews.review(plan.id, rating, kept.hash))) !== null;
}
