// Trying a model: a question, the answer as it is made, and what it cost.

import { hasOrPicks, signIn } from "/web/wallet.js";
import { api, ApiError, credits, signedIn } from "/web/api.js";
import { field, h, say } from "/web/dom.js";
import { doing } from "/web/act.js";
import { panel } from "/web/panel.js";
import { checked } from "/web/verify.js";

export function chat(service) {
  const text = h("textarea", { required: true, rows: "3" }, "What is the capital of France?");
  const answer = h("div", { class: "answer", role: "log", tabindex: "0", "aria-label": "Answer" });
  const foot = h("div", {});
  return h("section", { id: "try-it" }, h("h2", {}, "Try it"),
    h("form", { onsubmit: doing(async () => { await stream(service, text.value, answer, foot); return false; }) },
      field("Your question", text, "It goes to the service and is stored nowhere."), h("div", { class: "row" }, h("button", {}, "Ask"))),
    answer, foot);
}

async function stream(service, text, place, foot) {
  if (!(await hasOrPicks())) return;
  if (!signedIn() && !(await signIn())) return;
  place.textContent = "";
  foot.replaceChildren();
  const reply = await asked(service, text);
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) take(line, place, foot);
  }
}

async function asked(service, text) {
  const body = { model: service.model, messages: [{ role: "user", content: text }], max_tokens: 200, stream: true };
  try {
    return await api("/v1/chat/completions", { method: "POST", raw: true, json: body });
  } catch (error) {
    if (error instanceof ApiError && error.status === 402) throw new Error(`${error.message} The plans are above.`);
    throw error;
  }
}

function take(line, place, foot) {
  if (line.startsWith(": emporion-receipt ")) {
    const receipt = JSON.parse(line.slice(19));
    const left = receipt.credits_remaining ? `; ${Number(receipt.credits_remaining)} credits left` : "";
    foot.replaceChildren(
      h("p", { class: "soft" }, `${receipt.units_in} tokens in, ${receipt.units_out} out, ${credits(receipt.micro_credits)}${left}.`),
      panel("Its receipt", () => checked(receipt), (event) => event.names.has("Settled") && event.services.has(Number(receipt.service_id))));
  } else if (line.startsWith("data: ") && line !== "data: [DONE]") {
    const part = JSON.parse(line.slice(6));
    if (part.error) say(part.error.message, true);
    place.textContent += part.choices?.[0]?.delta?.content || "";
  }
}
