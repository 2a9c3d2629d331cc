// Forms: labelled fields, what is wrong told at its field and summed up at the top.
import { Problem } from "./api.mjs";
import { fill, freshId, h, link, put } from "./dom.mjs";

const MESSAGES_SHOWN = 3; // at one field

/** A labelled control. `at` is how the API calls it in `details`; `read()` gives its content. */
export function field(
  label,
  control,
  { hint, at = [], read, optional = false, group = false } = {},
) {
  const id = freshId("field");
  const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const says = hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null;
  const target = group
    ? control
    : control.matches("input,select,textarea")
      ? control
      : control.querySelector("input,select,textarea");
  target.setAttribute("aria-describedby", [says?.id, error.id].filter(Boolean).join(" "));
  const mark = optional ? h("span", { class: "optional" }, " optional") : null;
  let element;
  if (group) {
    element = h("fieldset", { class: "field" }, h("legend", {}, label, mark), says, control, error);
  } else {
    target.id = id;
    element = h(
      "div",
      { class: "field" },
      h("label", { for: id }, label, mark),
      says,
      control,
      error,
    );
  }
  const focusable = group ? control.querySelector("input,select,textarea") : target;
  return {
    element,
    control: target,
    label,
    at: [at].flat(),
    focus: () => focusable.focus(),
    read: read ?? (() => target.value.trim()),
    fail(text) {
      error.hidden = !text;
      put(error, text ?? "");
      if (text) focusable.setAttribute("aria-invalid", "true");
      else focusable.removeAttribute("aria-invalid");
    },
  };
}

export function input(more = {}) {
  return h("input", {
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "off",
    ...more,
  });
}

export function select(options, value, more = {}) {
  return h(
    "select",
    more,
    options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)),
  );
}

export function checkbox(label, { hint, ...more } = {}) {
  const box = h("input", { type: "checkbox", ...more });
  return h(
    "label",
    { class: "check" },
    box,
    h("span", {}, label, hint ? h("span", { class: "hint" }, hint) : null),
  );
}

function sentence(message) {
  return message.charAt(0).toUpperCase() + message.slice(1);
}

/** Tells each field what is wrong with it; what belongs to none goes to `rest`. */
function spread(problem, fields, rest) {
  const told = new Map();
  for (const { field: place, message } of problem.details) {
    const path = String(place).replace(/^\//, "");
    const found = fields.find((f) => f.at.some((at) => path === at || path.startsWith(`${at}/`)));
    const number = path.match(/\/(\d+)$/);
    if (found) {
      const entry = number ? `entry ${Number(number[1]) + 1} ` : "";
      told.set(found, [...(told.get(found) ?? []), entry + message]);
    } else {
      rest.push(place ? `${path}: ${message}` : sentence(message));
    }
  }
  for (const [found, messages] of told) {
    const more = messages.length - MESSAGES_SHOWN;
    const shown = messages.slice(0, MESSAGES_SHOWN).join("; ");
    found.fail(sentence(shown) + (more > 0 ? `; and ${more} more` : ""));
  }
  return [...told.keys()][0] ?? null;
}

/** A form. Fields of `also` stand in `extra`. `action()` says what it does; `submit()` does it and
 * throws a Problem; `explain(problem)` may give a better sentence (or nodes). Typed entries stay
 * whatever happens. */
export function form({
  fields,
  also = [],
  action,
  cancel,
  submit,
  explain = () => null,
  extra = null,
}) {
  const all = [...fields, ...also];
  const alert = h("div", { class: "box bad", role: "alert", hidden: true });
  const send = h("button", { type: "submit", class: "button primary" }, action());
  const element = h(
    "form",
    { class: "form", novalidate: true, autocomplete: "off" },
    alert,
    fields.map((f) => f.element),
    extra,
    h(
      "div",
      { class: "actions" },
      send,
      cancel ? h("a", { class: "button", href: `#${cancel}` }, "Cancel") : null,
    ),
  );
  let busy = false;

  function tell(problem) {
    const rest = [];
    const first = spread(problem, all, rest);
    const said = explain(problem);
    alert.hidden = false;
    put(
      alert,
      h("p", {}, said ?? (first ? "Please look at the marked fields." : problem.message)),
      rest.length
        ? h(
            "ul",
            {},
            rest.map((line) => h("li", {}, line)),
          )
        : null,
    );
    if (first) first.focus();
    else send.focus();
  }

  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    alert.hidden = true;
    for (const f of all) f.fail(null);
    send.setAttribute("aria-disabled", "true");
    put(send, "One moment…");
    try {
      await submit();
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      tell(error);
    } finally {
      busy = false;
      send.removeAttribute("aria-disabled");
      put(send, action());
    }
  });
  return { element, tell, focus: () => fields[0]?.focus() };
}

/** Something is wrong before anything was sent: [[at, message], ...]. */
export function invalid(details) {
  return new Problem("refused", "Please look at the marked fields.", {
    details: details.map(([at, message]) => ({ field: at, message })),
  });
}

/** Somebody else was at it while the form was open; sending it again is a decision. */
export function changed(message) {
  return new Problem("refused", message, { code: "CHANGED_MEANWHILE" });
}

/** What to say when a form with a value in it could not be sent. */
export function valueLost(problem) {
  if (problem.kind === "expired") {
    return "Your session had ended. All but the value is still here: enter that again.";
  }
  if (problem.kind === "unreachable") {
    return "The server does not answer. All but the value is still here: enter that again.";
  }
  return null;
}

export function backTo(route, text) {
  return h("p", { class: "back" }, fill(link(route), [`‹ ${text}`]));
}
