// Questions before anything is destroyed.
import { button, fill, freshId, h } from "./dom.mjs";

/** Shows a modal dialog; resolves with what `close(result)` was given, or with null (Escape). */
export function modal(title, build) {
  return new Promise((resolve) => {
    const id = freshId("dialog");
    const dialog = h("dialog", { "aria-labelledby": id }, h("h2", { id }, title));
    let result = null;
    const close = (given) => {
      result = given;
      dialog.close();
    };
    const before = document.activeElement;
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before?.isConnected) before.focus();
      resolve(result);
    });
    fill(dialog, build(close, dialog));
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector("[autofocus]") ?? dialog).focus();
  });
}

/** True when the person said yes. The safe answer has the focus. */
export function confirm(title, content, yes, { danger = true } = {}) {
  return modal(title, (close) => [
    h("div", { class: "dialog-body" }, content),
    h(
      "div",
      { class: "actions end" },
      button("Keep it as it is", () => close(null), { autofocus: true }),
      button(yes, () => close(true), { kind: danger ? "danger solid" : "primary" }),
    ),
  ]).then(Boolean);
}
