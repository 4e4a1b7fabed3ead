// Building the page: elements from values, text always as text, so that nobody's description becomes markup.

export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...shown(children));
  return element;
}

export function shown(children) {
  return [children].flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}

export function facts(pairs) {
  const told = Object.entries(pairs).filter(([, value]) => value !== null && value !== undefined);
  return h("dl", { class: "facts" }, told.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

// On a phone each row becomes a card: `data-name` then says what the column's head did.
export function table(caption, columns, rows, empty = "Nothing yet.") {
  if (!rows.length) return h("p", { class: "soft" }, empty);
  const head = h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.number ? "number" : null }, column.name || h("span", { class: "unseen" }, "What you can do"))));
  const cell = (column, row) => h("td", { class: column.number ? "number" : null, "data-name": column.name || null }, column.of(row));
  return h("table", {}, h("caption", { class: "unseen" }, caption), h("thead", {}, head),
    h("tbody", {}, rows.map((row) => h("tr", {}, columns.map((column) => cell(column, row))))));
}

let fields = 0;
export function field(label, control, hint = "") {
  control.id = control.id || `field-${++fields}`;
  if (hint) control.setAttribute("aria-describedby", `${control.id}-hint`);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control,
    hint ? h("small", { class: "soft", id: `${control.id}-hint` }, hint) : "");
}

export function number(value, limits = {}) {
  return h("input", { type: "number", step: "1", inputmode: "numeric", value, ...limits });
}

export function choice(options, chosen = "") {
  return h("select", {}, options.map(([value, text]) => h("option", { value, selected: String(value) === String(chosen) }, text)));
}

let hiding = 0;
export function say(text, bad = false) {
  const place = document.getElementById("status");
  place.replaceChildren(h("p", { class: bad ? "bad-news" : null }, text));
  clearTimeout(hiding);
  hiding = setTimeout(() => place.replaceChildren(), bad ? 12000 : 6000);
}

// The one dialog of the page; `fill` gets what closes it. Resolves to what it was closed with, null for Escape.
export function ask(title, fill) {
  const dialog = document.getElementById("confirm");
  if (dialog.open) dialog.close();
  return new Promise((resolve) => {
    const end = (answer) => { dialog.oncancel = null; dialog.close(); resolve(answer); };
    dialog.replaceChildren(h("h2", { id: "confirm-title" }, title), ...shown(fill(end)));
    dialog.oncancel = () => resolve(null);
    dialog.showModal();
  });
}

// Asks before anything is signed: what it is, what it costs, what can be had back. Resolves to true or false.
export async function explain(title, points, action) {
  return (await ask(title, (end) => [
    h("ul", {}, points.map((point) => h("li", {}, point))),
    h("div", { class: "row" },
      h("button", { onclick: () => end(true), autofocus: true }, action),
      h("button", { class: "plain", onclick: () => end(false) }, "Not now")),
  ])) === true;
}

// Nothing moves under a pressed pointer: its release would land elsewhere, and the click be lost. Whoever replaces a part of
// the page awaits this first.
let release = () => {};
let released = Promise.resolve();
window.addEventListener("pointerdown", () => { release(); released = new Promise((go) => { release = go; }); }, true);
for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, () => setTimeout(release), true); // the click comes first
window.addEventListener("blur", () => release()); // the window's own, not a control's
export const still = () => released;
