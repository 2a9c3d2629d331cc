// One job: its state, what it refers to, its deliveries, its log; cancelling and trying again.
import { get, patch, post } from "./api.mjs";
import { confirm } from "./dialog.mjs";
import { badge, button, external, facts, fill, h, link, mono, outside, put, time } from "./dom.mjs";
import { backTo } from "./form.mjs";
import { jobLog } from "./job_log.mjs";
import { hasEnded, progressBar, stateBadge, stateLabel } from "./job_state.mjs";
import { watch } from "./live.mjs";
import { attempt, showTrouble, tell } from "./page.mjs";
import { path } from "./router.mjs";
import { table } from "./table.mjs";
import { duration } from "./text.mjs";

const REFERENCES = [
  { label: "Place", head: true, kind: "text", cell: (r) => mono(r.field) },
  { label: "Secret", kind: "text", cell: (r) => mono(r.name) },
  { label: "Version", cell: (r) => (r.version === null ? "newest" : String(r.version)) },
  { label: "Used as", cell: (r) => r.sink },
  {
    label: "Host",
    kind: "text",
    cell: (r) => (r.host ? mono(r.host) : h("span", { class: "muted" }, "–")),
  },
  {
    label: "Seen by a worker",
    cell: (r) => (r.exposed ? badge("warn", "exposed") : badge("good", "no")),
  },
];

const DELIVERY_STATES = {
  due: ["busy", "due"],
  done: ["good", "delivered"],
  failed: ["bad", "failed"],
};

const DELIVERIES = [
  { label: "Delivery", head: true, cell: (d) => (d.kind === "upload" ? "Upload" : "Webhook") },
  { label: "State", cell: (d) => badge(...(DELIVERY_STATES[d.state] ?? ["idle", d.state])) },
  { label: "Attempts", kind: "number", cell: (d) => String(d.attempts) },
  { label: "Next attempt", cell: (d) => time(d.nextAttemptAt, { none: "–", seconds: true }) },
  { label: "Changed", cell: (d) => time(d.updatedAt, { seconds: true }) },
  {
    label: "What was said",
    kind: "text",
    cell: (d) => (d.message ? outside(d.message) : h("span", { class: "muted" }, "–")),
  },
];

function outputLink(job) {
  if (!job.outputUrl) return h("span", { class: "muted" }, "–");
  if (job.status !== "finished") return h("span", { class: "muted" }, "not there yet");
  let ours = false;
  try {
    const at = new URL(job.outputUrl);
    ours = at.pathname.startsWith("/o/") && at.searchParams.has("signature");
  } catch {
    // shown as text below
  }
  return ours
    ? external(job.outputUrl, "Download the output", { download: true, target: null })
    : external(job.outputUrl, outside(job.outputUrl, "mono"));
}

function jobFacts(job) {
  const s = job.stats;
  return facts([
    ["State", stateBadge(job.status)],
    ["Progress", progressBar(job)],
    ["Created", time(s.createdAt, { seconds: true })],
    ["Started", time(s.startedAt, { seconds: true, none: "not yet" })],
    hasEnded(job.status) && [
      "Ended",
      time(s.finishedAt ?? s.errorAt ?? s.updatedAt, { seconds: true }),
    ],
    s.renderDuration && ["Render time", duration(s.renderDuration)],
    ["Template", job.templateId ? mono(job.templateId) : h("span", { class: "muted" }, "none")],
    ["Output", outputLink(job)],
  ]);
}

async function cancel(job, after) {
  const running = job.status === "render:dorender";
  const sure = await confirm(
    "Cancel this job?",
    [
      h(
        "p",
        {},
        h("span", { class: "mono" }, job.id),
        running ? " is being rendered; its worker stops." : " waits; it will not be rendered.",
      ),
      h(
        "p",
        {},
        "Its nested jobs and the jobs that need it are cancelled as well. This cannot be undone.",
      ),
    ],
    "Cancel job",
  );
  if (!sure) return;
  await attempt(async () => {
    await patch(`${path("jobs", job.id)}/cancel${running ? "?running=true" : ""}`, undefined);
    await after();
    tell("The job was cancelled.");
  });
}

async function retry(job, after) {
  await attempt(async () => {
    await post(`${path("jobs", job.id)}/retry-delivery`, undefined);
    await after();
    tell("What had failed is tried again now.");
  });
}

const failedDelivery = (d) => d.state === "failed" || (d.attempts > 0 && d.nextAttemptAt);

/** The parts of the page that change, and how. */
function parts(page, id, again) {
  const state = h("div", {});
  const error = h("div", {});
  const references = table(
    "References to secrets",
    REFERENCES,
    (r) => `${r.field} ${r.name} ${r.version}`,
  );
  const deliveries = table("Deliveries", DELIVERIES, (d) => d.id);
  const noReferences = h("p", { class: "muted" }, "This job refers to no secret.");
  const noDeliveries = h("p", { class: "muted" }, "Nothing to deliver yet.");
  const announced = h("p", { class: "visually-hidden", role: "status" });
  let last = "";
  let lastStatus = null;

  function show({ job, refs, sent }) {
    const referencesMoved = references.update(refs);
    const deliveriesMoved = deliveries.update(sent);
    references.element.hidden = !refs.length;
    noReferences.hidden = refs.length > 0;
    deliveries.element.hidden = !sent.length;
    noDeliveries.hidden = sent.length > 0;
    const said = JSON.stringify([job, sent.some(failedDelivery)]);
    if (said === last) return referencesMoved || deliveriesMoved;
    last = said;
    put(state, jobFacts(job));
    put(
      error,
      job.stats.error
        ? h(
            "div",
            { class: "box bad" },
            h("h2", {}, "Why it failed"),
            h("p", { class: "said" }, outside(job.stats.error)),
          )
        : null,
    );
    showActions(job, sent);
    if (lastStatus !== null && lastStatus !== job.status)
      put(announced, `Job: ${stateLabel(job.status)}`);
    lastStatus = job.status;
    return true;
  }

  function showActions(job, sent) {
    const focused = page.actions.contains(document.activeElement);
    put(page.actions);
    fill(page.actions, [
      sent.some(failedDelivery) ? button("Retry delivery", () => retry(job, again)) : null,
      hasEnded(job.status)
        ? null
        : button("Cancel job", () => cancel(job, again), { kind: "danger" }),
    ]);
    if (focused) (page.actions.firstChild ?? document.querySelector("h1")).focus();
  }

  const section = (title, ...content) => h("section", {}, h("h2", {}, title), content);
  return {
    show,
    elements: [
      announced,
      state,
      error,
      section("References", references.element, noReferences),
      section("Deliveries", deliveries.element, noDeliveries),
    ],
  };
}

export function jobPage(page, { id }) {
  page.title(`Job ${id}`, "Job ", mono(id));
  const at = path("jobs", id);
  const fetchAll = async (background = false) => {
    const options = { signal: page.signal, background };
    const [job, refs, sent] = await Promise.all([
      get(at, options),
      get(`${at}/references`, options),
      get(`${at}/deliveries`, options),
    ]);
    return { job, refs, sent };
  };
  const log = jobLog(id, page.signal);
  let watching = null;
  const shown = parts(page, id, () => watching.now());

  async function look(background) {
    const got = await fetchAll(background);
    const moved = shown.show(got);
    const grown = await log.look(background);
    // A delivery may still be tried after the job's end, and its line comes into the log.
    const over = hasEnded(got.job.status) && !got.sent.some((d) => d.nextAttemptAt);
    return over && !moved && !grown ? false : moved || grown || !over;
  }

  page.load(
    async () => {
      const got = await fetchAll();
      await log.look();
      return got;
    },
    (got) => {
      shown.show(got);
      watching = watch(page.signal, look, {
        trouble: (problem) => showTrouble(problem, () => watching.now()),
      });
      return [backTo("/jobs", "All jobs"), shown.elements, log.element];
    },
  );
}
