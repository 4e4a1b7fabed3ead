// The page: a view for each address behind #.

import { say, h } from "/web/dom.js";
import { draw, onChange } from "/web/wallet.js";
import { showServices, showService } from "/web/services.js";
import { showMine } from "/web/mine.js";
import { showProvider } from "/web/provider.js";
import { showStake } from "/web/stake.js";
import { showMarket } from "/web/market.js";
import { showNetwork } from "/web/network.js";

const VIEWS = [
  [/^#\/service\/(\d+)$/, (part) => showService(Number(part))],
  [/^#\/mine$/, showMine],
  [/^#\/provider$/, showProvider],
  [/^#\/stake$/, showStake],
  [/^#\/market$/, showMarket],
  [/^#\/network$/, showNetwork],
  [/^(#\/)?$/, showServices],
];

let turn = 0;

async function show(moveFocus = true) {
  const mine = ++turn;
  const place = document.getElementById("content");
  for (const link of document.querySelectorAll("header nav a")) {
    const here = link.getAttribute("href") === (location.hash || "#/");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  try {
    const [found, work] = VIEWS.map(([shape, view]) => [location.hash.match(shape), view]).find(([match]) => match) || [[], showServices];
    const view = await work(...found.slice(1).filter((part) => part !== undefined && part !== "#/"));
    if (mine !== turn) return;
    place.replaceChildren(...[view].flat(Infinity).filter((part) => part !== "" && part !== null));
    document.title = `${place.querySelector("h1")?.textContent || "Emporion"} · Emporion`;
    if (moveFocus) place.focus({ preventScroll: true });
  } catch (error) {
    if (mine !== turn) return;
    place.replaceChildren(h("h1", {}, "That did not work"), h("p", { class: "bad" }, error.message));
  }
}

window.addEventListener("hashchange", () => show());
window.addEventListener("unhandledrejection", (event) => { say(event.reason?.message || String(event.reason), true); event.preventDefault(); });
window.addEventListener("refresh", () => show(false));
onChange(() => show(false));
draw();
show(false);
