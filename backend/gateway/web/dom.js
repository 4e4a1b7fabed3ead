// Building the page: elements from values, text always as text, so that nobody's description becomes markup.

export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function facts(pairs) {
  return h("dl", { class: "facts" }, Object.entries(pairs).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export function table(caption, columns, rows, empty = "Nothing yet.") {
  if (!rows.length) return h("p", { class: "soft" }, empty);
  const head = h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.number ? "number" : null }, column.name)));
  const body = rows.map((row) => h("tr", {}, columns.map((column) => h("td", { class: column.number ? "number" : null }, column.of(row)))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "soft" }, caption), h("thead", {}, head), h("tbody", {}, body)));
}

export function field(label, control) {
  return h("label", {}, label, control);
}

let hiding = 0;
export function say(text, bad = false) {
  const place = document.getElementById("status");
  place.replaceChildren(h("p", { class: bad ? "bad-news" : null }, text));
  clearTimeout(hiding);
  hiding = setTimeout(() => place.replaceChildren(), bad ? 12000 : 6000);
}

// Asks before anything is signed: what it is, what it costs, what can be had back. Resolves to true or false.
export function explain(title, points, action) {
  const dialog = document.getElementById("confirm");
  return new Promise((resolve) => {
    const end = (answer) => { dialog.close(); resolve(answer); };
    dialog.replaceChildren(
      h("h2", { id: "confirm-title" }, title),
      h("ul", {}, points.map((point) => h("li", {}, point))),
      h("div", { class: "row" },
        h("button", { onclick: () => end(true), autofocus: true }, action),
        h("button", { class: "plain", onclick: () => end(false) }, "Not now")),
    );
    dialog.oncancel = () => resolve(false);
    dialog.showModal();
  });
}

export function bars(title, values) {
  const most = Math.max(1, ...values.map((entry) => entry.value));
  const width = 100 / Math.max(values.length, 1);
  const ns = "http://www.w3.org/2000/svg";
  const make = (name, attributes) => {
    const part = document.createElementNS(ns, name);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, String(value));
    return part;
  };
  const svg = make("svg", { class: "chart", viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${values.map((v) => `${v.name} ${v.value}`).join(", ")}` });
  values.forEach((entry, index) => {
    const tall = (entry.value / most) * 92;
    const bar = make("rect", { x: index * width + width * 0.12, y: 100 - tall, width: width * 0.76, height: tall });
    const tip = make("title", {});
    tip.textContent = `${entry.name}: ${entry.value}`;
    bar.append(tip);
    svg.append(bar);
  });
  return h("figure", {}, h("figcaption", { class: "soft" }, title), svg);
}
