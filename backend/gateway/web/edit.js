// Changing a published service: description, upstream, plans, sale, bond, end.

import { allow, contract, fresh, send, signIn } from "/web/wallet.js";
import { api, currencyOf, deployment, EMP, money, baseUnits, signedIn } from "/web/api.js";
import { field, h, say, table } from "/web/dom.js";
import { doing } from "/web/act.js";
import { panel } from "/web/panel.js";
import { planPart, planWords } from "/web/plans.js";
import { documentPart, stored, withLimits } from "/web/documents.js";
import { bind } from "/web/publish.js";
import { upstreamPart } from "/web/upstream.js";

const STATUS = ["active", "paused", "retired"];

export function editForm(service, chain) {
  const plan = planPart(chain), upstream = upstreamPart(), about = documentPart(service.metadata || { name: service.name });
  about.model.hidden = service.kind !== "model";
  return [
    panel("Plans on sale", () => plans(service.id, chain)),
    h("section", {}, h("h2", {}, "Add a plan"), h("form", { onsubmit: doing(() => addPlan(service, plan.read(), chain)) }, plan.element, h("div", { class: "row" }, h("button", {}, "Create the plan")))),
    h("section", {}, h("h2", {}, "Description"), h("form", { onsubmit: doing(() => describe(service, about)) }, about.element, h("div", { class: "row" }, h("button", {}, "Save")))),
    panel("Upstreams now", () => bound(service.id), () => false),
    h("section", {}, h("h2", {}, "Another upstream"), h("form", { onsubmit: doing(() => rebind(service.id, upstream.read())) }, upstream.element, h("div", { class: "row" }, h("button", {}, "Replace what answers")))),
    panel("Sale and bond", () => standing(service.id)),
  ];
}

async function plans(id, chain) {
  const found = await api(`/v1/services/${id}/plans`);
  return table("Plans", [
    { name: "Plan", of: (one) => `${{ pass: "Pass", timed: "Time", metered: "Credits" }[one.kind]} (${one.id})` },
    { name: "Price", number: true, of: (one) => money(one.unit_price, currencyOf(chain, one.currency)) },
    { name: "Sold", number: true, of: (one) => one.sold },
    { name: "Revenue", number: true, of: (one) => money(one.revenue, currencyOf(chain, one.currency)) },
    { name: "", of: (one) => h("button", { class: "plain small", "aria-label": `${one.sale_open ? "Close" : "Open"} plan ${one.id}`, onclick: doing(() => openSale(one)) }, one.sale_open ? "Close" : "Open") },
  ], found, "No plans yet: nobody can buy.");
}

async function openSale(plan) {
  const access = await contract("AccessToken");
  return (await send(plan.sale_open ? "Close sales" : "Open sales", [plan.sale_open ? "It sells no more; holders keep what they have." : "It sells again."], () => access.setSaleOpen(plan.id, !plan.sale_open))) !== null;
}

async function addPlan(service, plan, chain) {
  const terms = await withLimits(plan);
  if (!terms) return false;
  const access = await contract("AccessToken");
  return (await send("Create the plan", [planWords(terms, chain)], () => access.createPlan(service.id, terms))) !== null;
}

async function describe(service, about) {
  if (!signedIn() && !(await signIn())) return false;
  const kept = await stored(about.read(service.kind, (await deployment()).gateway));
  if (!kept) return false;
  const registry = await contract("ServiceRegistry");
  return (await send("Change the description", ["The chain then names the new document by its hash. Plans, prices and what holders have stay as they are."], () => registry.setMetadata(service.id, kept.uri, kept.hash))) !== null;
}

async function bound(id) {
  if (!signedIn()) return [h("p", {}, "Sign in to see where its requests go."), h("div", { class: "row" }, h("button", { onclick: doing(signIn) }, "Sign in"))];
  const found = await fresh(() => api(`/v1/provider/services/${id}/upstream`));
  return table("Upstreams", [
    { name: "Kind", of: (one) => one.kind }, { name: "URL", of: (one) => one.url || "here" }, { name: "Model", of: (one) => one.model || "" },
    { name: "Health", of: (one) => (one.healthy ? h("span", { class: "good" }, "answers") : h("span", { class: "bad" }, "does not answer")) },
  ], found || [], "None: every request is refused.");
}

async function rebind(id, upstream) {
  if (!signedIn() && !(await signIn())) return false;
  const kept = await bind(id, upstream);
  if (kept) say("Requests go there from now on.");
  return kept !== null;
}

async function standing(id) {
  const service = await api(`/v1/services/${id}`);
  const bond = h("input", { type: "text", value: "100", inputmode: "decimal" });
  const retired = service.status === "retired";
  const other = service.status === "active" ? 1 : 0;
  const act = (label, title, points, work, plain = true) => h("button", { class: plain ? "plain" : null, type: "button", onclick: doing(async () => (await send(title, points, work)) !== null) }, label);
  const registry = () => contract("ServiceRegistry");
  return [
    h("p", {}, `It is ${service.status}; its bond is ${money(service.bond, EMP)}.`, retired ? " It sells nothing; holders keep their access until it ends. Ask for the bond, then take it under Your services." : ""),
    h("form", { class: "row", onsubmit: doing(async () => (retired ? false : addBond(id, baseUnits(bond.value, EMP)))) }, field("EMP", bond), retired ? "" : h("button", { class: "plain" }, "Add to the bond"),
      act("Ask for it back", "Ask for a part of the bond", ["It stays liable during the waiting time, then you can take it.", "Below the minimum the service can be retired by anybody."], async () => (await registry()).requestUnbond(id, baseUnits(bond.value, EMP)))),
    retired ? "" : h("div", { class: "row" },
      act(other ? "Pause sales" : "Sell again", other ? "Pause" : "Sell again", [other ? "Nothing more is sold; holders are still served." : "Its plans sell again."], async () => (await registry()).setStatus(id, STATUS.indexOf(other ? "paused" : "active"))),
      act("Retire for good", "Retire the service", ["It never sells again. Holders keep what they have; what they did not use stays refundable.", "The bond can then be asked for, and is yours after its waiting time.", "This cannot be undone."], async () => (await registry()).setStatus(id, STATUS.indexOf("retired")))),
  ];
}

async function addBond(id, amount) {
  const registry = await contract("ServiceRegistry");
  if (!(await allow(await contract("EmporionToken"), registry.target, amount, money(amount, EMP)))) return false;
  return (await send("Add to the bond", [`${money(amount, EMP)} join the bond of service ${id}.`], () => registry.bond(id, amount))) !== null;
}

