// Tables that are tables for everyone, become cards on a narrow screen, and change in place.
import { fill, h } from "./dom.mjs";

/** columns: [{label, cell(row), head?, kind?, quiet?}]; `head` marks the row's own header, `quiet`
 * a column whose label only screen readers need. Roles are explicit: cards change `display`. */
export function table(caption, columns, key) {
  const body = h("tbody", { role: "rowgroup" });
  const element = h(
    "table",
    { class: "table", role: "table" },
    h("caption", { class: "visually-hidden" }, caption),
    h(
      "thead",
      { role: "rowgroup" },
      h(
        "tr",
        { role: "row" },
        columns.map((c) =>
          h(
            "th",
            { role: "columnheader", scope: "col", class: c.kind ?? null },
            c.quiet ? h("span", { class: "visually-hidden" }, c.label) : c.label,
          ),
        ),
      ),
    ),
    body,
  );
  const shown = new Map(); // key -> {row, said}

  function build(row) {
    return h(
      "tr",
      { role: "row" },
      columns.map((c) => {
        const attributes = { class: c.kind ?? null, "data-label": c.quiet ? null : c.label };
        const cell = c.head
          ? h("th", { scope: "row", role: "rowheader", ...attributes })
          : h("td", { role: "cell", ...attributes });
        return fill(cell, c.cell(row));
      }),
    );
  }

  function replace(old, fresh) {
    const within = old.contains(document.activeElement)
      ? [...old.querySelectorAll("a,button,input")].indexOf(document.activeElement)
      : -1;
    old.replaceWith(fresh);
    if (within >= 0) fresh.querySelectorAll("a,button,input")[within]?.focus();
  }

  /** Shows these rows; true when anything is different from before. */
  function update(rows) {
    let changed = shown.size !== rows.length;
    const wanted = new Set(rows.map(key));
    for (const [id, entry] of shown) {
      if (!wanted.has(id)) {
        entry.row.remove();
        shown.delete(id);
        changed = true;
      }
    }
    rows.forEach((row, index) => {
      const id = key(row);
      const said = JSON.stringify(row);
      let entry = shown.get(id);
      if (!entry || entry.said !== said) {
        const fresh = build(row);
        if (entry) replace(entry.row, fresh);
        entry = { row: fresh, said };
        shown.set(id, entry);
        changed = true;
      }
      if (body.children[index] !== entry.row)
        body.insertBefore(entry.row, body.children[index] ?? null);
    });
    return changed;
  }

  return { element, update };
}

/** A table that is written once. */
export function plainTable(caption, columns, rows) {
  let at = 0;
  const made = table(caption, columns, () => {
    at += 1;
    return at;
  });
  made.update(rows);
  return made.element;
}
