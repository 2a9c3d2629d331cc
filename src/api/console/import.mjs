// Many secrets from a .env file. It is read in this page; only names are shown, and each value is
// sent in a request of its own. What was pasted or chosen never stands in an element.
import { Problem, get, putValue } from "./api.mjs";
import { parseDotenv } from "./dotenv.mjs";
import { badge, button, h, link, mono, put } from "./dom.mjs";
import { backTo, field, select } from "./form.mjs";
import { NAME, NAME_RULE } from "./secret_forms.mjs";
import { table } from "./table.mjs";
import { bytes, count } from "./text.mjs";
import { textOfFile } from "./value_field.mjs";

const MOST_BYTES = 4 << 20;

/** What keeps it from being stored. Of two values for one name nobody knows which is meant. */
function obstacle(entry, all) {
  if (!NAME.test(entry.name)) return `the name must be ${NAME_RULE}`;
  if (entry.why) return entry.why;
  return all.get(entry.name) > 1 ? "the name stands in the file more than once" : null;
}

function countNames(entries) {
  const all = new Map();
  for (const { name } of entries) all.set(name, (all.get(name) ?? 0) + 1);
  return all;
}

/** Where a file is pasted, dropped or chosen. `taken(text)` gets its text. */
function intake(taken) {
  const area = h("textarea", {
    rows: "4",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "Paste here, or drop the file",
  });
  const file = h("input", { type: "file", accept: ".env,text/plain", hidden: true });
  const made = field(
    ".env file",
    h(
      "div",
      {},
      area,
      h(
        "div",
        { class: "value-more" },
        button("Choose a file…", () => file.click(), { kind: "small" }),
        file,
      ),
    ),
    {
      hint: "It is read in this page and not shown: you see names only before anything is sent.",
    },
  );
  const give = (text) => {
    made.fail(
      text === null
        ? `Must be UTF-8 text of at most ${bytes(MOST_BYTES)}`
        : text.trim()
          ? null
          : "There is nothing in it",
    );
    if (text?.trim()) taken(text);
  };
  area.addEventListener("paste", (event) => {
    event.preventDefault();
    const text = event.clipboardData?.getData("text/plain") ?? "";
    give(text.length > MOST_BYTES ? null : text);
  });
  area.addEventListener("drop", async (event) => {
    event.preventDefault();
    const [dropped] = event.dataTransfer.files;
    give(
      dropped ? await textOfFile(dropped, MOST_BYTES) : event.dataTransfer.getData("text/plain"),
    );
  });
  area.addEventListener("beforeinput", (event) => {
    if (!event.inputType.startsWith("insert")) return;
    event.preventDefault();
    if (event.inputType !== "insertFromPaste")
      made.fail("Paste the text or choose a file; it cannot be typed here");
  });
  file.addEventListener("change", async () => {
    if (!file.files.length) return;
    const text = await textOfFile(file.files[0], MOST_BYTES);
    file.value = "";
    give(text);
  });
  return made;
}

const OUTCOMES = {
  new: () => badge("idle", "new"),
  there: () => badge("idle", "exists"),
  skipped: () => badge("idle", "skipped"),
  sending: () => badge("busy", "sending"),
  stored: (row) => badge("good", `stored, version ${row.version}`),
  refused: (row) => [badge("bad", "refused"), " ", row.message],
  unusable: (row) => [badge("warn", "left out"), " ", row.message],
};

const COLUMNS = [
  { label: "Name", head: true, kind: "name", cell: (r) => mono(r.name) },
  { label: "Line", kind: "number", cell: (r) => String(r.line) },
  { label: "Result", kind: "text", cell: (r) => OUTCOMES[r.state](r) },
];

function pauseReason(problem) {
  const what =
    problem.kind === "expired"
      ? "Your session had ended."
      : problem.kind === "unreachable"
        ? "The server does not answer."
        : problem.message;
  return `${what} What is not stored yet waits: import the rest, or discard it.`;
}

/** Sends what waits, one after the other; stops at the first that is not answered. */
async function sendAll(page, waiting, values, existing, show) {
  for (const row of waiting) {
    if (row.state === "there" && existing === "skip") {
      row.state = "skipped";
      values.delete(row.name);
      continue;
    }
    const before = row.state;
    row.state = "sending";
    show();
    try {
      const made = await putValue(
        "/secrets",
        {
          name: row.name,
          value: values.get(row.name),
          ...(before === "there" && { rotate: true }),
        },
        { signal: page.signal },
      );
      Object.assign(row, { state: "stored", version: made.version, message: "" });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.kind !== "refused") {
        row.state = before;
        show();
        throw error;
      }
      const why = [error.message, ...error.details.map((d) => d.message)].join(": ");
      Object.assign(row, { state: "refused", message: why });
    }
    values.delete(row.name);
    show();
  }
}

function preview(page, parsed, known, again) {
  const values = new Map();
  const all = countNames(parsed.entries);
  const rows = parsed.entries.map((entry) => {
    const message = obstacle(entry, all);
    if (!message) values.set(entry.name, entry.value);
    return {
      name: entry.name,
      line: entry.line,
      message,
      state: message ? "unusable" : known.has(entry.name) ? "there" : "new",
    };
  });
  page.signal.addEventListener("abort", () => values.clear());
  const list = table("What the file holds", COLUMNS, (r) => `${r.line} ${r.name}`);
  const there = rows.filter((r) => r.state === "there").length;
  const existing = select(
    [
      ["skip", "leave as they are"],
      ["rotate", "get a new version"],
    ],
    "skip",
  );
  const said = h("p", { class: "tally", role: "status", tabindex: "-1" });
  const alert = h("div", { role: "alert" });
  const progress = h("progress", {
    max: String(rows.length),
    "aria-label": "Import",
    hidden: true,
  });
  const send = h("button", { type: "button", class: "button primary" });
  const discard = button("Discard", () => {
    values.clear();
    again();
  });
  const waiting = () => rows.filter((r) => r.state === "new" || r.state === "there");
  const willSend = () =>
    waiting().filter((r) => r.state === "new" || existing.value === "rotate").length;
  const show = () => {
    list.update(rows);
    const left = willSend();
    const stored = rows.filter((r) => r.state === "stored").length;
    progress.value = rows.filter((r) => !["new", "there", "sending"].includes(r.state)).length;
    put(send, `Import ${count(left, "secret")}`);
    put(
      said,
      stored ? `${stored} of ${count(rows.length, "name")} stored` : count(rows.length, "name"),
    );
  };

  function finish() {
    for (const part of [send, progress, choice?.element]) if (part) part.hidden = true;
    put(discard, "Import another file");
    const stored = rows.filter((r) => r.state === "stored").length;
    put(
      said,
      `Done: ${stored} stored, ${rows.length - stored} not. Nothing of the file is kept here. `,
      link("/secrets", "See all secrets"),
    );
    said.focus();
  }

  let busy = false;
  send.addEventListener("click", async () => {
    if (busy) return;
    busy = true;
    send.setAttribute("aria-disabled", "true");
    progress.hidden = false;
    put(alert);
    try {
      await sendAll(page, waiting(), values, existing.value, show);
      show();
      finish();
    } catch (error) {
      if (page.signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      put(alert, h("div", { class: "box bad" }, pauseReason(error)));
      show();
    } finally {
      busy = false;
      send.removeAttribute("aria-disabled");
    }
  });
  existing.addEventListener("change", show);
  const choice = there
    ? field(`${count(there, "name")} ${there === 1 ? "is" : "are"} there already and`, existing)
    : null;
  show();
  return [
    said,
    list.element,
    choice?.element,
    progress,
    alert,
    h("div", { class: "actions" }, send, discard),
  ];
}

export function importPage(page) {
  const stage = h("div", { class: "stage" });
  const begin = () => {
    const source = intake((text) => {
      const parsed = parseDotenv(text);
      if (parsed.problem) {
        const { line, message } = parsed.problem;
        source.fail(`Line ${line}: ${message}; nothing was read`);
        return;
      }
      if (!parsed.entries.length) {
        source.fail("There is no NAME=value in it");
        return;
      }
      page.load(
        () => get("/secrets", { signal: page.signal }),
        (secrets) => {
          queueMicrotask(() => stage.querySelector(".button.primary")?.focus());
          return preview(page, parsed, new Set(secrets.map((s) => s.name)), begin);
        },
        stage,
      );
    });
    put(stage, source.element);
    source.focus();
  };
  put(page.body, backTo("/secrets", "All secrets"), stage);
  begin();
}
