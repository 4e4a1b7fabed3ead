// What a click does: runs work once, keeps its button quiet meanwhile, says what went wrong, and refreshes the view.

import { say } from "/web/dom.js";
import { reason } from "/web/wallet.js";

export function doing(work) {
  return async (event) => {
    event.preventDefault();
    const control = event.submitter || event.currentTarget;
    control.disabled = true;
    try {
      if ((await work(event)) !== false) window.dispatchEvent(new Event("refresh"));
    } catch (error) {
      say(reason(error), true);
    } finally {
      control.disabled = false;
    }
  };
}
