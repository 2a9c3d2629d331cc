// The audit log: filtered, paged, its chain verified, exported.
import { call, get, post } from "./api.mjs";
import { EVENTS } from "./audit_events.mjs";
import {
  button,
  empty,
  fill,
  freshId,
  h,
  link,
  mono,
  outside,
  put,
  saveFile,
  time,
} from "./dom.mjs";
import { input } from "./form.mjs";
import { attempt } from "./page.mjs";
import { go, path, withQuery } from "./router.mjs";
import { plainTable } from "./table.mjs";
import { count, fromLocal, toLocal } from "./text.mjs";

const AT_ONCE = 100;
const dash = () => h("span", { class: "muted" }, "–");

const ofSecret = (r) => r.event.startsWith("secret.") && r.subject;

/** A secret leads to its page; of tokens, templates and the like there is the name. */
function nameOf(r) {
  if (!r.name) return dash();
  return [
    ofSecret(r) ? link(path("secrets", r.subject), mono(r.name)) : outside(r.name),
    r.version ? h("span", { class: "muted" }, ` v${r.version}`) : null,
  ];
}

const COLUMNS = [
  { label: "No.", kind: "number", head: true, cell: (r) => String(r.sequence) },
  { label: "Time", cell: (r) => time(r.at, { seconds: true }) },
  { label: "Event", cell: (r) => h("span", { title: EVENTS[r.event] ?? null }, r.event) },
  { label: "Name", kind: "text", cell: nameOf },
  {
    label: "Job",
    kind: "id",
    cell: (r) => (r.job ? link(path("jobs", r.job), mono(r.job)) : dash()),
  },
  { label: "By", kind: "id", cell: (r) => (r.actor ? mono(r.actor) : dash()) },
  { label: "From", kind: "id", cell: (r) => (r.address ? mono(r.address) : dash()) },
  { label: "Details", kind: "text", cell: (r) => details(r) },
];

const SHOWN_ELSEWHERE = new Set([
  "sequence",
  "at",
  "event",
  "name",
  "version",
  "job",
  "actor",
  "address",
  "mac",
  "requestId",
]);

/** Whatever else a record holds. */
function details(record) {
  const known = ofSecret(record) || record.subject === record.job;
  const rest = Object.entries(record).filter(
    ([key, value]) => value && !SHOWN_ELSEWHERE.has(key) && !(known && key === "subject"),
  );
  if (!rest.length) return dash();
  return rest.map(([key, value], at) => [
    at ? ", " : "",
    h("span", { class: "muted" }, `${key} `),
    outside(value),
  ]);
}

const FILTERS = ["event", "name", "job", "actor", "since", "until"];

function filters(query) {
  const list = h(
    "datalist",
    { id: freshId("events") },
    Object.keys(EVENTS).map((name) => h("option", { value: name })),
  );
  const text = (label, key, more = {}) =>
    input({
      "aria-label": label,
      placeholder: label,
      value: query[key] ?? "",
      maxlength: "128",
      ...more,
    });
  const event = text("Event", "event", { list: list.id });
  const name = text("Name", "name");
  const job = text("Job", "job");
  const actor = text("By (token id)", "actor");
  const since = input({ type: "datetime-local", "aria-label": "Since" });
  const until = input({ type: "datetime-local", "aria-label": "Until" });
  since.value = toLocal(query.since);
  until.value = toLocal(query.until);
  const element = h(
    "form",
    { class: "toolbar", role: "search", "aria-label": "Audit log", autocomplete: "off" },
    event,
    list,
    name,
    job,
    actor,
    h("label", { class: "inline" }, "from ", since),
    h("label", { class: "inline" }, "to ", until),
    h("button", { type: "submit", class: "button" }, "Filter"),
    Object.keys(query).length ? link("/audit", "Clear") : null,
  );
  element.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    go(
      withQuery("/audit", {
        event: event.value.trim(),
        name: name.value.trim(),
        job: job.value.trim(),
        actor: actor.value.trim(),
        since: fromLocal(since.value),
        until: fromLocal(until.value),
      }),
    );
  });
  return element;
}

function verdict(got) {
  if (got.valid) {
    const records = count(got.records, "record");
    return h(
      "div",
      { class: "box good" },
      h(
        "p",
        {},
        h("strong", {}, "The chain is whole."),
        ` ${records}: none was changed or taken out.`,
      ),
      h("p", {}, "Head ", mono(got.head)),
    );
  }
  return h(
    "div",
    { class: "box bad" },
    h(
      "p",
      {},
      h("strong", {}, "The chain is broken."),
      ` Record ${got.firstBad ?? "?"} does not fit.`,
    ),
    h("p", {}, "Keep the database as it is, and compare it with exports and checkpoints."),
  );
}

/** One page, and the number to go on from; the server says so also when a filter found little. */
async function fetchPage(signal, query) {
  const answer = await call("GET", "/audit", {
    signal,
    query: { sort: "newest_first", limit: AT_ONCE, ...query },
  });
  return { records: await answer.json(), next: answer.headers.get("X-Audit-Next") };
}

function pageOf({ records, next }, wanted, before) {
  const pager = h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    before ? link(withQuery("/audit", wanted), "« Newest") : null,
    next ? link(withQuery("/audit", { ...wanted, before: next }), "Older ›") : null,
  );
  if (records.length) return [plainTable("Audit records", COLUMNS, records), pager];
  return next
    ? [empty("Nothing so far", "Older records were not looked at yet."), pager]
    : empty("No record fits", "Widen the filter, or clear it.", link("/audit", "All records"));
}

export function auditPage(page, { query }) {
  const { before } = query;
  const wanted = Object.fromEntries(FILTERS.filter((f) => f in query).map((f) => [f, query[f]]));
  const result = h("div", { role: "status" });
  fill(page.actions, [
    button("Signed checkpoint", () =>
      attempt(async () => {
        const answer = await call("POST", "/audit/checkpoint", { signal: page.signal });
        saveFile(await answer.blob(), "safelight-audit.checkpoint", "text/plain");
      }),
    ),
    button("Export", () =>
      attempt(async () => {
        const answer = await call("GET", "/audit/export", { signal: page.signal, deadline: 0 });
        saveFile(await answer.blob(), "safelight-audit.ndjson", "application/x-ndjson");
      }),
    ),
    button(
      "Verify chain",
      () =>
        attempt(async () => {
          put(result, h("p", { class: "muted" }, "Verifying…"));
          try {
            put(result, verdict(await get("/audit/verify", { signal: page.signal, deadline: 0 })));
          } catch (error) {
            put(result);
            throw error;
          }
        }),
      { kind: "primary" },
    ),
  ]);
  const rows = h("div", {});
  put(page.body, result, filters(wanted), rows);
  page.load(
    () => fetchPage(page.signal, { before, ...wanted }),
    (got) => pageOf(got, wanted, before),
    rows,
  );
}
