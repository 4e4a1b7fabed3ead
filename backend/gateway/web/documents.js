// The documents that the chain names by their hash: what a service says of itself, what a plan promises at most.

import { keccak256, toUtf8Bytes } from "/web/ethers.js";
import { fresh, signIn } from "/web/wallet.js";
import { api, signedIn } from "/web/api.js";
import { field, h, number } from "/web/dom.js";

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
    deterministic: h("input", { type: "checkbox", checked: Boolean(known.model?.deterministic) }),
  };
  const model = h("div", { class: "row" }, field("Context, in tokens", parts.context),
    h("fieldset", {}, h("legend", {}, "It can do"), parts.operations.map((one) => h("label", { class: "check" }, one, one.value))),
    h("label", { class: "check" }, parts.deterministic, "The same request always gives the same answer"));
  const element = h("div", { class: "part" },
    h("div", { class: "row" }, field("Name", parts.name), field("Slug", parts.slug, "Last part of its name in requests; small letters, digits, hyphens.")),
    field("Description", parts.description),
    h("div", { class: "row" }, field("Tags", parts.tags, "Separated by commas."), field("Licence", parts.licence)), model);
  const read = (kind, gateway) => ({
    ...known, emporion: "service/1", name: parts.name.value.trim(), slug: parts.slug.value.trim(), summary: parts.description.value.trim().slice(0, 280),
    description: parts.description.value.trim(), tags: parts.tags.value.split(",").map((tag) => tag.trim().toLowerCase()).filter(Boolean), licence: parts.licence.value.trim(), gateway,
    ...(kind === "model" ? { model: { ...known.model, context: Number(parts.context.value), deterministic: parts.deterministic.checked, operations: parts.operations.filter((one) => one.checked).map((one) => one.value) } } : {}),
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

// Terms that name the limits they were written with, once those are stored. Null where signing in was declined.
export async function withLimits({ terms, limits }) {
  if (!limits) return terms;
  if (!signedIn() && !(await signIn())) return null;
  const kept = await stored({ emporion: "limits/1", ...limits });
  return kept && { ...terms, limitsHash: kept.hash };
}
