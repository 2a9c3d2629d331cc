// The field a secret's value is entered into. What is typed stands in a password field; what is
// pasted with line breaks, or read from a file, stands in no element at all: the page only says how
// large it is. `take()` gives the value once and forgets it.
import { button, h, put } from "./dom.mjs";
import { field } from "./form.mjs";
import { bytes, count, utf8Length } from "./text.mjs";

const MOST_BYTES = 65536;

function problemOf(text) {
  if (text === "") return "is required";
  if (utf8Length(text) > MOST_BYTES) return `may have at most ${bytes(MOST_BYTES)}`;
  return null;
}

/** Reads a file as the text it is; null when it is not UTF-8 or too large to be a value. */
export async function textOfFile(file, most) {
  if (file.size > most) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      await file.arrayBuffer(),
    );
  } catch {
    return null;
  }
}

export function valueField(label = "Value") {
  let held = null; // what was pasted or read; wins over the input
  const control = h("input", {
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "off",
    "data-1p-ignore": true,
    "data-lpignore": "true",
    "data-bwignore": true,
  });
  const file = h("input", { type: "file", hidden: true });
  const said = h("span", { class: "held", role: "status" });
  const drop = button(
    "Discard",
    () => {
      forget();
      control.focus();
    },
    { kind: "small", hidden: true },
  );
  const trim = button("Drop the last line break", () => hold(held.replace(/\r?\n$/, "")), {
    kind: "small",
    hidden: true,
  });
  const choose = button("Choose a file…", () => file.click(), { kind: "small" });
  const box = h(
    "div",
    { class: "value" },
    control,
    h("div", { class: "value-more" }, said, trim, drop, choose, file),
  );
  const made = field(label, box, {
    at: ["value"],
    read: () => "",
    hint: "It cannot be read back later. Pasting keeps line breaks; several lines are not shown.",
  });

  function forget() {
    held = null;
    control.value = "";
    file.value = "";
    control.disabled = false;
    put(said);
    drop.hidden = true;
    trim.hidden = true;
  }

  function hold(text) {
    held = text;
    control.value = "";
    control.disabled = true;
    const lines = text.replace(/\r?\n$/, "").split("\n").length;
    const broken = text.endsWith("\n");
    put(
      said,
      `${count(lines, "line")}, ${bytes(utf8Length(text))} entered`,
      broken ? "; ends with a line break" : "",
    );
    drop.hidden = false;
    trim.hidden = !broken;
    made.fail(null);
    drop.focus();
  }

  control.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!/[\r\n]/.test(text)) return;
    event.preventDefault();
    hold(text.replace(/\r\n?/g, "\n"));
  });
  control.addEventListener("drop", (event) => event.preventDefault());
  file.addEventListener("change", async () => {
    if (!file.files.length) return;
    const text = await textOfFile(file.files[0], MOST_BYTES);
    file.value = "";
    if (text === null) made.fail(`Must be a file of UTF-8 text of at most ${bytes(MOST_BYTES)}`);
    else hold(text);
  });
  return {
    ...made,
    forget,
    /** null when it may be sent, else what is wrong with it */
    problem: () => problemOf(held ?? control.value),
    take() {
      const value = held ?? control.value;
      forget();
      return value;
    },
  };
}
