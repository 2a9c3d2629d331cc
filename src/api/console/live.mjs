// Looking again by itself: often while something moves, seldom while nothing does, not at all
// while nobody sees the page.
import { Problem } from "./api.mjs";

/** Calls `look` until `signal` ends it. `look` gives true (something moved), false, or "done".
 * `trouble(problem or null)` hears when a look failed and when the next one went well.
 * Returns `now()`, which looks at once. */
export function watch(signal, look, { least = 1000, most = 20000, trouble = () => {} } = {}) {
  let gap = least;
  let timer = 0;
  let looking = false;
  let ended = false;

  async function once() {
    if (looking || ended || signal.aborted) return;
    looking = true;
    try {
      const moved = await look();
      trouble(null);
      ended = moved === "done";
      gap = moved ? least : Math.min(most, gap * 1.4);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      if (error.kind === "refused") ended = true;
      gap = Math.min(most, Math.max(gap, least) * 2);
      trouble(error);
    } finally {
      looking = false;
      plan();
    }
  }

  function plan() {
    clearTimeout(timer);
    if (!ended && !signal.aborted && !document.hidden) timer = setTimeout(once, gap);
  }

  function now() {
    gap = least;
    clearTimeout(timer);
    return once();
  }

  document.addEventListener(
    "visibilitychange",
    () => (document.hidden ? clearTimeout(timer) : now()),
    { signal },
  );
  signal.addEventListener("abort", () => clearTimeout(timer));
  plan();
  return { now };
}
