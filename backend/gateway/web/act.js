// What a click does: runs work once, keeps its button quiet meanwhile, says what went wrong, and refreshes the view.

import { say } from "/web/dom.js";
import { refresh } from "/web/panel.js";
import { reason } from "/web/wallet.js";

export function doing(work) {
  return async (event) => {
    event.preventDefault();
    const [place, control] = [event.currentTarget, event.submitter || event.currentTarget];
    if (control.getAttribute("aria-disabled") === "true") return;
    control.setAttribute("aria-disabled", "true"); // `disabled` would lose the focus
    try {
      if ((await work(event)) === false) return;
      if (event.type === "submit") place.dispatchEvent(new Event("sent", { bubbles: true }));
      refresh();
    } catch (error) {
      say(reason(error), true);
    } finally {
      control.removeAttribute("aria-disabled");
    }
  };
}
