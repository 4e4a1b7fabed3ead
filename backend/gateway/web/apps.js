// Apps of others that were let in: what each may do, until when, and taking it back.

import { fresh } from "/web/wallet.js";
import { api, credits, when } from "/web/api.js";
import { explain, h, table } from "/web/dom.js";
import { doing } from "/web/act.js";

const MAY = { inference: "call services and spend your credits", read: "see your use and holdings", provider: "change your services" };

export async function apps() {
  const now = Date.now() / 1000;
  const live = (await api("/v1/oauth/grants")).filter((one) => !one.revoked_at && one.expires_at > now);
  return table("Apps you let in", [
    { name: "App", of: (one) => one.client_name },
    { name: "It may", of: (one) => one.scopes.map((scope) => MAY[scope] || scope).join("; ") },
    { name: "Your limits", of: (one) => limits(one) },
    { name: "Last used", of: (one) => when(one.last_used_at) || "never" },
    { name: "Ends", of: (one) => when(one.expires_at) },
    { name: "", of: revoke },
  ], live, "None. An app that wants to use your account sends you to this gateway, and asks for your signature there.");
}

function limits(one) {
  const told = [one.daily_cap ? `${credits(one.daily_cap)} a day` : "", one.services.length ? `services ${one.services.join(", ")} only` : ""].filter(Boolean);
  return told.join("; ") || "none";
}

function revoke(one) {
  return h("button", { class: "plain small", "aria-label": `Take back what ${one.client_name} may do`, onclick: doing(async () => {
    if (!(await explain("Take it back", [`${one.client_name} is refused everywhere within a second. It can only come back by asking you again.`], "Take it back"))) return false;
    await fresh(() => api(`/v1/oauth/grants/${one.id}`, { method: "DELETE" }));
    return true;
  }) }, "Take back");
}
