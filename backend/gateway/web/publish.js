// Publishing a service from the page: its document, its registration with a bond, its upstream, its first plan.

import { allow, contract, fresh, send, signIn } from "/web/wallet.js";
import { api, deployment, EMP, money, baseUnits, signedIn } from "/web/api.js";
import { choice, field, h } from "/web/dom.js";
import { doing } from "/web/act.js";
import { documentPart, stored, withLimits } from "/web/documents.js";
import { whereEmp } from "/web/emp.js";
import { planPart, planWords } from "/web/plans.js";
import { upstreamPart } from "/web/upstream.js";

const KINDS = ["model", "dataset", "compute", "agent"];

export function publishForm(chain) {
  const about = documentPart(), upstream = upstreamPart(), plan = planPart(chain);
  const kind = choice(KINDS.map((one) => [one, one]));
  kind.onchange = () => { about.model.hidden = kind.value !== "model"; };
  const bond = h("input", { type: "text", value: "1000", inputmode: "decimal", autocomplete: "off" });
  const derived = h("input", { type: "text", autocomplete: "off", placeholder: "none" });
  const steps = h("ol", { class: "steps", "aria-live": "polite" });
  const done = (text) => steps.append(h("li", {}, text));
  const wanted = () => ({ kind: kind.value, document: about, upstream: upstream.read(), plan: plan.read(), derived: derivedFrom(derived.value), bond: baseUnits(bond.value, EMP) });
  return h("section", {}, h("h2", {}, "Publish a service"),
    h("p", {}, "Three transactions: the bond's allowance, the registration, the first plan. Each is explained before your wallet asks. More plans can be added afterwards."),
    whereEmp(chain),
    h("form", { onsubmit: doing(() => { steps.replaceChildren(); return publish(wanted(), chain, done); }) },
      h("div", { class: "row" }, field("Kind", kind), field("Bond, EMP", bond, "Comes back when the service is retired, unless a dispute takes it."),
        field("Built on", derived, "Services that get a part of its revenue, for good: number and per cent, like 3: 5, 7: 2.5")),
      about.element, upstream.element, h("h3", {}, "First plan"), plan.element,
      h("div", { class: "row" }, h("button", {}, "Publish"))), steps);
}

// At most four, ascending, as the registry wants them. Throws with what to write instead.
function derivedFrom(text) {
  const parts = text.split(",").map((part) => part.trim()).filter(Boolean).map((part) => {
    const found = part.match(/^(\d+)\s*:\s*(\d{1,2}(?:\.\d{1,2})?)\s*%?$/);
    if (!found) throw new Error(`"${part}" is no service with a part; write it like 3: 5`);
    return [Number(found[1]), Math.round(Number(found[2]) * 100)];
  }).sort(([one], [other]) => one - other);
  if (parts.length > 4) throw new Error("at most four services can be named");
  if (parts.reduce((all, [, bps]) => all + bps, 0) > 5000) throw new Error("together they get at most 50 per cent");
  return parts;
}

async function publish({ kind, document, upstream, plan, derived, bond }, chain, done) {
  if (!signedIn() && !(await signIn())) return false;
  const where = await deployment();
  const registry = await contract("ServiceRegistry");
  const least = await registry.minBond();
  if (bond < least) throw new Error(`the bond is at least ${money(least, EMP)}`);
  const kept = await stored(document.read(kind, where.gateway));
  if (!kept) return false;
  const terms = await withLimits(plan);
  if (!terms) return false;
  done("The description is stored under its hash.");
  if (!(await allow(await contract("EmporionToken"), registry.target, bond, money(bond, EMP)))) return false;
  const receipt = await send("Register the service", [`${money(bond, EMP)} of yours are put up as its bond.`, "You get the service and all its 1,000,000 shares.", `This gateway's key ${where.meter} may settle what it serves.`, ...derived.map(([of, bps]) => `${bps / 100} % of its revenue goes to service ${of}, for good.`)],
    () => registry.register(KINDS.indexOf(kind), where.meter, kept.uri, kept.hash, derived, bond));
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

