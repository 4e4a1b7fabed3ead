// The chain as it happens: the feed's events, passed on at most twice a second, and a word of how current they are.

import { h } from "/web/dom.js";
import { refresh } from "/web/panel.js";

const waiting = new Map();
const heard = [];
let timer = 0;
let followers = [];

export const latest = () => heard;
export const onEvent = (work) => { followers = [work]; };

export function follow() {
  const source = new EventSource("/v1/activity/stream");
  source.onopen = () => tell("on", "Live");
  source.onerror = () => tell("away", "Reconnecting");
  for (const kind of ["activity", "retraction"]) source.addEventListener(kind, (event) => take(kind, JSON.parse(event.data)));
  window.addEventListener("pagehide", () => source.close());
}

function take(kind, event) {
  heard.unshift({ ...event, retracted: kind === "retraction" });
  heard.length = Math.min(heard.length, 50);
  waiting.set(`${event.event} ${event.service_id} ${event.account}`, event);
  timer = timer || setTimeout(pass, 500);
}

function pass() {
  timer = 0;
  const events = [...waiting.values()];
  waiting.clear();
  refresh({ names: new Set(events.map((one) => one.event)), services: new Set(events.map((one) => one.service_id)) });
  for (const work of followers) work(events);
}

function tell(state, text) {
  document.getElementById("live").replaceChildren(h("span", { class: `dot ${state}`, "aria-hidden": "true" }), text);
}
