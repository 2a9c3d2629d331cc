// Looking again by itself: often while something moves, seldom while nothing does, not at all
// while nobody sees the page.
import { Problem } from "./api.mjs";

/** Calls `look(background)` until `signal` ends it; it gives true (something moved), false, or
 * "done". `background` is false when a person had it look, and true when the clock did.
 * `trouble(problem or null)` hears when a look failed and when the next one went well.
 * Returns `now()`, which looks at once. */
export function watch(signal, look, { least = 1000, most = 20000, trouble = () => {} } = {}) {
  let gap = least;
  let timer = 0;
  let looking = false;
  let ended = false;

  async function once(background) {
    if (looking || ended || signal.aborted) return;
    looking = true;
    try {
      const moved = await look(background);
      trouble(null);
      ended = moved === "done";
      gap = moved ? least : Math.min(most, gap * 1.4);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      // Whoever does not want to sign in now is not asked over and over.
      if (error.kind === "refused" || error.kind === "expired") ended = true;
      gap = Math.min(most, Math.max(gap, least) * 2);
      trouble(error);
    } finally {
      looking = false;
      plan();
    }
  }

  function plan() {
    clearTimeout(timer);
    if (!ended && !signal.aborted && !document.hidden) timer = setTimeout(once, gap, true);
  }

  function now() {
    gap = least;
    ended = false;
    clearTimeout(timer);
    return once(false);
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
