// Reads the text of a .env file by the rules of src/cli/cli_env.h, as `safelight secret import`
// does: tests/vectors/dotenv.json is the test of both. Problems quote nothing of the text.

const VALUE_MOST_BYTES = 65536;
const ENTRIES_MOST = 10000;
const NAME_MOST_BYTES = 1024;
const WRAPPED_LEAST = 60; // openssl and PEM wrap at 64, base64 at 76
const ESCAPES = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$" };

const bytesOf = (text) => new TextEncoder().encode(text).length;

class Unreadable extends Error {
  constructor(line, message) {
    super(message);
    this.line = line;
  }
}

/** Without the blanks at both ends; a regular expression would take quadratic time. */
function trimmed(text) {
  let [from, to] = [0, text.length];
  while (from < to && " \t\r\n".includes(text[from])) from++;
  while (to > from && " \t\r\n".includes(text[to - 1])) to--;
  return text.slice(from, to);
}

/** The end of a value that base64 wrapped, not an entry. */
function isWrappedEnd(row, above) {
  const [, text, pads] = row.match(/^[ \t\r]*([\w+/-]+)(==?)[ \t\r]*$/) ?? [];
  if (!text) return false;
  if (pads === "==") return true;
  const whole = (text.length + 1) % 4 === 0;
  return whole && above.length >= WRAPPED_LEAST && /^[\w+/-]+$/.test(above);
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.line = 1;
    this.above = null; // {line, value} when the last value was bare
  }

  /** What the pattern (sticky) finds here, and past it; null: nothing. */
  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found;
  }

  /** Past blank lines and comments; false at the end. */
  findEntry() {
    while (this.take(/[ \t]*(?:#[^\n]*|\r)?\n/y)) this.line++;
    this.take(/[ \t]*(?:(?:#[^\n]*|\r)$)?/y);
    return this.at < this.text.length;
  }

  refuse(message) {
    throw new Unreadable(this.line, message);
  }

  name() {
    this.take(/export[ \t]+/y);
    const [, name] = this.take(/([^ \t=\n\r]*)[ \t]*/y);
    if (!this.take(/=[ \t]*/y)) this.refuse("say NAME=value");
    if (!name) this.refuse("the name is missing before =");
    if (bytesOf(name) > NAME_MOST_BYTES) this.refuse("the name is too long");
    return name;
  }

  bare() {
    const [row] = this.take(/[^\n]*/y);
    const comment = row.search(/(?:^|[ \t])#/);
    const value = trimmed(comment < 0 ? row : row.slice(0, comment));
    this.above = { line: this.line, value };
    return value;
  }

  quoted(quote) {
    const begin = this.line;
    let value = "";
    this.at++;
    for (;;) {
      const c = this.text[this.at++];
      if (c === undefined) {
        this.line = begin;
        this.refuse("the quote that opens here is never closed");
      }
      if (c === quote) break;
      if (c === "\r" && this.text[this.at] === "\n") continue;
      if (c === "\n") this.line++;
      if (c === "\\" && quote === '"' && this.at < this.text.length) value += this.escape();
      else value += c;
    }
    this.take(/[ \t]*(?:#[^\n]*)?\r?/y);
    if (this.at < this.text.length && this.text[this.at] !== "\n")
      this.refuse("there is something behind the closing quote");
    return value;
  }

  escape() {
    this.take(/\r(?=\n)/y);
    const c = this.text[this.at++];
    if (c === "\n") {
      this.line++;
      return "";
    }
    if (!Object.hasOwn(ESCAPES, c))
      this.refuse(
        'in double quotes only \\n \\r \\t \\" \\\\ \\$ are escapes; put the value in single ' +
          "quotes to take it as it is",
      );
    return ESCAPES[c];
  }

  entry() {
    const line = this.line;
    const [row] = this.text.slice(this.at).match(/^[^\n]*/);
    if (this.above?.line === line - 1 && isWrappedEnd(row, this.above.value))
      this.refuse(
        "a value that goes on in the next line stands in quotes; this line looks like the end " +
          "of the value above (an empty value is '')",
      );
    this.above = null;
    const name = this.name();
    const first = this.text[this.at];
    const value = first && "\"'`".includes(first) ? this.quoted(first) : this.bare();
    return { name, value, line, why: obstacle(value) };
  }
}

/** What is wrong with this entry alone. */
function obstacle(value) {
  if (bytesOf(value) > VALUE_MOST_BYTES) return "the value is longer than 64 KiB";
  if (!value) return "the value is empty";
  if (/\0|\p{Surrogate}/u.test(value)) return "the value is not text (UTF-8 without NUL)";
  return null;
}

/** {entries: [{name, value, line, why}], problem: null or {line, message}}: why, else null, is what
 * is wrong with one entry; with a problem nothing of the file may be used. */
export function parseDotenv(source) {
  const reader = new Reader(source.replace(/^\ufeff/, ""));
  const entries = [];
  try {
    while (reader.findEntry()) {
      if (entries.length === ENTRIES_MOST) reader.refuse("there are more than 10,000 entries");
      entries.push(reader.entry());
    }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { entries, problem: { line: error.line, message: error.message } };
  }
  return { entries, problem: null };
}
