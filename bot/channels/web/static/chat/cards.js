/** Orders and returns as cards. A card says nothing that the text beside it does not, so an unknown one is left out. */

import { h, icon, link } from "./dom.js";
import { has, t } from "./texts.js";

const SHOWN_LINES = 3;
const STEPS = ["placed", "shipped", "out", "delivered"];
/** How far along the way to the customer a state is. */
const STEP_OF = {
  awaiting_payment: 0, on_hold: 0, processing: 0,
  partly_shipped: 1, shipped: 1, delayed: 1,
  out_for_delivery: 2, delivery_failed: 2, ready_for_pickup: 2,
  delivered: 3,
};
const TROUBLE = ["delayed", "delivery_failed", "lost", "on_hold", "awaiting_payment"];

/**
 * @param {any} item a message
 * @param {any} tools
 * @returns {Node|null}
 */
export function card(item, tools) {
  const data = item.card;
  if (data?.type === "order") return order(data, tools);
  if (data?.type === "orders") return orders(data, tools);
  if (data?.type === "return") return returned(data, item, tools);
  return null;
}

function orders(data, tools) {
  return box(
    h(
      "ul",
      { class: "orders" },
      (data.orders ?? []).map((one) =>
        h(
          "li",
          {},
          tools.productPicture(one.sku),
          h(
            "div",
            {},
            head(one.number, one.status_text, trouble(one.status)),
            one.summary && h("p", {}, one.summary),
            h("p", { class: "small" }, [one.placed_on, one.total].filter(Boolean).join(" · ")),
          ),
        ),
      ),
    ),
  );
}

function order(data, tools) {
  const step = STEP_OF[data.status];
  return box(
    head(t("orderTitle", { number: data.number }), data.status_text, trouble(data.status)),
    step !== undefined &&
      h(
        "ol",
        { class: "steps" },
        STEPS.map((name, i) =>
          h("li", { class: i <= step ? "done" : "", "aria-current": i === step ? "step" : null }, t(`step_${name}`)),
        ),
      ),
    data.expected_text && h("p", { class: "expected" }, icon("clock"), h("span", {}, t("expected", { date: data.expected_text }))),
    lines(data.lines, tools),
    h(
      "div",
      { class: "foot" },
      data.tracking_number &&
        h("p", {}, data.carrier && `${data.carrier}: `, data.tracking_url ? link(data.tracking_url, data.tracking_number) : data.tracking_number),
      data.total && h("p", { class: "total" }, t("total"), " ", h("strong", {}, data.total)),
    ),
  );
}

function returned(data, item, tools) {
  const { label } = data;
  const place = `drop_${data.drop_off}`;
  const rows = [
    has(place) && [t("dropOff"), t(place)],
    data.hand_in_text && [t("handInBy"), data.hand_in_text],
    data.refund && [t("refund"), data.refund],
  ].filter(Boolean);
  return box(
    head(t("returnTitle", { number: data.number }), data.order_number && t("order", { order: data.order_number })),
    lines(data.lines, tools),
    h("dl", {}, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    label?.reference && labelled(label, item, tools),
  );
}

/** The code for the counter, and the page for the parcel: both always, whatever was asked for. */
function labelled(label, item, tools) {
  const path = `labels/${encodeURIComponent(item.conversation)}/${item.number}`;
  const image = h("img", { alt: t("qr"), width: 132, height: 132 });
  tools.resource(`${path}.svg`).then((address) => (image.src = address), () => image.remove());
  const print = label.url
    ? link(label.url, t("label"))
    : h("button", { type: "button", class: "plain", onclick: () => tools.download(`${path}.pdf`, `${label.reference}.pdf`) }, t("label"));
  return h(
    "div",
    { class: "label" },
    image,
    h("div", {}, h("p", { class: "small" }, t("qrHint")), h("p", {}, h("code", {}, label.reference)), h("p", {}, print)),
  );
}

function lines(all = [], tools) {
  const more = all.length - SHOWN_LINES;
  return h(
    "ul",
    { class: "lines" },
    (more > 1 ? all.slice(0, SHOWN_LINES) : all).map((line) =>
      h(
        "li",
        {},
        tools.productPicture(line.sku),
        h("span", {}, line.quantity > 1 && `${line.quantity} × `, line.name, line.variant && h("small", {}, line.variant)),
        line.price && h("span", { class: "price" }, line.price),
      ),
    ),
    more > 1 && h("li", { class: "small" }, t("moreLines", { n: more })),
  );
}

const trouble = (status) => (TROUBLE.includes(status) ? "trouble" : "");

const box = (...children) => h("article", { class: "card" }, children);

const head = (title, state, kind = "") =>
  h("header", {}, h("h3", {}, title), state && h("span", { class: `state ${kind}` }, state));
