/** The shop's colour, made readable: text on it and text in it reach a contrast of 4.5 in both schemes. */

const parse = (hex) => {
  const full = hex.length === 4 ? hex.replace(/[0-9a-f]/gi, "$&$&") : hex;
  return [1, 3, 5].map((i) => parseInt(full.slice(i, i + 2), 16));
};

/** Relative luminance, WCAG 2.2. */
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((c) => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

const contrast = (a, b) => {
  const [hi, lo] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (hi + 0.05) / (lo + 0.05);
};

const mix = (a, b, share) => a.map((c, i) => Math.round(c + (b[i] - c) * share));
const css = (rgb) => `rgb(${rgb.join(" ")})`;

/** Move a colour towards another until it can be read on all of the grounds. */
function readable(colour, towards, grounds) {
  for (let share = 0; share <= 1; share += 0.05) {
    const tried = mix(colour, towards, share);
    if (grounds.every((ground) => contrast(tried, ground) >= 4.6)) return tried;
  }
  return towards;
}

const WHITE = [255, 255, 255];
const INK = [23, 28, 31];
// As in style.css: the ground of the page and of the bot's bubbles.
const LIGHT = [WHITE, [241, 244, 245]];
const DARK = [[19, 24, 26], [35, 42, 46]];

/**
 * @param {string|null} colour such as `#0f4c5c`
 * @param {"light"|"dark"|"auto"} scheme
 */
export function paint(colour, scheme) {
  const root = document.documentElement;
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const dark = scheme === "dark" || (scheme !== "light" && preferred.matches);
    root.dataset.scheme = dark ? "dark" : "light";
    const base = parse(/^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(colour ?? "") ? colour : "#0f4c5c");
    // A very dark colour would sink into a dark page.
    const surface = dark && luminance(base) < 0.08 ? mix(base, WHITE, 0.25) : base;
    const on = contrast(surface, WHITE) >= 4.5 ? WHITE : INK;
    const style = root.style;
    style.setProperty("--accent", css(on === INK ? readable(surface, WHITE, [INK]) : surface));
    style.setProperty("--on-accent", css(on));
    style.setProperty("--accent-text", css(dark ? readable(base, WHITE, DARK) : readable(base, INK, LIGHT)));
  };
  preferred.addEventListener("change", apply);
  apply();
}
