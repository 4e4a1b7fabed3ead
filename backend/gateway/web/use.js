// How a provider's services are used here: calls, units, worth, latency, errors, buyers; by day, hour or plan.

import { account, fresh, signIn } from "/web/wallet.js";
import { about, api, credits, currencyOf, dayName, hourName, money, scaled, short, signedIn, span, when } from "/web/api.js";
import { choice, facts, field, h, table } from "/web/dom.js";
import { chart } from "/web/charts.js";
import { doing } from "/web/act.js";

const HOUR = 3600, DAY = 86400;
const BY = [["day", "Day, the last 30 days"], ["hour", "Hour, the last two days"], ["plan", "Plan, the last 30 days"]];
const SPANS = { day: [DAY, 30, dayName], hour: [HOUR, 48, hourName] };
const KINDS = { pass: "Pass", timed: "Time", metered: "Credits" };
let chosen = "day"; // kept while the page is open

export async function use(chain) {
  const mine = await api(`/v1/accounts/${account()}`);
  if (!mine.services.length) return [];
  if (!signedIn()) return [h("p", {}, "Sign in to see calls, errors and revenue by day, hour and plan."), h("div", { class: "row" }, h("button", { onclick: doing(signIn) }, "Sign in"))];
  const by = choice(BY, chosen);
  const place = h("div", {});
  const draw = async () => { chosen = by.value; place.replaceChildren(...(await figures(mine.services, chain)).flat(Infinity)); };
  by.onchange = doing(async () => { await draw(); return false; });
  await draw();
  return [h("div", { class: "row" }, field("Figures by", by)), place, ...(await settled())];
}

async function figures(services, chain) {
  const by = chosen;
  const from = by === "hour" ? Math.floor(Date.now() / 1000 / HOUR) * HOUR - 47 * HOUR : Math.floor(Date.now() / 1000 / DAY) * DAY - 29 * DAY;
  const ask = async (id) => [await api(`/v1/services/${id}`), await fresh(() => api(`/v1/provider/services/${id}/analytics?by=${by}&from=${from}`))];
  const found = (await Promise.all(services.map(ask))).filter(([, told]) => told);
  return found.map(([service, told]) => [h("h3", {}, service.name), by === "plan" ? byPlan(told, service, chain) : inTime(told, service, chain, from), always(told)]);
}

function inTime(told, service, chain, from) {
  const [size, many, name] = SPANS[told.by];
  const starts = Array.from({ length: many }, (_, at) => from + at * size);
  const rows = new Map(told.rows.map((row) => [row.start, row]));
  const of = (read, write = String, place = Number) => starts.map((start) => { const value = rows.has(start) ? read(rows.get(start)) : 0; return { name: name(start), value: place(value), text: write(value) }; });
  const sum = (read) => told.rows.reduce((all, row) => all + BigInt(read(row)), 0n);
  const measure = service.plans.find((plan) => plan.kind === "metered")?.rate_card.measure || "units";
  const both = (row) => BigInt(row.units_in) + BigInt(row.units_out);
  const paid = new Set([service.plans[0]?.currency ?? 0, ...told.rows.flatMap((row) => Object.keys(row.used).map(Number))]);
  return h("div", { class: "halves" },
    chart(`Calls by ${told.by}`, of((row) => row.calls), { figure: `${sum((row) => row.calls)}, ${sum((row) => row.failed)} failed`, also: { all: "All calls", name: "Failed", points: of((row) => row.failed) } }),
    chart(`${measure[0].toUpperCase()}${measure.slice(1)} by ${told.by}`, of(both), { figure: `${sum((row) => row.units_in)} in, ${sum((row) => row.units_out)} out`, also: { all: "In and out", name: "Out", points: of((row) => row.units_out) } }),
    [...paid].map((index) => worth(told, of, sum, index, currencyOf(chain, index))));
}

function worth(told, of, sum, index, currency) {
  const used = (row) => row.used[index] || "0";
  return chart(`Used by ${told.by}, worth in ${currency.symbol}`, of(used, (amount) => about(amount, currency, 6), (amount) => scaled(amount, currency)), { figure: about(sum(used), currency, 6) });
}

function byPlan(told, service, chain) {
  const rows = new Map(told.rows.map((row) => [row.plan_id, row])), sold = new Map(told.sales.map((one) => [one.plan_id, one]));
  const plans = service.plans.filter((plan) => rows.has(plan.id) || sold.has(plan.id));
  const of = (read) => (plan) => (rows.has(plan.id) ? read(rows.get(plan.id), plan) : "0");
  return table(`${service.name} by plan`, [
    { name: "Plan", of: (plan) => `${KINDS[plan.kind]} (${plan.id})` },
    { name: "Calls", number: true, of: of((row) => `${row.calls}, ${row.failed} failed`) },
    { name: "In, out", number: true, of: of((row) => `${row.units_in}, ${row.units_out}`) },
    { name: "Used, worth", number: true, of: of((row, plan) => about(row.used[plan.currency] || "0", currencyOf(chain, plan.currency), 6)) },
    { name: "Sold", number: true, of: (plan) => { const one = sold.get(plan.id); return one ? `${one.units} to ${one.buyers} for ${money(one.paid_base_units, currencyOf(chain, one.currency))}` : "0"; } },
  ], plans, "Nothing used or sold in this time.");
}

// What is of the whole time, whatever the rest is drawn by.
function always(told) {
  const time = (one) => (one.p50 === null ? "no calls yet" : `${one.p50} ms; 90 in 100 within ${one.p90} ms, 99 within ${one.p99} ms`);
  const faults = told.errors.filter((one) => one.failed || one.partial);
  return [
    facts({ "First byte": time(told.first_byte), "Last byte": time(told.latency), "Buyers who came back": back(told.retention) }),
    faults.length ? table("Errors by kind", [
      { name: "Errors of", of: (one) => h("code", {}, one.route) },
      { name: "Nothing delivered", number: true, of: (one) => String(one.failed) },
      { name: "Cut short", number: true, of: (one) => String(one.partial) },
      { name: "Answered", number: true, of: (one) => String(one.completed) },
      { name: "Why", of: (one) => Object.entries(one.faults).map(([why, times]) => `${why.replaceAll("_", " ")} ${times}`).join(", ") },
    ], faults) : "",
    told.retention.length ? h("details", {}, h("summary", {}, "Who came back, week by week"), table("Who came back, week by week", [
      { name: "First call in the week of", of: (one) => dayName(one.week) },
      { name: "Buyers", number: true, of: (one) => String(one.buyers) },
      { name: "Of them in the weeks after", of: (one) => one.active.slice(1).join(", ") || "too early to say" },
    ], told.retention)) : "",
  ];
}

function back(cohorts) {
  const buyers = cohorts.reduce((all, one) => all + one.buyers, 0);
  if (!buyers) return "no buyers yet";
  const again = cohorts.reduce((all, one) => all + Math.max(0, ...one.active.slice(1)), 0);
  return `${again} of ${buyers} called in a later week too`;
}

// When what was served became revenue, line by line.
async function settled() {
  const [{ settlements }, { plans, settles_within_seconds: within }] = await Promise.all([api("/v1/provider/settlements?limit=10"), api("/v1/provider/revenue")]);
  const waiting = plans.reduce((all, one) => all + BigInt(one.unsettled_micro_credits), 0n);
  return [h("h3", {}, "Latest settlements"), waiting ? h("p", {}, `Served and not settled yet: ${credits(waiting)}. Whole ones become revenue within ${span(within)}.`) : "", table("Latest settlements", [
    { name: "When", of: (one) => when(one.timestamp) },
    { name: "Service", of: (one) => h("a", { href: `#/service/${one.service_id}` }, String(one.service_id)) },
    { name: "Plan", of: (one) => String(one.plan_id) },
    { name: "Payer", of: (one) => h("code", { title: one.payer }, short(one.payer)) },
    { name: "Credits", number: true, of: (one) => one.units },
  ], settlements, "None yet: use is settled in batches.")];
}
