// What comes from outside, as text a person can trust: nothing invisible, nothing that turns
// the direction of what stands beside it.

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u115f\u1160\u3164\uffa0]/gu;

function escaped(character) {
  const hex = character.codePointAt(0).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, "0")}`;
}

/** Controls, marks of direction and other invisible characters written as \uXXXX. */
export function visible(text) {
  return String(text).replace(INVISIBLE, escaped);
}

/** The same for several lines: tabs stay, every kind of line break is one. */
export function visibleLines(text) {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(INVISIBLE, (c) => (c === "\n" || c === "\t" ? c : escaped(c)));
}

const two = (n) => String(n).padStart(2, "0");

/** A time of the API in the browser's own zone, sortable by eye: 2026-11-28 09:10. */
export function localTime(iso, { seconds = false } = {}) {
  const t = new Date(iso);
  if (Number.isNaN(t.getTime())) return visible(iso);
  const day = `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
  const time = `${two(t.getHours())}:${two(t.getMinutes())}`;
  return `${day} ${time}${seconds ? `:${two(t.getSeconds())}` : ""}`;
}

/** What a datetime-local field holds, as the API wants it; null when it is empty. */
export function fromLocal(text) {
  const t = new Date(text);
  return text && !Number.isNaN(t.getTime()) ? t.toISOString() : null;
}

export function toLocal(iso) {
  return iso ? localTime(iso).replace(" ", "T") : "";
}

export function zone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "this computer's time zone";
}

export function bytes(count) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let unit = 0;
  let n = count;
  for (; n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${unit ? n.toFixed(1) : n} ${count === 1 ? "byte" : units[unit]}`;
}

export function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole < 3600 ? rest : `${Math.floor(whole / 3600)}:${rest}`;
}

export function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/** Bytes of a text in UTF-8. */
export function utf8Length(text) {
  return new TextEncoder().encode(text).length;
}
