// Where EMP comes from: on a development chain a button, elsewhere what there is.

import { account, giveTestMoney } from "/web/wallet.js";
import { doing } from "/web/act.js";
import { h } from "/web/dom.js";

export function whereEmp(chain) {
  if (chain.devnet) {
    return [h("p", { class: "soft" }, "EMP is the market's own token: stakes and bonds are in it. Here it costs nothing."),
      account() ? h("div", { class: "row" }, h("button", { class: "plain", onclick: doing(giveTestMoney) }, "Give me test EMP")) : ""];
  }
  const { EmporionToken: token, EmporionDistributor: distributor } = chain.contracts;
  return h("details", {}, h("summary", {}, "Where do I get EMP?"),
    h("ul", {},
      h("li", {}, "From anybody who holds some: this page's market sells access and shares, not EMP. An exchange must name the token ", h("code", {}, token.address), "; another token of the same name is not it."),
      distributor ? h("li", {}, "From the first distribution, if your address is part of it: the distributor ", h("code", {}, distributor.address), " pays it out, by ", h("code", {}, "emporion airdrop claim"), ".") : "",
      h("li", {}, "By providing a service whose plans are priced in EMP, and by shares of one.")));
}
