// A part of a view that loads by itself, and again when the chain or an action moved what it shows. What somebody filled in
// and has not sent stays.

import { h, shown, still } from "/web/dom.js";

const open = new Set();

// `load` gives the contents; `concerns` says whether an event of the feed is about them.
export function panel(title, load, concerns = () => true) {
  const id = title.toLowerCase().replace(/[^a-z]+/g, "-");
  const heading = h("h2", { id }, title);
  const body = h("div", { "aria-live": "off" }, h("p", { class: "soft" }, "Loading."));
  const section = h("section", { "aria-labelledby": id }, heading, body);
  const one = { section, body, load, concerns, turn: 0, filled: new Set() };
  for (const kind of ["input", "change"]) body.addEventListener(kind, (event) => one.filled.add(event.target));
  body.addEventListener("sent", (event) => { for (const control of event.target.elements) one.filled.delete(control); });
  open.add(one);
  fill(one);
  return section;
}

async function fill(one) {
  const turn = ++one.turn;
  const before = focusedIn(one.body);
  let found;
  try {
    found = shown(await one.load());
  } catch (error) {
    found = [h("p", { class: "bad" }, `This part could not be loaded: ${error.message}`)];
  }
  await still();
  if (turn !== one.turn) return;
  const focused = focusedIn(one.body) ?? before, marked = markedIn(one.body);
  const unsent = [...one.filled].filter((control) => one.body.contains(control)).map((control) => [nameOf(control), stateOf(control)]);
  one.filled.clear();
  one.body.replaceChildren(...found);
  one.section.hidden = found.length === 0;
  for (const [name, state] of unsent) fillIn(named(one.body, name), state);
  const same = focused === null ? [] : named(one.body, focused);
  if (same.length) same[0].focus({ preventScroll: true });
  if (same.length && marked) same[0].setSelectionRange?.(...marked);
}

const focusedIn = (body) => (body.contains(document.activeElement) ? nameOf(document.activeElement) : null);

// Where the caret is, or what is marked, in the text that is being typed; number fields do not tell.
function markedIn(body) {
  const { activeElement } = document;
  return body.contains(activeElement) && typeof activeElement.selectionStart === "number" ? [activeElement.selectionStart, activeElement.selectionEnd] : null;
}

// Controls are made anew each time; they are known again by what names them to people, within their group.
function nameOf(control) {
  const own = control.getAttribute("aria-label") || control.labels?.[0]?.textContent || control.textContent;
  return `${control.closest("[role=group]")?.getAttribute("aria-label") || ""}: ${own}`;
}

const named = (body, name) => [...body.querySelectorAll("button, a, input, select, textarea")].filter((control) => nameOf(control) === name);

function stateOf(control) {
  if (control.matches("[type=checkbox], [type=radio]")) return control.checked;
  return control.matches("select") ? control.selectedOptions[0]?.textContent : control.value;
}

// An option is found by its words: its value may be a place in a list that has changed.
function fillIn([control, another], state) {
  if (!control || another || stateOf(control) === state) return;
  const option = control.matches("select") && [...control.options].find((one) => one.textContent === state);
  if (option) option.selected = true;
  else if (control.matches("select")) return;
  else if (typeof state === "boolean") control.checked = state;
  else control.value = state;
  for (const kind of ["input", "change"]) control.dispatchEvent(new Event(kind, { bubbles: true }));
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
