// API tokens: made here, shown once, listed without what makes them tokens, revoked.
import { del, get, post } from "./api.mjs";
import { confirm } from "./dialog.mjs";
import { badge, button, empty, fill, h, link, mono, outside, put, time } from "./dom.mjs";
import { backTo, field, form, input, invalid, select } from "./form.mjs";
import { attempt, tell } from "./page.mjs";
import { expiry } from "./policy.mjs";
import { path } from "./router.mjs";
import { session } from "./session.mjs";
import { table } from "./table.mjs";
import { count } from "./text.mjs";

export const ROLES = [
  ["submit", "submit: submit and read jobs"],
  ["worker", "worker: lease and render jobs"],
  ["editor", "editor: secrets and jobs; may sign in here"],
  ["admin", "admin: everything of the team; may sign in here"],
  ["audit", "audit: read the audit log"],
];

const hasExpired = (t) => t.expiresAt && new Date(t.expiresAt) <= new Date();
/** Neither revoked nor expired; after a restore it may still be void. */
const isLive = (t) => !t.revokedAt && !hasExpired(t);
const isVoid = (t) => isLive(t) && Boolean(t.suspendedAt);

function state(t) {
  if (t.revokedAt) return [badge("off", "revoked"), " ", time(t.revokedAt)];
  if (isVoid(t)) return [badge("warn", "void since the restore"), " ", time(t.suspendedAt)];
  return expiry(t.expiresAt);
}

async function revoke(token, reload) {
  const own = token.id === session().token.id;
  const sure = await confirm(
    "Revoke this token?",
    [
      h(
        "p",
        {},
        outside(token.name || token.id, token.name ? "" : "mono"),
        " is refused from the next request on. This cannot be undone.",
      ),
      own
        ? h("p", {}, h("strong", {}, "You are signed in with it: you will be signed out."))
        : null,
      token.role === "worker"
        ? h("p", {}, "Its workers lose the jobs they are rendering; those are queued again.")
        : null,
    ],
    "Revoke token",
  );
  if (!sure) return;
  await attempt(async () => {
    await del(path("tokens", token.id));
    await reload();
    tell("Revoked ", outside(token.name || token.id), ".");
  });
}

/** After a restore no old token is good until somebody with the server's own shell says so. */
function restored(tokens) {
  const waiting = tokens.filter(isVoid).length;
  if (!waiting) return null;
  return h(
    "div",
    { class: "box warn" },
    h(
      "p",
      {},
      `${count(waiting, "token")} ${waiting === 1 ? "is" : "are"} void since this installation was`,
      " restored from a backup. On the server ",
      h("code", {}, "safelight token approve ID --data DIR --team TEAM"),
      " makes one good again; revoke those that nobody needs.",
    ),
  );
}

function columns(reload) {
  return [
    {
      label: "Name",
      head: true,
      kind: "name",
      cell: (t) => [
        t.name ? outside(t.name) : h("span", { class: "muted" }, "unnamed"),
        t.id === session().token.id ? [" ", badge("idle", "this session")] : null,
      ],
    },
    { label: "Id", kind: "wide", cell: (t) => mono(t.id) },
    { label: "Role", cell: (t) => t.role },
    { label: "Secrets", kind: "text", cell: (t) => mono(t.names) },
    {
      label: "Addresses",
      kind: "text",
      cell: (t) => (t.addresses ? mono(t.addresses) : h("span", { class: "muted" }, "any")),
    },
    { label: "Created", kind: "wide", cell: (t) => time(t.createdAt) },
    { label: "Last used", cell: (t) => time(t.lastUsedAt) },
    { label: "Expires", cell: state },
    {
      label: "Revoke",
      quiet: true,
      kind: "act",
      cell: (t) =>
        isLive(t)
          ? button("Revoke", () => revoke(t, reload), {
              kind: "small danger",
              "aria-label": `Revoke ${t.name || t.id}`,
            })
          : null,
    },
  ];
}

export function tokensPage(page) {
  const make = link("/tokens/new", "New API token");
  make.className = "button primary";
  fill(page.actions, make);
  let all = false;
  const load = () => get("/tokens", { signal: page.signal });
  const rows = table(
    "API tokens of the team",
    columns(async () => show(await load())),
    (t) => t.id,
  );
  const tally = h("p", { class: "tally muted", role: "status" });
  const note = h("div", {});
  const toggle = button(
    "",
    () => {
      all = !all;
      show(kept);
    },
    { kind: "small" },
  );
  let kept = [];

  function show(tokens) {
    kept = tokens;
    const live = tokens.filter(isLive);
    const dead = tokens.length - live.length;
    rows.update(all ? tokens : live);
    put(note, restored(tokens));
    put(tally, count(live.filter((t) => !isVoid(t)).length, "token"), " in use");
    toggle.hidden = !dead;
    put(toggle, all ? "Hide" : "Show", ` ${dead} revoked or expired`);
  }

  page.load(load, (tokens) => {
    show(tokens);
    return tokens.length
      ? [note, h("div", { class: "toolbar" }, tally, toggle), rows.element]
      : empty("No tokens", "Programs, workers and people each get one of their own.");
  });
}

function copyButton(control) {
  const said = h("span", { class: "held", role: "status" });
  return [
    button(
      "Copy",
      async () => {
        try {
          await navigator.clipboard.writeText(control.value);
          put(said, "Copied.");
        } catch {
          control.select();
          put(said, "Selected: copy it with Ctrl+C.");
        }
      },
      { kind: "primary" },
    ),
    said,
  ];
}

/** The only time a token is shown. */
function reveal(page, made) {
  page.title("Your new API token");
  const control = input({ class: "mono token", readonly: true, id: "made-token" });
  control.value = made.token;
  page.signal.addEventListener("abort", () => {
    control.value = "";
  });
  const done = link("/tokens", "Done");
  done.className = "button";
  put(
    page.body,
    h(
      "div",
      { class: "box warn" },
      h("p", {}, "This is the only time it is shown. Put it where it is used, now."),
    ),
    h(
      "div",
      { class: "form" },
      h("label", { for: "made-token" }, made.name ? ["Token of ", outside(made.name)] : "Token"),
      h("div", { class: "copy" }, control, copyButton(control)),
      h(
        "p",
        { class: "hint" },
        `Role ${made.role}; expires `,
        time(made.expiresAt),
        "; secrets ",
        mono(made.names),
      ),
      h("div", { class: "actions" }, done),
    ),
  );
  document.querySelector("h1").focus();
}

export function newTokenPage(page) {
  const name = field("Name", input({ maxlength: "100" }), {
    at: "name",
    optional: true,
    hint: "What uses it: ci, node-7, Ada.",
  });
  const role = field("Role", select(ROLES, "submit"), { at: "role" });
  const names = field("Secrets it may use", input({ class: "mono", maxlength: "200" }), {
    at: "names",
    optional: true,
    hint: "*, one name, or a beginning as in prod/*. Empty: as the token you signed in with.",
  });
  const days = field(
    "Days until it expires",
    input({ inputmode: "numeric", value: "90", class: "short" }),
    { at: "expiresInDays", hint: "1 to 3650." },
  );
  const addresses = field(
    "Addresses it is valid from",
    input({ class: "mono", maxlength: "300" }),
    { at: "addresses", optional: true, hint: "A comma list, as in 10.0.0.0/8, 2001:db8::/32." },
  );
  const made = form({
    fields: [name, role, names, days, addresses],
    action: () => "Make token",
    cancel: "/tokens",
    async submit() {
      if (!/^\d{1,4}$/.test(days.read()))
        throw invalid([["expiresInDays", "Must be a whole number from 1 to 3650"]]);
      const body = { role: role.read(), expiresInDays: Number(days.read()) };
      for (const [key, f] of [
        ["name", name],
        ["names", names],
        ["addresses", addresses],
      ])
        if (f.read()) body[key] = f.read();
      reveal(page, await post("/tokens", body, { signal: page.signal }));
    },
    explain(problem) {
      if (problem.code === "FORBIDDEN")
        return "A token cannot make one that lives longer or may do more than itself.";
      if (problem.kind !== "unreachable") return null;
      return [
        "The server does not answer. What you typed is still here. If the token was made all the",
        " same, nobody has seen it: the ",
        link("/tokens", "list"),
        " shows it, revoke it there.",
      ];
    },
  });
  put(page.body, backTo("/tokens", "All tokens"), made.element);
}
