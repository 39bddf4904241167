/** One message on the page. */

import { answers } from "./answers.js";
import { card } from "./cards.js";
import { h, icon, linked } from "./dom.js";
import { clock, has, t } from "./texts.js";

/**
 * @param {any} item a message that the service stored
 * @param {object} tools
 * @param {(path: string) => Promise<string>} tools.resource gives an address for something only this visitor may see
 */
export function bubble(item, tools) {
  if (item.author === "system") {
    return h("li", { class: "system", "data-number": item.number }, h("p", {}, linked(item.text ?? "")));
  }
  const mine = item.author === "customer";
  return h(
    "li",
    { class: `message ${mine ? "mine" : "theirs"} ${item.author}`, "data-number": item.number },
    h("p", { class: item.author === "agent" ? "author" : "hidden" }, author(item)),
    item.text && h("div", { class: "bubble" }, linked(item.text)),
    item.attachments?.map((one) => picture(one, tools)),
    card(item, tools),
    h("p", { class: "meta" }, h("time", { datetime: item.at }, clock(item.at))),
  );
}

export function author(item) {
  return { customer: t("you"), bot: t("assistant"), agent: item.agent ?? "", system: t("system") }[item.author];
}

/**
 * @param {import("./conversation.js").Outgoing} message one on its way
 */
export function outgoing(message, tools) {
  const element = h(
    "li",
    { class: "message mine customer", "data-id": message.id },
    h("p", { class: "hidden" }, t("you")),
    message.text && h("div", { class: "bubble" }, linked(message.text)),
    message.attachments?.map((one) => picture(one, tools)),
    h("p", { class: "meta" }),
  );
  progress(element, message, tools);
  return element;
}

/** Show how far a message has come. */
export function progress(element, message, tools) {
  element.dataset.state = message.state;
  const meta = element.querySelector(".meta");
  const reason = message.error && has(`failed_${message.error}`) ? ` – ${t(`failed_${message.error}`)}` : "";
  meta.replaceChildren(
    icon({ waiting: "clock", sending: "clock", sent: "check", failed: "alert" }[message.state]),
    h("span", {}, t(`state_${message.state}`) + reason),
    ...(message.state === "failed"
      ? [
          h("button", { type: "button", class: "plain", onclick: () => tools.retry(message.id) }, t("retry")),
          h("button", { type: "button", class: "plain", onclick: () => tools.discard(message.id) }, t("discard")),
        ]
      : []),
  );
}

function picture(attachment, tools) {
  const image = h("img", { alt: attachment.name || t("photo"), class: "photo", width: 240, height: 180 });
  tools.resource(`attachments/${encodeURIComponent(attachment.id)}`).then(
    (address) => {
      image.src = address;
    },
    () => image.replaceWith(h("span", { class: "bubble" }, attachment.name || t("photo"))),
  );
  return image;
}

export { answers };
