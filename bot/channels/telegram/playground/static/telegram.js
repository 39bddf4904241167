/** Plays a Telegram app: shows one person's chat with the bot, and does what a person can do there. */

const $ = (id) => document.getElementById(id);
const base = location.pathname.replace(/\/$/, "");
let me = Number(sessionStorage.getItem("person")) || 0;
let version = -1;

function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node[name] = value;
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

async function post(path, body, options = {}) {
  return (await fetch(base + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), ...options })).json();
}

const act = (what, more = {}) => post(`/people/${me}/acts`, { what, ...more });

/** Text with its entities, which Telegram counts in UTF-16 units, as JavaScript does. */
function formatted(text, entities = []) {
  const tags = { bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote", text_link: "a" };
  const build = (from, to, list) => {
    const nodes = [];
    let at = from;
    while (list.length && list[0].offset < to) {
      const [entity, ...rest] = list;
      const end = entity.offset + entity.length;
      nodes.push(text.slice(at, entity.offset));
      const inside = rest.filter((e) => e.offset + e.length <= end);
      const attributes = entity.type === "text_link" ? { href: entity.url, target: "_blank", rel: "noopener" } : {};
      nodes.push(h(tags[entity.type] ?? "span", attributes, ...build(entity.offset, end, inside)));
      at = end;
      list = rest.filter((e) => e.offset >= end);
    }
    nodes.push(text.slice(at, to));
    return nodes;
  };
  return build(0, text.length, entities).flatMap((node) => (typeof node === "string" ? linked(node) : [node]));
}

function linked(text) {
  return text.split(/(https?:\/\/[^\s]+)/).map((piece, i) => {
    if (i % 2 === 0) return piece;
    const start = piece.match(/^https:\/\/t\.me\/\w+\?start=([\w-]+)$/);
    return start ? h("button", { type: "button", onclick: () => act("say", { text: `/start ${start[1]}` }) }, piece) : h("a", { href: piece, target: "_blank", rel: "noopener" }, piece);
  });
}

function content(message) {
  const parts = [];
  if (message.photo) parts.push(h("img", { src: `${base}/files/${message.photo.at(-1).file_id}`, alt: message.caption || "Photo" }));
  if (message.document) parts.push(h("a", { href: `${base}/files/${message.document.file_id}` }, `📄 ${message.document.file_name}`), "\n");
  if (message.sticker) parts.push(message.sticker.emoji);
  if (message.voice) parts.push("🎤 0:03");
  if (message.location) parts.push("📍");
  if (message.text ?? message.caption) parts.push(...formatted(message.text ?? message.caption, message.entities ?? message.caption_entities));
  return parts;
}

function bubble(message) {
  const keys = (message.reply_markup?.inline_keyboard ?? []).map((row) =>
    h("div", {}, ...row.map((button) => (button.url ? h("a", { href: button.url, target: "_blank", rel: "noopener" }, button.text) : h("button", { type: "button", onclick: () => act("press", { message: message.message_id, text: button.text }) }, button.text)))),
  );
  const mine = !message.from.is_bot;
  const edit = mine && message.text ? () => { const text = prompt("Edit", message.text); if (text) act("edit", { message: message.message_id, text }); } : undefined;
  return h("li", { class: mine ? "mine" : "theirs" }, h("div", { class: "bubble", ondblclick: edit, title: mine && message.text ? "Double click to edit" : undefined }, ...content(message)), keys.length ? h("div", { class: "keys" }, ...keys) : null);
}

function show(state) {
  $("bot").textContent = `${state.bot.first_name} · @${state.bot.username}`;
  $("people").replaceChildren(...state.people.map((p) => h("li", {}, h("button", { type: "button", "aria-current": p.id === me, onclick: () => choose(p.id) }, p.name + (p.blocked ? " (has blocked the bot)" : "")))));
  const messages = state.messages.map(bubble);
  if (me && !messages.length) messages.push(h("li", {}, h("div", { class: "bubble" }, state.description || ""), h("div", { class: "keys" }, h("button", { type: "button", onclick: () => act("say", { text: "/start" }) }, "START"))));
  $("chat").replaceChildren(...messages);
  $("chat").scrollTop = $("chat").scrollHeight;
  $("typing").textContent = state.typing ? "typing …" : "";
  $("commands").replaceChildren(...state.commands.map((c) => h("button", { type: "button", onclick: () => { act("say", { text: `/${c.command}` }); toggle(false); } }, `/${c.command}  ${c.description}`)));
  $("write").inert = !me;
}

function toggle(open = $("commands").hidden) {
  $("commands").hidden = !open;
  $("menu").setAttribute("aria-expanded", String(open));
}

async function choose(id) {
  me = id;
  sessionStorage.setItem("person", String(id));
  version = -1;
  show(await (await fetch(`${base}/state?person=${me}&wait=false`)).json());
}

async function follow() {
  for (;;) {
    try {
      const state = await (await fetch(`${base}/state?person=${me}&version=${version}`)).json();
      version = state.version;
      show(state);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

$("new").onsubmit = async (event) => {
  event.preventDefault();
  choose((await post("/people", Object.fromEntries(new FormData(event.target)))).id);
};
$("write").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  // A link from the website, pasted here, does what tapping it does on a phone.
  const start = text.match(/^https:\/\/t\.me\/\w+\?start=([\w-]+)$/);
  if (text) act("say", { text: start ? `/start ${start[1]}` : text });
  $("text").value = "";
};
$("text").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    $("write").requestSubmit();
  }
};
$("photo").onchange = async (event) => {
  const [file] = event.target.files;
  const caption = encodeURIComponent($("text").value.trim());
  if (file) await fetch(`${base}/people/${me}/attachments?caption=${caption}`, { method: "POST", body: file });
  event.target.value = "";
  $("text").value = "";
};
$("menu").onclick = () => toggle();
for (const button of document.querySelectorAll("[data-act]")) button.onclick = () => act(button.dataset.act);

follow();
