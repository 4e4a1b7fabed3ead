// Keys for programs: made, rotated with both secrets valid for a while, rolled back, revoked.

import { fresh } from "/web/wallet.js";
import { api, credits, when } from "/web/api.js";
import { ask, choice, explain, field, h, number, say, table } from "/web/dom.js";
import { doing } from "/web/act.js";

const OVERLAPS = [[3600, "an hour"], [86400, "a day"], [0, "no time: it dies now"]];

export async function keys() {
  const live = (await api("/v1/keys")).filter((key) => !key.revoked_at);
  const name = h("input", { type: "text", maxlength: "100", autocomplete: "off" });
  const cap = number("", { min: "1" });
  return [
    h("p", {}, "A key stands for your wallet at this gateway, for calls alone. It dies when your access does."),
    h("form", { class: "row", onsubmit: doing(() => make(name.value, cap.value)) },
      field("Name of a new key", name), field("Most credits a day", cap, "Empty: no limit."), h("button", {}, "Make a key")),
    table("Keys", [
      { name: "Name", of: (key) => key.name || key.id },
      { name: "Last used", of: (key) => when(key.last_used_at) || "never" },
      { name: "Today", number: true, of: (key) => today(key) },
      { name: "", of: (key) => h("div", { class: "row tight" }, key.overlap_until ? rollback(key) : rotate(key), revoke(key)) },
    ], live, "No keys yet."),
  ];
}

function today(key) {
  const last = key.days.at(-1);
  const used = last && last.day === Math.floor(Date.now() / 864e5) ? last.spent_micro_credits : 0;
  return credits(used) + (key.daily_cap ? ` of ${credits(key.daily_cap)}` : "");
}

async function make(name, cap) {
  const made = await fresh(() => api("/v1/keys", { method: "POST", json: { name, ...(cap ? { daily_cap: Number(cap) * 1_000_000 } : {}) } }));
  if (!made) return false;
  await showOnce(made.key);
  return true;
}

function showOnce(key) {
  return ask("Your key, shown this once", (end) => [
    h("p", {}, h("code", { id: "new-key" }, key)),
    h("p", {}, "Give it to any OpenAI SDK as its API key, with this base URL:"), h("p", {}, h("code", {}, `${location.origin}/v1`)),
    h("div", { class: "row" },
      h("button", { onclick: () => navigator.clipboard.writeText(key).then(() => say("Copied.")) }, "Copy the key"),
      h("button", { class: "plain", onclick: () => end(true) }, "I have kept it")),
  ]);
}

function rotate(key) {
  return h("button", { class: "plain small", "aria-label": `Rotate ${key.name || key.id}`, onclick: doing(async () => {
    const overlap = choice(OVERLAPS);
    const go = await ask("Rotate a key", (end) => [
      h("p", {}, "You get a new secret. The old one goes on working for:"), h("form", { onsubmit: (event) => { event.preventDefault(); end(true); } }, field("The old secret lives", overlap),
        h("div", { class: "row" }, h("button", {}, "Rotate"), h("button", { type: "button", class: "plain", onclick: () => end(false) }, "Not now"))),
    ]);
    if (!go) return false;
    const made = await fresh(() => api(`/v1/keys/${key.id}/rotate`, { method: "POST", json: { overlap_seconds: Number(overlap.value) } }));
    if (!made) return false;
    await showOnce(made.key);
    return true;
  }) }, "Rotate");
}

function rollback(key) {
  return [h("small", { class: "soft" }, `old secret until ${when(key.overlap_until)}`),
    h("button", { class: "plain small", "aria-label": `Undo the rotation of ${key.name || key.id}`, onclick: doing(() => fresh(() => api(`/v1/keys/${key.id}/rollback`, { method: "POST" }))) }, "Undo")];
}

function revoke(key) {
  return h("button", { class: "plain small", "aria-label": `Revoke ${key.name || key.id}`, onclick: doing(async () => {
    if (!(await explain("Revoke a key", [`Programs that use "${key.name || key.id}" are refused within a second. This cannot be undone.`], "Revoke"))) return false;
    await fresh(() => api(`/v1/keys/${key.id}`, { method: "DELETE" }));
    return true;
  }) }, "Revoke");
}
