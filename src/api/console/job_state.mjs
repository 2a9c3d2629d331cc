// How a job's state is called and shown.
import { badge, h } from "./dom.mjs";

export const STATES = [
  ["queued", "Queued", "idle"],
  ["pending", "Waiting for nested jobs", "idle"],
  ["render:dorender", "Rendering", "busy"],
  ["finished", "Finished", "good"],
  ["error", "Error", "bad"],
  ["manually_cancelled", "Cancelled", "off"],
];

const known = new Map(STATES.map(([state, label, kind]) => [state, { label, kind }]));

export const hasEnded = (status) => ["finished", "error", "manually_cancelled"].includes(status);

export function stateLabel(status) {
  return known.get(status)?.label ?? status;
}

export function stateBadge(status) {
  return badge(known.get(status)?.kind ?? "idle", stateLabel(status));
}

/** A bar while there is something to wait for. */
export function progressBar(job) {
  const percent = Math.round(job.progress ?? 0);
  if (job.status !== "render:dorender") {
    return h(
      "span",
      { class: "muted" },
      job.status === "finished" ? "100 %" : percent ? `${percent} %` : "–",
    );
  }
  return h(
    "span",
    { class: "bar" },
    h("progress", { max: "100", value: percent, "aria-label": "Progress" }),
    ` ${percent} %`,
  );
}
