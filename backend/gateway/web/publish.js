// Publishing a service from the page: its document, its registration with a bond, its upstream, its first plan.

import { keccak256, toUtf8Bytes } from "/web/ethers.js";
import { allow, contract, fresh, send, signIn } from "/web/wallet.js";
import { api, deployment, EMP, money, baseUnits, signedIn } from "/web/api.js";
import { choice, field, h, number } from "/web/dom.js";
import { doing } from "/web/act.js";
import { planPart, planWords } from "/web/plans.js";
import { upstreamPart } from "/web/upstream.js";

const KINDS = ["model", "dataset", "compute", "agent"];
const OPERATIONS = ["chat", "completions", "embeddings"];

export function documentPart(known = {}) {
  const parts = {
    name: h("input", { type: "text", required: true, maxlength: "80", autocomplete: "off", value: known.name || "" }),
    slug: h("input", { type: "text", required: true, maxlength: "64", pattern: "[a-z0-9]([a-z0-9.\\-]*[a-z0-9])?", autocomplete: "off", value: known.slug || "", readonly: Boolean(known.slug) }),
    description: h("textarea", { required: true, rows: "3", maxlength: "20000" }, known.description || known.summary || ""),
    tags: h("input", { type: "text", autocomplete: "off", value: (known.tags || []).join(", ") }),
    licence: h("input", { type: "text", autocomplete: "off", maxlength: "100", value: known.licence || "" }),
    context: number(known.model?.context || 2048, { min: "1" }),
    operations: OPERATIONS.map((one) => h("input", { type: "checkbox", value: one, checked: (known.model?.operations || ["chat", "completions"]).includes(one) })),
  };
  const model = h("div", { class: "row" }, field("Context, in tokens", parts.context),
    h("fieldset", {}, h("legend", {}, "It can do"), parts.operations.map((one) => h("label", { class: "check" }, one, one.value))));
  const element = h("div", { class: "part" },
    h("div", { class: "row" }, field("Name", parts.name), field("Slug", parts.slug, "Last part of its name in requests; small letters, digits, hyphens.")),
    field("Description", parts.description),
    h("div", { class: "row" }, field("Tags", parts.tags, "Separated by commas."), field("Licence", parts.licence)), model);
  const read = (kind, gateway) => ({
    ...known, emporion: "service/1", name: parts.name.value.trim(), slug: parts.slug.value.trim(), summary: parts.description.value.trim().slice(0, 280),
    description: parts.description.value.trim(), tags: parts.tags.value.split(",").map((tag) => tag.trim().toLowerCase()).filter(Boolean), licence: parts.licence.value.trim(), gateway,
    ...(kind === "model" ? { model: { ...known.model, context: Number(parts.context.value), operations: parts.operations.filter((one) => one.checked).map((one) => one.value) } } : {}),
  });
  return { element, model, read };
}

// Stores a document under its hash; gives both for the transaction that names it.
export async function stored(document) {
  const text = JSON.stringify(document);
  const hash = keccak256(toUtf8Bytes(text));
  const kept = await fresh(() => api(`/v1/metadata/${hash}`, { method: "PUT", body: text, headers: { "Content-Type": "application/json" } }));
  return kept && { hash, uri: kept.url };
}

export function publishForm(chain) {
  const about = documentPart(), upstream = upstreamPart(), plan = planPart(chain);
  const kind = choice(KINDS.map((one) => [one, one]));
  kind.onchange = () => { about.model.hidden = kind.value !== "model"; };
  const bond = h("input", { type: "text", value: "1000", inputmode: "decimal", autocomplete: "off" });
  const steps = h("ol", { class: "steps", "aria-live": "polite" });
  const done = (text) => steps.append(h("li", {}, text));
  const wanted = () => ({ kind: kind.value, document: about, upstream: upstream.read(), terms: plan.read(), bond: baseUnits(bond.value, EMP) });
  return h("section", {}, h("h2", {}, "Publish a service"),
    h("p", {}, "Three transactions: the bond's allowance, the registration, the first plan. Each is explained before your wallet asks. More plans can be added afterwards."),
    h("form", { onsubmit: doing(() => { steps.replaceChildren(); return publish(wanted(), chain, done); }) },
      h("div", { class: "row" }, field("Kind", kind), field("Bond, EMP", bond, "Comes back when the service is retired, unless a dispute takes it.")),
      about.element, upstream.element, h("h3", {}, "First plan"), plan.element,
      h("div", { class: "row" }, h("button", {}, "Publish"))), steps);
}

async function publish({ kind, document, upstream, terms, bond }, chain, done) {
  if (!signedIn() && !(await signIn())) return false;
  const where = await deployment();
  const registry = await contract("ServiceRegistry");
  const least = await registry.minBond();
  if (bond < least) throw new Error(`the bond is at least ${money(least, EMP)}`);
  const kept = await stored(document.read(kind, where.gateway));
  if (!kept) return false;
  done("The description is stored under its hash.");
  if (!(await allow(await contract("EmporionToken"), registry.target, bond, money(bond, EMP)))) return false;
  const receipt = await send("Register the service", [`${money(bond, EMP)} of yours are put up as its bond.`, "You get the service and all its 1,000,000 shares.", `This gateway's key ${where.meter} may settle what it serves.`],
    () => registry.register(KINDS.indexOf(kind), where.meter, kept.uri, kept.hash, [], bond));
  if (!receipt) return false;
  const id = Number(eventOf(receipt, registry, "ServiceRegistered").args.serviceId);
  done(h("span", {}, "It is registered: ", h("a", { href: `#/service/${id}` }, `service ${id}`)));
  await bind(id, upstream);
  done("Its requests have somewhere to go.");
  const access = await contract("AccessToken");
  if (!(await send("Create the plan", [planWords(terms, chain)], () => access.createPlan(id, terms)))) {
    done("No plan yet: add one under Change.");
    return true;
  }
  done(h("strong", {}, "It is on sale. ", h("a", { href: `#/service/${id}` }, `Share ${location.origin}/#/service/${id}`)));
  return true;
}

function eventOf(receipt, contract, name) {
  const own = receipt.logs.filter((log) => log.address === contract.target); // another contract's may look alike
  return own.map((log) => contract.interface.parseLog(log)).find((event) => event?.name === name);
}

export async function bind(id, upstream) {
  return fresh(() => api(`/v1/provider/services/${id}/upstream`, { method: "PUT", json: { upstreams: [upstream] } }));
}

