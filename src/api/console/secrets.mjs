// The list of secrets: names and what is known about them; never a value.
import { Problem, get } from "./api.mjs";
import { badge, button, empty, fill, h, link, mono, put, time } from "./dom.mjs";
import { input } from "./form.mjs";
import { expiry, policySummary } from "./policy.mjs";
import { path } from "./router.mjs";
import { table } from "./table.mjs";
import { count, visible } from "./text.mjs";

// Rows in the page, of up to 100,000; as many as the server counts the jobs of in one call.
const AT_ONCE = 100;
const JOBS_COUNTED = 100; // of each

/** How many jobs refer to it; its own page has them. */
function jobs(s) {
  if (!s.uses) return h("span", { class: "muted" }, s.uses === null ? "–" : "…");
  if (!s.uses.jobs) return h("span", { class: "muted" }, "none");
  const all =
    s.uses.jobs < JOBS_COUNTED ? count(s.uses.jobs, "job") : `${JOBS_COUNTED} or more jobs`;
  return [
    link(path("secrets", s.id), all),
    s.uses.waiting ? [" ", badge("busy", `${s.uses.waiting} waiting`)] : null,
  ];
}

const COLUMNS = [
  {
    label: "Name",
    head: true,
    kind: "name",
    cell: (s) => link(path("secrets", s.id), mono(s.name)),
  },
  { label: "Version", kind: "number", cell: (s) => String(s.version) },
  { label: "Updated", cell: (s) => time(s.updatedAt) },
  { label: "Created", kind: "wide", cell: (s) => time(s.createdAt) },
  { label: "Last used", cell: (s) => time(s.lastUsedAt) },
  { label: "Used by", cell: jobs },
  { label: "Expires", cell: (s) => expiry(s.policy?.expiresAt) },
  { label: "Policy", kind: "text", cell: (s) => policySummary(s.policy) },
];

function newActions() {
  const add = link("/secrets/new", "New secret");
  add.className = "button primary";
  const bring = link("/secrets/import", "Import .env");
  bring.className = "button";
  return [bring, add];
}

function list(page, secrets) {
  const rows = table("Secrets of the team", COLUMNS, (s) => s.id);
  const filter = input({
    type: "search",
    class: "search",
    "aria-label": "Find by name",
    placeholder: "Find by name",
  });
  const said = h("p", { class: "muted tally", role: "status" });
  const more = button("Show more", () => {
    shown += AT_ONCE;
    update();
  });
  let shown = AT_ONCE;
  const uses = new Map(); // id -> what is known of its jobs; undefined: asked for, null: unknown

  /** Asks for the jobs of what is shown, apart from the list, which does not wait for it. */
  async function countUses(visible) {
    const ids = visible.map((s) => s.id).filter((id) => !uses.has(id));
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const some = ids.slice(at, at + AT_ONCE);
      for (const id of some) uses.set(id, undefined);
      try {
        const query = { ids: some.join(",") };
        const got = await get("/secrets/jobs", { signal: page.signal, query });
        for (const id of some) uses.set(id, null);
        for (const found of got) uses.set(found.id, found);
      } catch (error) {
        if (page.signal.aborted) return;
        if (!(error instanceof Problem)) throw error;
        for (const id of some) uses.set(id, null); // the list is good without it
      }
      update();
    }
  }

  function update() {
    const wanted = filter.value.trim().toLowerCase();
    const found = wanted ? secrets.filter((s) => s.name.toLowerCase().includes(wanted)) : secrets;
    const visible = found.slice(0, shown);
    rows.update(visible.map((s) => ({ ...s, uses: uses.get(s.id) })));
    countUses(visible);
    more.hidden = found.length <= shown;
    put(
      said,
      wanted
        ? `${count(found.length, "secret")} of ${secrets.length.toLocaleString("en")} found`
        : count(secrets.length, "secret"),
      found.length > shown ? `, the first ${shown} shown` : "",
    );
  }

  filter.addEventListener("input", () => {
    shown = AT_ONCE;
    update();
  });
  update();
  return [
    h("div", { class: "toolbar" }, filter, said),
    rows.element,
    h("p", { class: "actions" }, more),
  ];
}

export function secretsPage(page) {
  fill(page.actions, newActions());
  page.load(
    () => get("/secrets", { signal: page.signal }),
    (secrets) =>
      secrets.length
        ? list(page, secrets)
        : empty("No secrets yet", [
            "A secret is stored once and used in jobs as ",
            h("code", {}, visible("${secret.NAME}")),
            ". Nobody can read it back, not even you.",
          ]),
  );
}
