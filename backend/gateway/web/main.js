// The page: a view for each address behind #, and what follows a question mark there.

import { h, shown, still } from "/web/dom.js";
import { onChange, start } from "/web/wallet.js";
import { follow } from "/web/live.js";
import { chainFacts } from "/web/api.js";
import { showServices } from "/web/services.js";
import { showService } from "/web/service.js";
import { showMine } from "/web/mine.js";
import { showEdit, showProvider } from "/web/provider.js";
import { showStake } from "/web/stake.js";
import { showMarket } from "/web/market.js";
import { showNetwork } from "/web/network.js";

const VIEWS = [
  [/^\/service\/(\d+)$/, showService],
  [/^\/mine$/, showMine],
  [/^\/provider$/, showProvider],
  [/^\/provider\/(\d+)$/, showEdit],
  [/^\/stake$/, showStake],
  [/^\/market$/, showMarket],
  [/^\/network$/, showNetwork],
  [/^\/?$/, showServices],
];

let turn = 0;

async function show(moved = true) {
  const mine = ++turn;
  const place = document.getElementById("content");
  const [path, query = ""] = location.hash.slice(1).split("?");
  mark(path || "/");
  const parts = await made(path, query);
  await still();
  if (mine !== turn) return;
  place.replaceChildren(...parts);
  document.title = `${place.querySelector("h1")?.textContent || "Emporion"} · Emporion`;
  if (moved) place.focus({ preventScroll: true });
  if (moved) window.scrollTo(0, 0);
}

// The nodes of the view an address names, or of what went wrong with it.
async function made(path, query) {
  try {
    const [found, view] = VIEWS.map(([shape, work]) => [path.match(shape), work]).find(([match]) => match) || [[""], unknown];
    return shown(await view(found[1], new URLSearchParams(query)));
  } catch (error) {
    return [h("h1", {}, "That did not work"), h("p", { class: "bad" }, error.message), h("p", {}, h("a", { href: "#/" }, "All services"))];
  }
}

function mark(path) {
  for (const link of document.querySelectorAll("header nav a")) {
    const here = link.hash.slice(1) === "/" ? path === "/" || path.startsWith("/service") : path.startsWith(link.hash.slice(1));
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function unknown() {
  return [h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: "#/" }, "All services"))];
}

async function devnetNotice() {
  if ((await chainFacts()).devnet) document.getElementById("devnet").hidden = false;
}

document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); document.getElementById("content").focus(); });
window.addEventListener("hashchange", () => show());
onChange(() => show(false));
// Who comes back with a wallet is waited for, not for long, so that nothing is drawn twice under somebody's hands.
Promise.race([start(), new Promise((go) => setTimeout(go, 1000))]).finally(() => show(false));
devnetNotice();
follow();
