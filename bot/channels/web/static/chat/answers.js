/** The ways to answer the last message without typing: buttons, scales, stars, a date, a photo. */

import { h, icon } from "./dom.js";
import { day, language, plural, t } from "./texts.js";

/**
 * @param {any} item the last message of bot or team
 * @param {object} tools
 * @param {(answer: {text: string, button?: string}) => void} tools.answer
 * @param {() => void} tools.choosePhoto
 * @returns {HTMLElement|null}
 */
export function answers(item, tools) {
  const buttons = item.buttons ?? [];
  const press = (button) => () => tools.answer({ text: button.title, button: button.id });
  const hint = item.input ?? {};
  const rated = buttons.filter((button) => /^\d{1,2}$/.test(button.title.trim()));
  const scaled = ["scale", "stars", "ces"].includes(hint.type) && rated.length > 1;
  const days = hint.type === "date" ? (hint.days ?? []) : [];
  const times = hint.type === "time_window" ? (hint.windows ?? []) : [];
  const placed = scaled ? rated : buttons.slice(0, days.length || times.length);
  const rest = buttons.filter((button) => !placed.includes(button));
  const parts = [];
  if (scaled) parts.push(scale(hint, rated, press));
  if (days.length) parts.push(dayTiles(days, placed, press));
  else if (hint.type === "date") parts.push(date(hint, tools));
  if (times.length) parts.push(timeTiles(placed, press));
  if (hint.type === "photo") {
    parts.push(
      h("button", { type: "button", class: "choice strong", onclick: tools.choosePhoto }, icon("clip"), t("photoChoose")),
    );
  }
  if (rest.length) {
    parts.push(
      rest.map((button) => h("button", { type: "button", class: "choice", onclick: press(button) }, button.title)),
    );
  }
  if (!parts.length) return null;
  return h("div", { class: "answers", role: "group", "aria-label": t("choices", { count: buttons.length || 1 }) }, parts);
}

/** A row to choose a number from: 0 to 10, five stars, 1 to 7. */
function scale(hint, buttons, press) {
  const ordered = [...buttons].sort((a, b) => Number(a.title) - Number(b.title));
  const max = hint.max ?? Number(ordered.at(-1).title);
  const stars = hint.type === "stars";
  const row = h(
    "div",
    { class: stars ? "stars" : "scale" },
    ordered.map((button) => {
      const value = Number(button.title);
      const name = stars ? plural("starsValue", value, { value, max }) : t("scaleValue", { value, max });
      return h(
        "button",
        { type: "button", "aria-label": name, title: name, onclick: press(button) },
        stars ? icon("star") : button.title,
      );
    }),
  );
  const ends = [hint.low, hint.high].filter(Boolean);
  return h(
    "div",
    { class: stars ? "rating of-stars" : "rating" },
    row,
    ends.length === 2 && h("p", { class: "ends" }, ends.map((end) => h("span", {}, end))),
  );
}

/** The days that are possible, as leaves of a calendar. The first buttons are theirs, in the same order. */
function dayTiles(days, buttons, press) {
  return h(
    "div",
    { class: "tiles days" },
    buttons.map((button, i) =>
      h(
        "button",
        { type: "button", "aria-label": button.title, title: button.title, onclick: press(button) },
        h("span", {}, day(days[i], { weekday: "short" })),
        h("b", {}, day(days[i], { day: "numeric" })),
        h("span", {}, day(days[i], { month: "short" })),
      ),
    ),
  );
}

/** The times of a day that are possible. */
function timeTiles(buttons, press) {
  return h(
    "div",
    { class: "tiles" },
    buttons.map((button) => h("button", { type: "button", onclick: press(button) }, icon("clock"), button.title)),
  );
}

function date(hint, tools) {
  const input = h("input", {
    type: "date",
    id: "date",
    min: hint.min,
    max: hint.max,
    value: hint.value,
    required: true,
  });
  return h(
    "form",
    {
      class: "date",
      onsubmit: (event) => {
        event.preventDefault();
        if (!input.value) return;
        const [year, month, day] = input.value.split("-");
        tools.answer({ text: language() === "de" ? `${day}.${month}.${year}` : `${day}/${month}/${year}` });
      },
    },
    h("label", { for: "date" }, t("dateLabel")),
    input,
    h("button", { type: "submit", class: "choice strong" }, t("dateSend")),
  );
}
