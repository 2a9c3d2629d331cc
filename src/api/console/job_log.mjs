// A job's log as it grows: asked for by offset, so that nothing is sent twice.
import { Problem, call } from "./api.mjs";
import { button, fill, h, put, saveFile } from "./dom.mjs";
import { attempt } from "./page.mjs";
import { path } from "./router.mjs";
import { bytes, visibleLines } from "./text.mjs";

const SHOWN_BYTES = 1 << 20; // of a longer log the end is shown; the file has all of it
const NEAR_PX = 24;

export function jobLog(id, signal) {
  const address = `${path("jobs", id)}/logs`;
  const text = h("pre", {
    class: "log",
    tabindex: "0",
    role: "log",
    "aria-live": "off",
    "aria-label": "Log",
  });
  const said = h("span", { class: "muted" }, "nothing yet");
  const save = button(
    "Download log",
    () =>
      attempt(async () => {
        saveFile(
          await (await call("GET", address, { signal, deadline: 0 })).blob(),
          `${id}.log`,
          "text/plain",
        );
      }),
    { kind: "small", hidden: true },
  );
  let offset = 0;
  let total = 0;
  let chunks = [];
  let decoder = new TextDecoder();

  async function size(background) {
    const answer = await call("HEAD", address, { signal, background, query: { offset: 0 } });
    return Number(answer.headers.get("X-Log-Bytes")) || 0;
  }

  function add(data) {
    const near = text.scrollHeight - text.scrollTop - text.clientHeight < NEAR_PX;
    const piece = document.createTextNode(visibleLines(decoder.decode(data, { stream: true })));
    chunks.push([piece, data.byteLength]);
    text.append(piece);
    let held = chunks.reduce((sum, [, length]) => sum + length, 0);
    while (chunks.length > 1 && held > 2 * SHOWN_BYTES) {
      const [[old, length]] = chunks.splice(0, 1);
      old.remove();
      held -= length;
    }
    if (near) text.scrollTop = text.scrollHeight;
  }

  /** Fetches what is new; true when there was something. */
  async function look(background = false) {
    try {
      if (!offset) {
        total = await size(background);
        offset = Math.max(0, total - SHOWN_BYTES);
        if (offset)
          fill(put(text), [
            h("span", { class: "muted" }, `The first ${bytes(offset)} are not shown here.\n`),
          ]);
      }
      const answer = await call("GET", address, { signal, background, query: { offset } });
      total = Number(answer.headers.get("X-Log-Bytes")) || total;
      const data = await answer.arrayBuffer();
      if (!data.byteLength) return false;
      offset += data.byteLength;
      add(data);
      save.hidden = false;
      put(said, bytes(total));
      return true;
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return false; // no log yet
      if (error instanceof Problem && error.status === 400 && offset) {
        // shorter than it was: begin anew
        offset = 0;
        chunks = [];
        decoder = new TextDecoder();
        put(text);
        return false;
      }
      throw error;
    }
  }

  return {
    element: h(
      "section",
      {},
      h("div", { class: "section-head" }, h("h2", {}, "Log"), said, save),
      text,
    ),
    look,
  };
}
