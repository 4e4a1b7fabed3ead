// A part of a view that loads by itself, and again when the chain or an action moved what it shows.

import { h, shown, still } from "/web/dom.js";

const open = new Set();

// `load` gives the contents; `concerns` says whether an event of the feed is about them.
export function panel(title, load, concerns = () => true) {
  const id = title.toLowerCase().replace(/[^a-z]+/g, "-");
  const heading = h("h2", { id }, title);
  const body = h("div", { "aria-live": "off" }, h("p", { class: "soft" }, "Loading."));
  const section = h("section", { "aria-labelledby": id }, heading, body);
  const one = { section, body, load, concerns, turn: 0 };
  open.add(one);
  fill(one);
  return section;
}

async function fill(one) {
  const turn = ++one.turn;
  const focused = one.body.contains(document.activeElement) ? document.activeElement.textContent : null;
  let found;
  try {
    found = shown(await one.load());
  } catch (error) {
    found = [h("p", { class: "bad" }, `This part could not be loaded: ${error.message}`)];
  }
  await still();
  if (turn !== one.turn) return;
  one.body.replaceChildren(...found);
  one.section.hidden = found.length === 0;
  if (focused === null) return;
  const same = [...one.body.querySelectorAll("button, a")].find((control) => control.textContent === focused);
  if (same) same.focus({ preventScroll: true });
}

// What somebody is typing into is not taken away by an event of somebody else's.
export function refresh(event = null) {
  for (const one of open) {
    if (!one.section.isConnected) open.delete(one);
    else if (event === null || (one.concerns(event) && !typing(one.body))) fill(one);
  }
}

function typing(body) {
  return body.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
}
