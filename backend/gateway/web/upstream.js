// The part of a form that says where a service's requests are answered.

import { choice, field, h } from "/web/dom.js";

const KINDS = [["embedded", "This gateway's own small model"], ["openai", "An OpenAI-compatible server"], ["http", "One JSON endpoint"]];

export function upstreamPart() {
  const kind = choice(KINDS);
  const url = h("input", { type: "url", autocomplete: "off", placeholder: "https://llm.example.com/v1" });
  const model = h("input", { type: "text", autocomplete: "off" });
  const secret = h("input", { type: "password", autocomplete: "off" });
  const named = field("The model's name there", model);
  const remote = h("div", { class: "row" }, field("URL", url), named, field("Its API key", secret, "Kept encrypted, sent to that server alone, never shown again."));
  const draw = () => { remote.hidden = kind.value === "embedded"; named.hidden = kind.value !== "openai"; };
  kind.onchange = draw;
  draw();
  const read = () => ({
    kind: kind.value,
    ...(kind.value === "embedded" ? {} : { url: url.value.trim() }),
    ...(kind.value === "openai" ? { model: model.value.trim() } : {}),
    ...(secret.value && kind.value !== "embedded" ? { secret: secret.value } : {}),
  });
  return { element: h("div", { class: "part" }, h("div", { class: "row" }, field("Where requests are answered", kind)), remote), read };
}
