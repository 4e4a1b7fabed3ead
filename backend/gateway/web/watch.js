// The services somebody watches: a list kept in this browser alone.

import { h } from "/web/dom.js";

export function watched() {
  try {
    return JSON.parse(localStorage.getItem("watched") || "[]").filter(Number.isInteger);
  } catch {
    return [];
  }
}

export function watchButton(service) {
  const button = h("button", { class: "plain small", "aria-label": `Watch ${service.name}` });
  const draw = () => {
    const on = watched().includes(service.id);
    button.textContent = on ? "★ Watching" : "☆ Watch";
    button.setAttribute("aria-pressed", on);
  };
  button.onclick = () => {
    const now = watched();
    localStorage.setItem("watched", JSON.stringify(now.includes(service.id) ? now.filter((id) => id !== service.id) : [...now, service.id]));
    draw();
  };
  draw();
  return button;
}
