// What an account is told of and where: channels confirmed by a code, kinds with their thresholds, quiet hours.

import { api, baseUnits, money, when } from "/web/api.js";
import { ask, choice, explain, field, h, say, table } from "/web/dom.js";
import { doing } from "/web/act.js";

// Each: its name, what is asked for, an example, and how that is written as a target.
const PLACES = {
  webhook: ["Web hook", "Its URL", "https://…", (text) => text],
  mail: ["Mail", "Address", "you@example.com", (text) => `mailto:${text}`],
  slack: ["Slack", "URL of its incoming webhook", "https://hooks.slack.com/services/…", (text) => text.replace(/^https:\/\/hooks\.slack\.com\/services\//, "slack://")],
  discord: ["Discord", "URL of its webhook", "https://discord.com/api/webhooks/…", (text) => text.replace(/^https:\/\/(\w+\.)?discord(app)?\.com\/api\/webhooks\//, "discord://")],
  telegram: ["Telegram", "The bot's token, a slash, the chat's number", "123456:ABC…/-1001234", (text) => `tgram://${text}`],
};
const LATELY = 10;

export async function alerts() {
  const now = await api("/v1/alerts");
  return [
    h("p", {}, "What you tick is told once a cause: listed here, and sent to the channels you choose."),
    h("h3", {}, "Channels"),
    table("Channels", [
      { name: "Where", of: (one) => `${PLACES[one.scheme][0]}: ${one.shown}` },
      { name: "State", of: (one) => (one.confirmed ? h("span", { class: "good" }, "confirmed") : confirmation(one)) },
      { name: "", of: remove },
    ], now.channels, "None yet: alerts are only listed here."),
    adding(),
    h("h3", {}, "What you are told"), settings(now),
    h("h3", {}, "Told lately"),
    table("Told lately", [{ name: "When", of: (one) => when(one.at) }, { name: "What", of: (one) => one.text }], now.recent.slice(0, LATELY)),
  ];
}

function adding() {
  const kind = choice(Object.entries(PLACES).map(([scheme, [name]]) => [scheme, name]));
  const where = h("input", { type: "text", required: true, autocomplete: "off", spellcheck: "false", maxlength: "480" });
  const asked = field("Where", where);
  const draw = () => { const [, words, example] = PLACES[kind.value]; asked.querySelector("label").textContent = words; where.placeholder = example; };
  kind.onchange = draw;
  draw();
  return h("form", { class: "row", onsubmit: doing(() => add(PLACES[kind.value][3](where.value.trim()))) }, field("New channel", kind), asked, h("button", { class: "plain" }, "Add it"));
}

async function add(target) {
  const made = await api("/v1/alerts/channels", { method: "POST", json: { target } });
  if (made.secret) await showOnce(made.secret);
  say("A code was sent there. Write it beside the channel within 15 minutes.");
  return true;
}

function showOnce(secret) {
  return ask("The secret that signs its messages, shown this once", (end) => [
    h("p", {}, h("code", { id: "new-secret" }, secret)),
    h("p", {}, "The receiver checks with it that a message is from here (Standard Webhooks)."),
    h("div", { class: "row" },
      h("button", { onclick: () => navigator.clipboard.writeText(secret).then(() => say("Copied.")) }, "Copy the secret"),
      h("button", { class: "plain", onclick: () => end(true) }, "I have kept it")),
  ]);
}

function confirmation(one) {
  const code = h("input", { type: "text", required: true, pattern: "[0-9]{8}", inputmode: "numeric", autocomplete: "one-time-code", placeholder: "8 digits", "aria-label": `Code that arrived at ${one.shown}` });
  return h("form", { class: "row tight", onsubmit: doing(() => api(`/v1/alerts/channels/${one.id}/confirm`, { method: "POST", json: { code: code.value } })) },
    code, h("button", { class: "plain small" }, "Confirm"));
}

function remove(one) {
  return h("button", { class: "plain small", "aria-label": `Remove ${one.shown}`, onclick: doing(async () => {
    if (!(await explain("Remove a channel", [`Nothing is sent to ${one.shown} any more, and where it led is forgotten here.`], "Remove"))) return false;
    await api(`/v1/alerts/channels/${one.id}`, { method: "DELETE" });
    return true;
  }) }, "Remove");
}

function settings(now) {
  const channels = now.channels.filter((one) => one.confirmed);
  const kinds = now.kinds.map((one) => kindPart(one, channels));
  const quiet = h("input", { type: "checkbox", checked: Boolean(now.quiet_hours) });
  const [from, to] = [["start", "22:00"], ["end", "06:00"]].map(([name, usual]) => h("input", { type: "time", required: true, value: now.quiet_hours?.[name] || usual }));
  const hours = h("div", { class: "row" }, field("From", from), field("To", to));
  quiet.onchange = () => { hours.hidden = !quiet.checked; };
  quiet.onchange();
  const wanted = () => ({
    kinds: Object.fromEntries(kinds.map((one) => one.read()).filter(Boolean)),
    quiet_hours: quiet.checked ? { start: from.value, end: to.value } : null,
  });
  return h("form", { onsubmit: doing(async () => { await api("/v1/alerts", { method: "PUT", json: wanted() }); say("Kept."); return true; }) },
    kinds.map((one) => one.element),
    h("label", { class: "check" }, quiet, "Quiet hours, by UTC: what happens then is sent after"), hours,
    h("div", { class: "row" }, h("button", {}, "Keep these settings")));
}

// A kind's line; what else there is to say about it is shown once it is ticked.
function kindPart(kind, channels) {
  const unit = unitOf(kind);
  const on = h("input", { type: "checkbox", checked: kind.enabled });
  const threshold = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", value: unit.text });
  const boxes = channels.map((one) => [one, h("input", { type: "checkbox", checked: !kind.enabled || kind.channels.includes(one.id) })]);
  const more = h("div", { class: "row part" }, field(`Threshold, ${unit.words}`, threshold),
    boxes.length ? h("fieldset", {}, h("legend", {}, "Sent to"), boxes.map(([one, box]) => h("label", { class: "check" }, box, one.shown))) : "");
  on.onchange = () => { more.hidden = !on.checked; };
  on.onchange();
  const read = () => on.checked && [kind.kind, { threshold: String(unit.read(threshold.value)), channels: boxes.filter(([, box]) => box.checked).map(([one]) => one.id) }];
  return { element: h("div", { role: "group", "aria-label": kind.summary }, h("label", { class: "check" }, on, kind.summary), more), read };
}

// A threshold as people write it: time in the largest whole unit, money in whole tokens.
function unitOf({ unit, threshold }) {
  const token = { "base units of EMP": { decimals: 18, symbol: "EMP" }, wei: { decimals: 18, symbol: "ETH" } }[unit];
  if (token) return { words: token.symbol, text: money(threshold, { ...token, symbol: "" }), read: (text) => baseUnits(text, token) };
  const sizes = unit === "seconds" ? [[86400n, "days"], [3600n, "hours"], [60n, "minutes"], [1n, "seconds"]] : [[1n, unit]];
  const [size, words] = sizes.find(([one]) => BigInt(threshold) % one === 0n);
  return { words, text: String(BigInt(threshold) / size), read: (text) => baseUnits(text, { decimals: 0, symbol: words }) * size };
}
