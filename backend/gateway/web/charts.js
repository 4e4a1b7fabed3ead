// Small charts in SVG of our own, each with the same figures as a table for those who cannot or will not see it.

import { h, table } from "/web/dom.js";

const NS = "http://www.w3.org/2000/svg";

function shape(name, attributes, tip = "") {
  const part = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, String(value));
  if (tip) {
    const title = document.createElementNS(NS, "title");
    title.textContent = tip;
    part.append(title);
  }
  return part;
}

// `points`: {name, value, text}; `value` places it, `text` is the exact figure. `line` for what lasts (stake, services),
// bars for what happens in a day. `also`: a second series of the same points, drawn on top (failed of all calls).
export function chart(title, points, { line = false, figure = "", also = null } = {}) {
  if (!points.some((point) => point.value > 0)) return h("figure", {}, h("figcaption", {}, title), h("p", { class: "soft" }, "Nothing in this time."));
  const most = niceUp(Math.max(...points.map((point) => point.value)));
  const svg = shape("svg", { class: "chart", viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": summary(title, points) });
  for (const at of [0, 50]) svg.append(shape("line", { class: "grid", x1: 0, x2: 100, y1: at, y2: at }));
  svg.append(...(line ? lineOf(points, most) : barsOf(points, most, "bar")));
  if (also) svg.append(...barsOf(also.points, most, "bar second"));
  return h("figure", {},
    h("figcaption", {}, title, figure ? h("strong", {}, ` ${figure}`) : ""),
    also ? h("p", { class: "legend" }, h("span", { class: "swatch first" }), also.all, h("span", { class: "swatch second" }), also.name) : "",
    h("div", { class: "plot" },
      h("div", { class: "scale", "aria-hidden": "true" }, h("span", {}, brief(most)), h("span", {}, brief(most / 2)), h("span", {}, "0")),
      svg,
      h("div", { class: "days", "aria-hidden": "true" }, h("span", {}, points[0].name), h("span", {}, points.at(-1).name))),
    h("details", {}, h("summary", {}, "As a table"), table(title, [
      { name: "When", of: (point) => point.name },
      { name: also ? also.all : "How much", number: true, of: (point) => point.text },
      ...(also ? [{ name: also.name, number: true, of: (point) => also.points[points.indexOf(point)].text }] : []),
    ], points)));
}

function barsOf(points, most, name) {
  const width = 100 / points.length;
  return points.map((point, index) => {
    const tall = (point.value / most) * 100;
    return shape("rect", { class: name, x: index * width + width * 0.14, y: 100 - tall, width: width * 0.72, height: tall }, `${point.name}: ${point.text}`);
  });
}

function lineOf(points, most) {
  const step = 100 / Math.max(points.length - 1, 1);
  const places = points.map((point, index) => `${(index * step).toFixed(2)},${(100 - (point.value / most) * 100).toFixed(2)}`);
  return [
    shape("polygon", { class: "area", points: `0,100 ${places.join(" ")} 100,100` }),
    shape("polyline", { class: "line", points: places.join(" ") }),
    ...points.map((point, index) => shape("rect", { class: "touch", x: index * step - step / 2, y: 0, width: step, height: 100 }, `${point.name}: ${point.text}`)),
  ];
}

function summary(title, points) {
  const top = points.reduce((best, point) => (point.value > best.value ? point : best));
  return `${title}, ${points[0].name} to ${points.at(-1).name}: most ${top.text} (${top.name}), last ${points.at(-1).text}`;
}

// 1, 2, 2.5 or 5 of a power of ten, at or above the value.
function niceUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999999);
}

function brief(value) {
  return new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}
