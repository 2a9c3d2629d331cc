// Reads the text of a .env file: NAME=value, with `export`, comments, quotes and values of several
// lines.

const LINE = /^[ \t]*(?:export[ \t]+)?([^\s=#"']+)[ \t]*=[ \t]*/;
const ESCAPES = { n: "\n", r: "\r", t: "\t" };

function unescape(text) {
  return text.replace(/\\(.)/gs, (whole, c) => ESCAPES[c] ?? (/[\\"$`]/.test(c) ? c : whole));
}

/** The end of a quoted text that begins at `from`; -1 when it has none. */
function closing(text, from, quote) {
  for (let at = from; at < text.length; at++) {
    if (quote === '"' && text[at] === "\\") at += 1;
    else if (text[at] === quote) return at;
  }
  return -1;
}

/** {entries: [{name, value, line}], problems: [{line, message}]}; of a name that is there twice the
 * last one counts. Problems quote nothing of the text. */
export function parseDotenv(source) {
  const text = source.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  const entries = new Map();
  const problems = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const end = text.indexOf("\n", at) < 0 ? text.length : text.indexOf("\n", at);
    const row = text.slice(at, end);
    const found = row.match(LINE);
    let next = end;
    if (found) {
      const start = at + found[0].length;
      const quote = text[start];
      if (quote === '"' || quote === "'") {
        const close = closing(text, start + 1, quote);
        const rest = close < 0 ? "" : text.slice(close + 1).split("\n", 1)[0];
        if (close < 0) {
          problems.push({ line, message: "a quote is not closed" });
        } else if (/^\s*(#.*)?$/.test(rest)) {
          const inner = text.slice(start + 1, close);
          entries.set(found[1], {
            name: found[1],
            value: quote === '"' ? unescape(inner) : inner,
            line,
          });
          next = close + 1 + rest.length;
        } else {
          problems.push({ line, message: "there is more behind the closing quote" });
          next = close + 1 + rest.length;
        }
      } else {
        const value = text
          .slice(start, end)
          .replace(/(^|\s)#.*$/, "")
          .trim();
        entries.set(found[1], { name: found[1], value, line });
      }
    } else if (row.trim() && !/^\s*#/.test(row)) {
      problems.push({ line, message: "is not NAME=value" });
    }
    line += text.slice(at, next).split("\n").length;
    at = next + 1;
  }
  return { entries: [...entries.values()], problems };
}
