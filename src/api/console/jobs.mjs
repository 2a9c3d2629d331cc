// The list of jobs. It looks again by itself, and not while nobody looks at it.
import { get } from "./api.mjs";
import { badge, button, empty, fill, h, link, put, time } from "./dom.mjs";
import { input, select } from "./form.mjs";
import { STATES, hasEnded, progressBar, stateBadge } from "./job_state.mjs";
import { watch } from "./live.mjs";
import { showTrouble } from "./page.mjs";
import { go, goInstead, path, withQuery } from "./router.mjs";
import { table } from "./table.mjs";
import { duration, fromLocal, toLocal } from "./text.mjs";

const AT_ONCE = 50;

const COLUMNS = [
  {
    label: "Job",
    head: true,
    kind: "name",
    cell: (j) => link(path("jobs", j.id), h("span", { class: "mono" }, j.id)),
  },
  { label: "State", cell: (j) => stateBadge(j.status) },
  { label: "Progress", cell: progressBar },
  { label: "Created", cell: (j) => time(j.stats?.createdAt) },
  {
    label: "Ended",
    cell: (j) =>
      time(j.stats?.finishedAt ?? (hasEnded(j.status) ? j.stats?.updatedAt : null), { none: "–" }),
  },
  {
    label: "Render time",
    kind: "number wide",
    cell: (j) =>
      j.stats?.renderDuration
        ? duration(j.stats.renderDuration)
        : h("span", { class: "muted" }, "–"),
  },
];

/** The filters of the address, and their controls. */
function filters(query) {
  const state = select(
    [
      ["", "All states"],
      ["queued,pending,render:dorender", "Not ended"],
      ...STATES.map(([key, label]) => [key, label]),
    ],
    query.states ?? "",
    { "aria-label": "State" },
  );
  const tags = input({
    "aria-label": "Tags",
    placeholder: "Tags",
    value: query.tags ?? "",
    maxlength: "256",
  });
  const since = input({ type: "datetime-local", "aria-label": "Created since" });
  const until = input({ type: "datetime-local", "aria-label": "Created until" });
  since.value = toLocal(query.from_date);
  until.value = toLocal(query.to_date);
  const apply = h("button", { type: "submit", class: "button" }, "Filter");
  const element = h(
    "form",
    { class: "toolbar", role: "search", "aria-label": "Jobs", autocomplete: "off" },
    state,
    tags,
    h("label", { class: "inline" }, "from ", since),
    h("label", { class: "inline" }, "to ", until),
    apply,
    Object.keys(query).length ? link("/jobs", "Clear") : null,
  );
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    go(
      withQuery("/jobs", {
        states: state.value,
        tags: tags.value.trim(),
        from_date: fromLocal(since.value),
        to_date: fromLocal(until.value),
      }),
    );
  });
  state.addEventListener("change", () => element.requestSubmit());
  return element;
}

function pager(query, from, shown, full) {
  const to = (start) => withQuery("/jobs", { ...query, from: start || "" });
  return [
    from
      ? button("‹ Newer", () => goInstead(to(Math.max(0, from - AT_ONCE))), { kind: "small" })
      : null,
    h("span", { class: "muted" }, shown ? `${from + 1} to ${from + shown}` : ""),
    full ? button("Older ›", () => goInstead(to(from + AT_ONCE)), { kind: "small" }) : null,
  ];
}

export function jobsPage(page, { query }) {
  const from = Math.max(0, Number.parseInt(query.from ?? "0", 10) || 0);
  const { from: _, ...wanted } = query;
  const live = badge("live", "Live");
  live.title = "This list updates by itself";
  fill(page.actions, live);
  const rows = table("Jobs", COLUMNS, (j) => j.id);
  const place = h("div", {});
  const pages = h("nav", { class: "pager", "aria-label": "Pages" });
  put(page.body, filters(wanted), place, pages);

  function show(jobs) {
    const more = jobs.length > AT_ONCE;
    const shown = jobs.slice(0, AT_ONCE);
    const moved = rows.update(shown);
    if (!shown.length) {
      put(
        place,
        Object.keys(query).length
          ? empty("No job fits", "Widen the filter, or clear it.", link("/jobs", "All jobs"))
          : empty("No jobs yet", [
              "Jobs appear here once they are submitted: ",
              h("code", {}, "safelight job submit FILE"),
              " or POST /jobs.",
            ]),
      );
    } else if (rows.element.parentNode !== place) {
      put(place, rows.element);
    }
    const said = `${from} ${shown.length} ${more}`;
    if (pages.dataset.said !== said) {
      pages.dataset.said = said;
      put(pages, pager(wanted, from, shown.length, more));
    }
    return moved;
  }

  const look = (background = false) =>
    get("/jobs", {
      signal: page.signal,
      background,
      query: { sort: "newest_first", limit: AT_ONCE + 1, from, ...wanted },
    });
  page.load(
    () => look(),
    (jobs) => {
      const watching = watch(page.signal, async (background) => show(await look(background)), {
        trouble: (problem) => showTrouble(problem, () => watching.now()),
      });
      show(jobs);
      return place.childNodes.length ? [...place.childNodes] : null;
    },
    place,
  );
}
