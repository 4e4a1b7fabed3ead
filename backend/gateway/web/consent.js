// Letting an app in: what it asks for, the wallet's own limits, one signature; or no.

import { api, credits } from "/web/api.js";
import { field, h, say } from "/web/dom.js";
import { account, onChange, reason, signText, start } from "/web/wallet.js";

const DAY = 86400;
const place = document.getElementById("content");
const onDevice = location.pathname === "/device";
let asking = onDevice ? null : { query: location.search.slice(1) };
let asked = null;

const post = (path, json) => api(path, { method: "POST", json });

function show(...parts) {
  place.replaceChildren(...parts.flat(Infinity).filter(Boolean));
  document.title = `${place.querySelector("h1").textContent} · Emporion`;
}

function ended(title, text) {
  show(h("h1", {}, title), h("p", {}, text));
  place.focus();
}

function askForCode(wrong = "") {
  const given = new URLSearchParams(location.search).get("user_code") || "";
  const code = h("input", { id: "code", autocomplete: "off", autocapitalize: "characters", maxlength: "20", required: true, value: given });
  show(
    h("h1", {}, "Connect a device"),
    h("p", {}, "Type the code that the app shows on its screen. Never type a code that somebody sent you."),
    wrong && h("p", { class: "bad" }, wrong),
    h("form", { onsubmit: (event) => { event.preventDefault(); look({ user_code: code.value }); } },
      field("Code", code), h("button", {}, "Continue")),
  );
}

async function look(wanted) {
  try {
    asked = await post("/v1/oauth/review", wanted);
    asking = wanted;
    showRequest();
  } catch (error) {
    if (onDevice) askForCode(error.message);
    else ended("This request is wrong", error.message);
  }
}

function showRequest() {
  const cap = h("input", { id: "cap", type: "number", min: "1", step: "1", placeholder: "no limit" });
  const services = h("input", { id: "services", placeholder: "all", pattern: "[0-9, ]*" });
  const days = h("input", { id: "days", type: "number", min: "1", max: "366", step: "1", value: "90", required: true });
  const spends = asked.scopes.some((entry) => entry.scope === "inference");
  show(
    h("h1", {}, `Let ${asked.client_name} use your account?`),
    h("p", {}, asked.client_uri ? [`It says it is at ${asked.client_uri}. `] : "",
      `It was registered by ${asked.registered_by}; nobody has checked who that is.`),
    h("h2", {}, "It could"),
    h("ul", {}, asked.scopes.map((entry) => h("li", {}, h("strong", {}, entry.scope), `: ${entry.explanation}`))),
    h("h2", {}, "Your limits"),
    h("form", { onsubmit: (event) => { event.preventDefault(); approve({ cap, services, days }); } },
      spends && field("Most credits it may spend a day", cap),
      spends && field("Only these services (numbers, with commas)", services),
      field("Ends after so many days", days),
      h("p", { class: "soft" }, asked.answers_to
        ? `The answer goes to ${asked.answers_to}. Close this page if that is not where you came from.`
        : "Go on only if the code is on a screen in front of you."),
      h("p", { class: "soft" }, "You can take it back at any time. It can make no keys, move no tokens and sign nothing."),
      h("div", { class: "row" },
        h("button", { disabled: !account() }, account() ? "Sign and let it in" : "Connect a wallet first"),
        h("button", { type: "button", class: "plain", onclick: deny }, "No"))),
  );
}

function limits({ cap, services, days }) {
  return {
    ...asking,
    daily_cap: cap.value ? Number(cap.value) * 1_000_000 : null,
    services: services.value.split(/[ ,]+/).filter(Boolean).map(Number),
    expires_in: Number(days.value) * DAY,
  };
}

async function approve(controls) {
  try {
    const wanted = limits(controls);
    const { message } = await post("/v1/oauth/consent", { ...wanted, address: account() });
    const signature = await signText(message);
    leaveFor(await post("/v1/oauth/approve", { ...wanted, message, signature }), wanted.daily_cap
      ? `It may spend ${credits(wanted.daily_cap)} a day.` : "You can go back to the device.");
  } catch (error) {
    say(reason(error), true);
  }
}

async function deny() {
  try {
    leaveFor(await post("/v1/oauth/deny", asking), "The app was refused.");
  } catch (error) {
    say(error.message, true);
  }
}

function leaveFor({ redirect_to: next }, told) {
  if (next) location.assign(next);
  else ended("Done", told);
}

onChange(() => { if (asked) showRequest(); });
start();
if (onDevice) askForCode();
else look(asking);
