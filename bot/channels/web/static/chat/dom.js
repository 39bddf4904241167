/** Builds the page from elements and text. Nothing is ever parsed as HTML, so nothing in a message can run. */

/**
 * @param {string} tag
 * @param {Record<string, any>} [props] attributes; `on…` are listeners, `false` and `null` are left out
 * @param {...(Node|string|null|undefined|false|Array<any>)} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(2).filter((child) => child || child === 0));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  send: "M4 12 20 4l-5 16-3-7-8-1Z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7 8c.6-3.6 3.4-5.5 7-5.5s6.4 1.9 7 5.5",
  menu: "M5 12h.01M12 12h.01M19 12h.01",
  close: "m6 6 12 12M18 6 6 18",
  down: "m6 9 6 6 6-6",
  clip: "M4 17.5V7.5A1.5 1.5 0 0 1 5.5 6H8l1.5-2h5L16 6h2.5A1.5 1.5 0 0 1 20 7.5v10a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5ZM12 16a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z",
  check: "m5 12.5 4.5 4.5L19 7.5",
  clock: "M12 7.5V12l3 2M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Z",
  alert: "M12 8v5m0 3.2v.1M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Z",
  promise: "M8.5 12.5 11 15l5-5.5M12 3.5l7 2.5v5.5c0 4.3-2.9 7.5-7 9-4.1-1.5-7-4.7-7-9V6l7-2.5Z",
  save: "M12 4v10m0 0 4-4m-4 4-4-4M5 18.5h14",
  language: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Zm0 0c2.2-2.3 3.3-5.1 3.3-8.5S14.2 5.8 12 3.5m0 17c-2.2-2.3-3.3-5.1-3.3-8.5S9.8 5.8 12 3.5M4 12h16",
  sound: "M5 9.5v5h3l4 3.5V6L8 9.5H5Zm10.5-.5a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  undo: "M8.5 5 5 8.5 8.5 12M5 8.5h9a5 5 0 0 1 0 10H9",
  restart: "M19 5v4.5h-4.5M18.6 9.5A7.5 7.5 0 1 0 19.5 12",
  shield: "M12 3.5l7 2.5v5.5c0 4.3-2.9 7.5-7 9-4.1-1.5-7-4.7-7-9V6l7-2.5Z",
  star: "m12 4.2 2.4 5 5.4.7-4 3.8 1 5.4-4.8-2.7-4.8 2.7 1-5.4-4-3.8 5.4-.7 2.4-5Z",
};

/**
 * @param {keyof typeof PATHS} name
 * @returns {SVGElement} decorative; what it means must be said beside it
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/**
 * @param {string} address
 * @returns {string|null} the address if its scheme is harmless
 */
export function safeUrl(address) {
  try {
    const url = new URL(address, location.href);
    return ["https:", "http:", "mailto:", "tel:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * @param {string|null} address
 * @param {...any} children
 * @returns {Node} a link that opens beside the shop's page, or only its content if the address is not safe
 */
export function link(address, ...children) {
  const href = address && safeUrl(address);
  if (!href) return h("span", {}, ...children);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

const LINK = /(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}»“])|([\w.+-]+@[\w-]+(?:\.[\w-]+)+)|\b[A-Z]{1,3}-[A-Z\d]{5,14}\b|\d[\d.,]* €/g;

/**
 * @param {string} text
 * @returns {Array<Node|string>} the text with its web and mail addresses as links, and numbers and sums on one line
 */
export function linked(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    parts.push(text.slice(end, match.index));
    const address = match[1] ?? (match[2] && `mailto:${match[2]}`);
    parts.push(address ? link(address, match[0]) : h("span", { class: "whole" }, match[0]));
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return parts;
}
