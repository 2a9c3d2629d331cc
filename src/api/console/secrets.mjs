// The list of secrets: names and what is known about them; never a value.
import { get } from "./api.mjs";
import { empty, fill, h, link, put, time } from "./dom.mjs";
import { input } from "./form.mjs";
import { expiry, policySummary } from "./policy.mjs";
import { path } from "./router.mjs";
import { table } from "./table.mjs";
import { count, visible } from "./text.mjs";
import { button } from "./dom.mjs";

const AT_ONCE = 100; // rows in the page; a team may have 100,000 secrets

const COLUMNS = [
  {
    label: "Name",
    head: true,
    kind: "name",
    cell: (s) => link(path("secrets", s.id), h("bdi", { class: "mono" }, s.name)),
  },
  { label: "Version", kind: "number", cell: (s) => String(s.version) },
  { label: "Updated", cell: (s) => time(s.updatedAt) },
  { label: "Created", kind: "wide", cell: (s) => time(s.createdAt) },
  { label: "Last used", cell: (s) => time(s.lastUsedAt) },
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

function list(secrets) {
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

  function update() {
    const wanted = filter.value.trim().toLowerCase();
    const found = wanted ? secrets.filter((s) => s.name.toLowerCase().includes(wanted)) : secrets;
    rows.update(found.slice(0, shown));
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
        ? list(secrets)
        : empty("No secrets yet", [
            "A secret is stored once and used in jobs as ",
            h("code", {}, visible("${secret.NAME}")),
            ". Nobody can read it back, not even you.",
          ]),
  );
}
