// One secret: versions, jobs, policy, and what can be done with it.
import { del, get, post } from "./api.mjs";
import { confirm } from "./dialog.mjs";
import { badge, button, empty, facts, fill, h, link, mono, put, time } from "./dom.mjs";
import { backTo } from "./form.mjs";
import { attempt, tell, tellNext } from "./page.mjs";
import { expiry, policyFacts } from "./policy.mjs";
import { go, path } from "./router.mjs";
import { stateBadge } from "./job_state.mjs";
import { plainTable } from "./table.mjs";
import { count, visible } from "./text.mjs";

const JOBS_SHOWN = 50;
const WAITING_ASKED = 100;

function jobList(secret, jobs) {
  if (!jobs.length)
    return empty("No job refers to it", "Jobs that do are listed here, the newest first.");
  return [
    plainTable(
      "Jobs that refer to this secret",
      [
        {
          label: "Job",
          head: true,
          cell: (j) => link(path("jobs", j.id), h("span", { class: "mono" }, j.id)),
        },
        { label: "State", cell: (j) => stateBadge(j.status) },
        { label: "Created", cell: (j) => time(j.createdAt) },
        {
          label: "Places",
          kind: "text",
          cell: (j) => j.fields.map((f, at) => [at ? ", " : "", mono(f)]),
        },
      ],
      jobs,
    ),
    jobs.length === JOBS_SHOWN
      ? h("p", { class: "muted" }, `The newest ${JOBS_SHOWN} are shown.`)
      : null,
  ];
}

function versionList(page, secret, versions, reload) {
  const back = async (v) => {
    const sure = await confirm(
      `Go back to version ${v.version}?`,
      [
        h(
          "p",
          {},
          mono(secret.name),
          ` gets a new version, ${secret.version + 1}, with the value of version ${v.version}.`,
        ),
        h(
          "p",
          {},
          "Jobs that wait use it from then on. Version ",
          String(secret.version),
          " stays in the list.",
        ),
      ],
      `Go back to version ${v.version}`,
      { danger: false },
    );
    if (!sure) return;
    await attempt(async () => {
      const made = await post(`${path("secrets", secret.id)}/rollback`, { version: v.version });
      reload();
      tell("Version ", String(made.version), ` has the value of version ${v.version}.`);
    });
  };
  return plainTable(
    "Versions",
    [
      { label: "Version", head: true, kind: "number", cell: (v) => String(v.version) },
      { label: "Created", cell: (v) => time(v.createdAt) },
      {
        label: "Use",
        cell: (v) =>
          v.current
            ? badge("good", "current")
            : button("Roll back to this", () => back(v), {
                kind: "small",
                "aria-label": `Roll back to version ${v.version}`,
              }),
      },
    ],
    [...versions].sort((a, b) => b.version - a.version),
  );
}

/** What a person should know before it is gone. */
function consequence(secret, waiting) {
  const said = [
    h(
      "p",
      {},
      mono(secret.name),
      secret.version === 1 ? " is destroyed." : ` and all its versions are destroyed.`,
      " This cannot be undone.",
    ),
  ];
  if (!waiting.length) return [...said, h("p", {}, "No waiting job needs it.")];
  const all = waiting.length < WAITING_ASKED;
  return [
    ...said,
    h(
      "p",
      {},
      h(
        "strong",
        {},
        all
          ? `${count(waiting.length, "waiting job")} ${waiting.length === 1 ? "needs" : "need"} it`
          : `${WAITING_ASKED} or more waiting jobs need it`,
      ),
      " and will end as an error:",
    ),
    h(
      "ul",
      { class: "needed" },
      waiting.slice(0, 10).map((j) => h("li", { class: "mono" }, j.id)),
      waiting.length > 10 ? h("li", {}, all ? `and ${waiting.length - 10} more` : "…") : null,
    ),
  ];
}

async function remove(secret) {
  await attempt(async () => {
    const jobs = await get(`${path("secrets", secret.id)}/jobs`, {
      query: { limit: WAITING_ASKED, waiting: true },
    });
    const sure = await confirm(
      "Delete this secret?",
      consequence(
        secret,
        jobs.filter((j) => j.waiting),
      ),
      "Delete secret",
    );
    if (!sure) return;
    await del(path("secrets", secret.id));
    tellNext("Deleted ", mono(secret.name), ".");
    go("/secrets");
  });
}

function section(title, ...content) {
  return h("section", {}, h("h2", {}, title), content);
}

export async function findSecret(id, signal, options = {}) {
  const all = await get("/secrets", { signal, ...options });
  return all.find((s) => s.id === id) ?? null;
}

/** How a job refers to it. */
function reference(secret) {
  return h("code", {}, visible(`\${secret.${secret.name}}`));
}

export function secretPage(page, { id }) {
  const reload = () =>
    page.load(
      async () => {
        const secret = await findSecret(id, page.signal);
        if (!secret) return null;
        const at = path("secrets", secret.id);
        const [versions, jobs] = await Promise.all([
          get(`${at}/versions`, { signal: page.signal }),
          get(`${at}/jobs`, { signal: page.signal, query: { limit: JOBS_SHOWN } }),
        ]);
        return { secret, versions, jobs };
      },
      (got) => {
        if (!got)
          return empty(
            "No such secret",
            "It was deleted, or the address is wrong.",
            link("/secrets", "All secrets"),
          );
        const { secret, versions, jobs } = got;
        page.title(secret.name, mono(secret.name));
        put(page.actions);
        const rotate = link(`${path("secrets", id)}/rotate`, "New value");
        rotate.className = "button primary";
        const policy = link(`${path("secrets", id)}/policy`, "Edit policy");
        policy.className = "button";
        fill(page.actions, [
          button("Delete", () => remove(secret), { kind: "danger" }),
          policy,
          rotate,
        ]);
        return [
          backTo("/secrets", "All secrets"),
          facts([
            ["Version", String(secret.version)],
            ["Updated", time(secret.updatedAt)],
            ["Created", time(secret.createdAt)],
            ["Last used", time(secret.lastUsedAt)],
            ["Expires", expiry(secret.policy?.expiresAt)],
            ["In a job", reference(secret)],
          ]),
          section("Policy", policyFacts(secret.policy)),
          section("Versions", versionList(page, secret, versions, reload)),
          section("Jobs that use it", jobList(secret, jobs)),
        ];
      },
    );
  reload();
}
