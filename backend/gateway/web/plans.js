// The part of a form that describes a plan, and the terms it makes of what was written.

import { baseUnits, currencyOf, money, SCORE, when } from "/web/api.js";
import { choice, field, h, number } from "/web/dom.js";

const KINDS = [["metered", "Credits, used up by calls"], ["timed", "Time, for a period"], ["pass", "Pass, as long as it is held"]];
const ORDER = ["pass", "timed", "metered"];
const MEASURES = ["tokens", "kib", "rows", "seconds"];
const LIMITS = [["requests_per_minute", "Requests a minute"], ["tokens_per_minute", "Tokens a minute"], ["concurrent", "At once"], ["context", "Tokens of context"], ["max_output", "Tokens an answer"]];
const DAY = 86400, HOUR = 3600;
export const ZERO = `0x${"0".repeat(64)}`;

// A fieldset and what reads it: `read()` gives the terms of `createPlan`, and what the plan promises at most, or null.
export function planPart(chain, kind = "metered") {
  const parts = {
    kind: choice(KINDS, kind),
    currency: choice(chain.currencies.map((one) => [one.index, one.symbol])),
    price: h("input", { type: "text", value: kind === "metered" ? "0.01" : "5", inputmode: "decimal", autocomplete: "off" }),
    days: number("30", { min: "1", max: "3650" }),
    request: h("input", { type: "text", value: "0.01", inputmode: "decimal" }),
    into: h("input", { type: "text", value: "1", inputmode: "decimal" }),
    out: h("input", { type: "text", value: "4", inputmode: "decimal" }),
    measure: choice(MEASURES.map((one) => [one, one])),
    refundable: h("input", { type: "checkbox", checked: true }),
    transferable: h("input", { type: "checkbox", checked: true }),
    royalty: number("5", { min: "0", max: "10" }),
    cap: number("0", { min: "0" }),
    each: number("0", { min: "0" }),
    start: h("input", { type: "datetime-local" }),
    early: number("0", { min: "0", max: "8760" }),
    score: h("input", { type: "text", value: "0", inputmode: "decimal", autocomplete: "off" }),
  };
  const limits = LIMITS.map(([name, words]) => [name, number("", { min: "1" }), words]);
  const perUnit = h("input", { type: "checkbox", checked: true });
  const perUnitLine = h("label", { class: "check" }, perUnit, "For each unit held"); // moving units would multiply a flat limit
  const timed = h("div", { class: "row" }, field("Days a period", parts.days));
  const metered = h("div", { class: "row" }, field("Measure", parts.measure), field("Credits a request", parts.request), field("Credits for 1,000 in", parts.into), field("Credits for 1,000 out", parts.out));
  const back = h("label", { class: "check" }, parts.refundable, "What was not used can be refunded");
  const draw = () => {
    timed.hidden = parts.kind.value !== "timed";
    metered.hidden = parts.kind.value !== "metered";
    back.hidden = parts.kind.value === "pass";
    perUnitLine.hidden = parts.transferable.checked;
  };
  parts.kind.onchange = parts.transferable.onchange = draw;
  draw();
  const element = h("div", { class: "part" },
    h("div", { class: "row" }, field("What is sold", parts.kind), field("Price of a unit", parts.price), field("Currency", parts.currency)),
    timed, metered,
    h("div", { class: "row" }, back, h("label", { class: "check" }, parts.transferable, "Holders may sell what they have not used")),
    h("div", { class: "row" }, field("Your part of a resale, %", parts.royalty), field("Most units in all", parts.cap, "0: no limit."), field("Most units an account", parts.each, "0: no limit.")),
    h("details", {}, h("summary", {}, "When it goes on sale"),
      h("p", { class: "soft" }, "Empty: at once. Before the start only stakers may buy, so long as you say and from the score you say on; an EMP locked for a year has a score of 4."),
      h("div", { class: "row" }, field("On sale from", parts.start, "By the clock of this device."), field("Stakers before that, hours", parts.early), field("Their score, at least", parts.score))),
    h("details", {}, h("summary", {}, "What it promises at most"),
      h("p", { class: "soft" }, "Empty: no limit. Buyers see these before they pay, and the gateway keeps them."),
      h("div", { class: "row" }, limits.map(([, control, words]) => field(words, control)), perUnitLine)));
  const promised = () => {
    const told = limits.filter(([, control]) => control.value).map(([name, control]) => [name, Number(control.value)]);
    return told.length ? { ...Object.fromEntries(told), per_unit: perUnit.checked || parts.transferable.checked } : null;
  };
  return { element, read: () => ({ terms: terms(parts, chain), limits: promised() }) };
}

function terms(parts, chain) {
  const kind = parts.kind.value, metered = kind === "metered";
  const { start, early, score } = sale(parts);
  const micro = (control, per) => (metered ? baseUnits(control.value, { decimals: 6, symbol: "credits" }) / per : 0n);
  return {
    kind: ORDER.indexOf(kind), transferable: parts.transferable.checked, refundable: kind !== "pass" && parts.refundable.checked,
    measure: metered ? MEASURES.indexOf(parts.measure.value) : 0, currency: Number(parts.currency.value),
    royaltyBps: parts.transferable.checked ? Number(parts.royalty.value) * 100 : 0, unitPrice: baseUnits(parts.price.value, currencyOf(chain, parts.currency.value)),
    period: kind === "timed" ? Number(parts.days.value) * DAY : 0, supplyCap: BigInt(parts.cap.value || "0"), accountCap: BigInt(parts.each.value || "0"),
    saleStart: start, earlySeconds: early, earlyScore: score, limitsHash: ZERO,
    perRequest: micro(parts.request, 1n), perUnitIn: micro(parts.into, 1000n), perUnitOut: micro(parts.out, 1000n),
  };
}

// From when on, and for whom before. Throws with what is missing.
function sale(parts) {
  const start = parts.start.value ? Math.floor(new Date(parts.start.value).getTime() / 1000) : 0;
  const early = Number(parts.early.value || "0") * HOUR, score = baseUnits(parts.score.value || "0", SCORE);
  if (early && !start) throw new Error("say from when on it is on sale; stakers come before that");
  if (score && !early) throw new Error("say for how many hours before the start that score buys");
  return { start, early, score };
}

export function planWords(made, chain) {
  const currency = currencyOf(chain, made.currency);
  const from = made.saleStart ? ` It sells from ${when(made.saleStart)} on${made.earlySeconds ? `; from ${when(made.saleStart - made.earlySeconds)} to stakers with a score of ${money(made.earlyScore, SCORE)}` : ""}.` : "";
  return `${["A pass", "Time", "Credits"][made.kind]} at ${money(made.unitPrice, currency)} a unit.${from} A plan's terms can never be changed; you can close it and make another.`;
}
