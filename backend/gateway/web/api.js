// The gateway's API, and amounts as people read them.

let token = sessionStorage.getItem("session") || "";
let known = null;

export const EMP = { decimals: 18, symbol: "EMP" };
export const SCORE = { decimals: 18, symbol: "" };

export class ApiError extends Error {
  constructor(status, body) {
    const told = body.error || body;
    super(told.message || told.detail || `the gateway answered ${status}`);
    this.status = status;
    this.details = told.details || {};
  }
}

export function setSession(text) {
  token = text;
  if (text) sessionStorage.setItem("session", text);
  else sessionStorage.removeItem("session");
}

export const signedIn = () => token !== "";

export async function api(path, options = {}) {
  const headers = { Accept: "application/json", ...(options.headers || {}) };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (options.json !== undefined) {
    headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(options.json);
  }
  const answer = await fetch(path, { ...options, headers });
  if (!answer.ok) {
    if (answer.status === 401) setSession("");
    throw new ApiError(answer.status, await answer.json().catch(() => ({})));
  }
  if (options.raw) return answer;
  return answer.status === 204 ? null : answer.json();
}

export async function deployment() {
  known = known || (await api("/v1/deployment"));
  return known;
}

export async function chainFacts() {
  return (await deployment()).chains[0];
}

export function currencyOf(chain, index) {
  return chain.currencies.find((entry) => entry.index === Number(index)) || { symbol: "?", decimals: 0 };
}

// Base units to words, exactly: no floating point on the way.
export function money(amount, currency) {
  const digits = String(amount).padStart(currency.decimals + 1, "0");
  const cut = digits.length - currency.decimals;
  const part = digits.slice(cut).replace(/0+$/, "");
  const whole = digits.slice(0, cut).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${whole}${part ? `.${part}` : ""}${currency.symbol ? ` ${currency.symbol}` : ""}`;
}

// Cut to so many places, where more would only be in the way; `≈` says so.
export function about(amount, currency, places = 4) {
  const step = 10n ** BigInt(Math.max(currency.decimals - places, 0));
  const cut = (BigInt(amount) / step) * step;
  if (cut === BigInt(amount)) return money(amount, currency);
  return cut === 0n ? `under ${money(step, currency)}` : `≈ ${money(cut, currency)}`;
}

export function moneys(chain, byIndex, none = "nothing yet") {
  return Object.entries(byIndex).filter(([, amount]) => BigInt(amount) > 0n)
    .map(([index, amount]) => about(amount, currencyOf(chain, index), 6)).join(", ") || none;
}

// What somebody wrote, as base units. Throws with what to write instead.
export function baseUnits(text, currency) {
  const found = text.trim().replaceAll(",", "").match(/^(\d+)(?:\.(\d+))?$/);
  if (!found) throw new Error(`"${text}" is no amount; write it like 12.50`);
  const part = found[2] || "";
  if (part.length > currency.decimals) throw new Error(`${currency.symbol} has ${currency.decimals} decimal places; "${text}" has more`);
  return BigInt(found[1] + part.padEnd(currency.decimals, "0"));
}

// For drawing only: a figure that is read is text.
export const scaled = (amount, currency) => Number(amount) / 10 ** currency.decimals;

export function credits(micro) {
  return money(micro, { decimals: 6, symbol: BigInt(micro) === 1_000_000n ? "credit" : "credits" });
}

export function when(seconds) {
  return seconds ? new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "";
}

export function dayName(seconds) {
  return new Date(seconds * 1000).toLocaleDateString([], { month: "short", day: "numeric", timeZone: "UTC" });
}

export function hourName(seconds) {
  return new Date(seconds * 1000).toLocaleString([], { month: "short", day: "numeric", hour: "numeric" });
}

export function span(seconds) {
  for (const [size, name] of [[86400, "day"], [3600, "hour"]]) {
    if (seconds % size === 0) return `${seconds / size} ${name}${seconds === size ? "" : "s"}`;
  }
  const minutes = Math.round(seconds / 60);
  return minutes ? `${minutes} minute${minutes === 1 ? "" : "s"}` : `${seconds} seconds`;
}

export const short = (text) => `${text.slice(0, 6)}…${text.slice(-4)}`;

// The chain's time may be ahead of ours on a devnet; what has begun or ended is by the later of the two, as at the gate.
export function later(timestamp) {
  return Math.max(Date.now() / 1000, timestamp);
}
