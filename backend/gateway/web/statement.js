// The account's statement as a file: every purchase, use, refund, revenue and reward of a time, costed for accounts and tax.

import { account } from "/web/wallet.js";
import { api } from "/web/api.js";
import { choice, field, h, say } from "/web/dom.js";
import { doing } from "/web/act.js";

const METHODS = [["fifo", "First in, first out"], ["average", "Average cost"]];
const FORMATS = [["csv", "CSV, for a spreadsheet"], ["json", "JSON"]];

export function statement() {
  const year = new Date().getUTCFullYear();
  const [from, to] = [`${year}-01-01`, `${year + 1}-01-01`].map((value) => h("input", { type: "date", value, required: true }));
  const method = choice(METHODS), format = choice(FORMATS);
  return h("form", { class: "row", onsubmit: doing(() => download(from.value, to.value, method.value, format.value)) },
    field("From", from), field("Until before", to), field("Costed by", method), field("As", format), h("button", { class: "plain" }, "Download"));
}

async function download(from, to, method, format) {
  const query = new URLSearchParams({ from, to, method, format });
  const answer = await api(`/v1/statements?${query}`, { raw: true, headers: { Accept: format === "csv" ? "text/csv" : "application/json" } });
  const link = h("a", { href: URL.createObjectURL(await answer.blob()), download: `emporion-${account()}-${from}.${format}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  say("The statement is among your downloads.");
  return false;
}
