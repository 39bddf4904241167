/** The chat's own texts, and how numbers and days are written. What bot and team say comes from the service. */

/** @type {"de"|"en"} */
let current = "de";
/** @type {Record<string, any>} */
let texts = {};

/** @param {"de"|"en"} language; only the language that is spoken is loaded */
export async function speak(language) {
  texts = (await import(`./${language}.js`)).default;
  current = language;
  document.documentElement.lang = language;
}

export function language() {
  return current;
}

/**
 * @param {string} key
 * @param {Record<string, string|number>} [values]
 */
export function t(key, values) {
  return fill(texts[key], values);
}

/** @param {string} key a text with a singular and a plural form */
export function plural(key, n, values = {}) {
  return fill(texts[key][n === 1 ? 0 : 1], { n, ...values });
}

/** @param {string} key @returns {string[]} */
export function list(key) {
  return texts[key];
}

/** @returns {boolean} whether there is a text of this key */
export function has(key) {
  return key in texts;
}

function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

const locale = () => (current === "de" ? "de-DE" : "en-GB");

/** @param {string} at @param {string} [timeZone] of the shop; without it the customer's own */
export const clock = (at, timeZone) =>
  new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", timeZone }).format(new Date(at));

/** A day as YYYY-MM-DD or an instant; days are not moved by time zones. */
export function day(value, options = { weekday: "short", day: "numeric", month: "long" }) {
  const plain = /^\d{4}-\d\d-\d\d$/.test(value);
  const format = new Intl.DateTimeFormat(locale(), plain ? { ...options, timeZone: "UTC" } : options);
  return format.format(new Date(value));
}

export function dayHeading(at) {
  const date = new Date(at);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  return day(at, { weekday: "long", day: "numeric", month: "long", ...(days > 300 && { year: "numeric" }) });
}

/** @param {{amount: string, currency: string}} value */
export function money(value) {
  return new Intl.NumberFormat(locale(), { style: "currency", currency: value.currency }).format(Number(value.amount));
}
