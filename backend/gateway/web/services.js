// Finding a service: words, filters in the address so that a search can be shared, pages of results.

import { api, chainFacts, currencyOf, money, baseUnits, short, span } from "/web/api.js";
import { choice, field, h, say } from "/web/dom.js";
import { panel } from "/web/panel.js";
import { watchButton } from "/web/watch.js";

const KINDS = [["", "Every kind"], ["model", "Models"], ["dataset", "Data sets"], ["compute", "Compute"], ["agent", "Agents"]];
const SORTS = [["new", "Newest first"], ["name", "By name"], ["price", "Cheapest unit first"], ["uptime", "Best uptime"], ["first_token", "Quickest first token"], ["speed", "Fastest"]];
const RATINGS = [["", "Any rating"], ["3", "3 of 5 or more"], ["4", "4 of 5 or more"], ["5", "5 of 5"]];
const PAGE = 24;

export async function showServices(_, asked) {
  const chain = await chainFacts();
  const given = new Map(asked);
  const words = h("input", { type: "search", value: given.get("q") || "", autocomplete: "off" });
  const kind = choice(KINDS, given.get("kind"));
  const tag = h("input", { type: "text", value: given.get("tag") || "", autocomplete: "off" });
  const currency = choice([["", "Any currency"], ...chain.currencies.map((one) => [one.index, one.symbol])], given.get("currency"));
  const most = h("input", { type: "text", value: given.get("most") || "", inputmode: "decimal", autocomplete: "off" });
  const sort = choice(SORTS, given.get("sort"));
  const rating = choice(RATINGS, given.get("rating"));
  const [onSale, here] = ["sale", "here"].map((name) => h("input", { type: "checkbox", checked: given.get(name) === "1" }));
  const search = (event) => {
    event.preventDefault();
    const wanted = { q: words.value.trim(), kind: kind.value, tag: tag.value.trim(), currency: currency.value, most: most.value.trim(), rating: rating.value, sort: sort.value === "new" ? "" : sort.value, sale: onSale.checked ? "1" : "", here: here.checked ? "1" : "" };
    if (wanted.most && !wanted.currency) return say("Choose a currency for the highest price.", true);
    const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
    location.hash = `#/${query.size ? `?${query}` : ""}`;
  };
  return [
    h("h1", {}, "Services on sale"),
    h("p", { class: "lead" }, "Access to models, data and compute, bought once with your wallet and called with the tools you have."),
    h("form", { class: "search", role: "search", onsubmit: search },
      h("div", { class: "row" }, field("Words", words), field("Kind", kind), h("button", {}, "Find")),
      h("details", { open: ["tag", "currency", "most", "rating", "sort", "sale", "here"].some((name) => given.has(name)) }, h("summary", {}, "More filters"),
        h("div", { class: "row" }, field("Tag", tag), field("Currency", currency), field("Highest price of a unit", most), field("Rated", rating), field("Order", sort)),
        h("div", { class: "row" }, check(onSale, "On sale now"), check(here, "Served by this gateway")))),
    panel("Results", () => results(given, chain), (event) => ["ServiceRegistered", "MetadataSet", "PlanCreated", "SaleOpenSet", "StatusSet"].some((name) => event.names.has(name))),
  ];
}

function check(control, text) {
  return h("label", { class: "check" }, control, text);
}

async function results(given, chain) {
  const query = new URLSearchParams({ limit: PAGE, sort: given.get("sort") || "new" });
  for (const name of ["q", "kind", "tag", "currency", "rating"]) if (given.get(name)) query.set(name, given.get(name));
  if (given.get("most")) query.set("max_price", baseUnits(given.get("most"), currencyOf(chain, given.get("currency"))));
  if (given.get("sale")) query.set("on_sale", "true");
  if (given.get("here")) query.set("here", "true");
  const page = await api(`/v1/services?${query}`);
  if (!page.services.length) return h("p", { class: "soft" }, "Nothing matches. Try fewer words or filters.");
  const list = h("ul", { class: "cards" }, page.services.map((one) => card(one, chain)));
  const more = h("button", { class: "plain", onclick: async () => {
    query.set("cursor", page.next);
    const next = await api(`/v1/services?${query}`);
    list.append(...next.services.map((one) => card(one, chain)));
    page.next = next.next;
    more.hidden = !page.next;
  } }, "More");
  more.hidden = !page.next;
  return [list, h("div", { class: "row" }, more)];
}

function card(service, chain) {
  return h("li", { class: "card" },
    h("h3", {}, h("a", { href: `#/service/${service.id}` }, service.name)),
    h("p", { class: "soft" }, service.summary || "No description."),
    h("p", { class: "price" }, prices(service, chain)),
    service.ratings ? h("p", { class: "soft small" }, `★ ${(service.ratings_total / service.ratings).toFixed(1)} of 5, from ${service.ratings} who paid and used it`) : "",
    measures(service),
    h("ul", { class: "tags", "aria-label": "Kind and tags" }, [service.kind, ...(service.status === "active" ? [] : [service.status]), ...service.tags].map((tag) => h("li", {}, tag))),
    watchButton(service));
}

// The cheapest plan of each kind.
function prices(service, chain) {
  const open = service.plans.filter((plan) => plan.sale_open);
  if (!open.length) return "Not on sale now";
  const by = new Map();
  for (const plan of open) {
    const best = by.get(plan.kind);
    if (BigInt(plan.unit_price) === 0n) by.set("trial", plan);
    else if (!best || BigInt(plan.unit_price) < BigInt(best.unit_price)) by.set(plan.kind, plan);
  }
  const told = (kind, plan) => {
    if (kind === "trial") return "free trial";
    const price = money(plan.unit_price, currencyOf(chain, plan.currency));
    return { pass: `${price} for good`, timed: `${price} for ${span(plan.period_seconds)}`, metered: `${price} a credit` }[kind];
  };
  return [...by].map(([kind, plan]) => told(kind, plan)).join(" · ");
}

// The newest figures of one who called it, and who that is; a prober who paid for its calls goes before the gateway.
function measures(service) {
  const one = service.measured.find((each) => each.source === "prober") || service.measured[0];
  if (!one) return "";
  const told = [`answered ${(one.uptime_ppm / 10_000).toFixed(1)} %`, one.first_token_ms === null ? "" : `first token ${one.first_token_ms} ms`,
    one.milli_tokens_per_second === null ? "" : `${(one.milli_tokens_per_second / 1000).toFixed(0)} tokens a second`].filter(Boolean);
  return h("p", { class: "soft small" }, `Measured: ${told.join(", ")}, in ${one.samples} call${one.samples === 1 ? "" : "s"} of ${one.source === "prober" ? `the prober ${short(one.measured_by)}` : "this gateway's customers"}`);
}
