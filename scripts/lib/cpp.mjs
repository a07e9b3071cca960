// Just enough understanding of C++ text for the checks.

/**
 * The same text with comments, string and character literals blanked out: what is left is code, at
 * the same places.
 */
export function codeOnly(text) {
  const blank = (match) => match.replace(/[^\n]/g, ' ');
  return text.replace(
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|R"([^\s()\\]{0,16})\([\s\S]*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'/g,
    blank,
  );
}

/** The includes of a file: `{header, system, index}` each. */
export function includes(text) {
  const found = [];
  for (const match of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)) {
    found.push({ header: match[2], system: match[1] === '<', index: match.index });
  }
  return found;
}
