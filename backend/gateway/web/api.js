// The gateway's API, and amounts as people read them.

let token = sessionStorage.getItem("session") || "";
let known = null;

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

export function currencyOf(chain, index) {
  return chain.currencies.find((entry) => entry.index === index) || { symbol: "?", decimals: 0 };
}

// Base units to words, exactly: no floating point on the way.
export function money(amount, currency) {
  const digits = String(amount).padStart(currency.decimals + 1, "0");
  const cut = digits.length - currency.decimals;
  const part = digits.slice(cut).replace(/0+$/, "");
  const whole = digits.slice(0, cut).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${whole}${part ? `.${part}` : ""} ${currency.symbol}`;
}

export function credits(micro) {
  return money(micro, { decimals: 6, symbol: "credits" });
}

export function when(seconds) {
  return seconds ? new Date(seconds * 1000).toLocaleString() : "";
}

export function span(seconds) {
  for (const [size, name] of [[86400, "day"], [3600, "hour"]]) {
    if (seconds % size === 0) return `${seconds / size} ${name}${seconds === size ? "" : "s"}`;
  }
  return `${Math.round(seconds / 60)} minutes`;
}

export const short = (text) => `${text.slice(0, 8)}…${text.slice(-6)}`;
