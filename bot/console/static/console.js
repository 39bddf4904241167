// What the console does in the browser: hears what changed, fetches it, and keeps hands on the keyboard.
// All state lives in the service's database; a reload shows the same page.

/** @typedef {{id: number, section: string | null, unread?: number, html?: string}} RowEvent */

const body = document.body;
const words = document.getElementById("words-of-page").dataset;
const conversationPane = document.getElementById("conversation");
const columns = document.querySelector(".columns");

const htmx = await loaded("htmx");
Idiomorph.defaults.ignoreActiveValue = true;
// What the agent opened or typed stays as it is when a fresh version of the page's part arrives.
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.tagName === "DETAILS");

/** Scripts with `defer` run before this module, but not while htmx still sets itself up. */
async function loaded(name) {
  while (!(name in window)) await new Promise((resume) => setTimeout(resume, 10));
  return window[name];
}

/** Sends a change. What fails is told by htmx's events; a request whose part of the page has gone just ends. */
function post(path, options) {
  htmx.ajax("POST", path, options)?.catch(() => {});
}

// -- which conversation is open

/** @returns {number | null} */
function openConversation() {
  const talk = conversationPane.querySelector("[data-conversation]");
  return talk ? Number(talk.dataset.conversation) : null;
}

function markOpen() {
  const id = openConversation();
  columns.classList.toggle("has-open", id !== null);
  for (const link of document.querySelectorAll(".row > a")) {
    if (Number(link.parentElement.dataset.id) === id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

// What is open already is kept up to date: fetching it anew would close its dialogs and lose the last letters.
body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches(".row > a[aria-current]")) event.preventDefault();
});

// -- lists

/** @param {RowEvent} change */
function placeRow(change) {
  const present = document.getElementById(`row-${change.id}`);
  const list = change.section ? document.querySelector(`[data-section="${change.section}"] .rows`) : null;
  const before = Number(present?.dataset.unread ?? 0);
  if (!list) {
    present?.remove();
  } else {
    const holder = document.createElement("template");
    holder.innerHTML = change.html;
    const fresh = holder.content.querySelector("li");
    const moved = present && present.parentElement !== list;
    if (present && !moved) {
      Idiomorph.morph(present, fresh, { morphStyle: "outerHTML" });
    } else {
      const focused = present?.contains(document.activeElement);
      present?.remove();
      const order = Number(fresh.dataset.order);
      const next = [...list.children].find((row) => Number(row.dataset.order) > order);
      list.insertBefore(fresh, next ?? null);
      if (focused) fresh.querySelector("a").focus();
    }
    const row = document.getElementById(`row-${change.id}`);
    htmx.process(row);
    if (change.section === "queue" && !present) alertAgent(words.new);
    else if (change.section === "mine" && change.unread > before && (document.hidden || change.id !== openConversation())) alertAgent(words.wrote);
  }
  countRows();
  markOpen();
  tick();
  if (change.id === openConversation()) {
    if (change.unread > before) showTyping({ by: "customer", id: change.id, on: false });
    refreshConversation();
    if (change.unread > 0 && document.getElementById("suggestions")) htmx.trigger("#suggestions", "refresh");
  }
}

function countRows() {
  for (const list of document.querySelectorAll(".list")) {
    list.querySelector("[data-count]").textContent = list.querySelectorAll(".row").length;
  }
  const unread = [...document.querySelectorAll('[data-section="mine"] .row')].reduce((sum, row) => sum + Number(row.dataset.unread), 0);
  const waiting = document.querySelectorAll('[data-section="queue"] .row').length;
  document.title = (unread + waiting ? `(${unread + waiting}) ` : "") + document.title.replace(/^\(\d+\) /, "");
}

// -- the open conversation

function refreshConversation() {
  const thread = document.getElementById("thread");
  if (thread) htmx.trigger(thread, "changed");
}

let pinned = true;
function watchScroll(thread) {
  const toEnd = () => { thread.scrollTop = thread.scrollHeight; };
  pinned = true;
  toEnd();
  thread.addEventListener("scroll", () => { pinned = thread.scrollHeight - thread.scrollTop - thread.clientHeight < 60; });
}

function sawIt() {
  const id = openConversation();
  if (id === null || document.hidden || document.getElementById("composer")?.dataset.mode !== "reply") return;
  const row = document.getElementById(`row-${id}`);
  if (row && Number(row.dataset.unread) > 0) post(`/console/conversations/${id}/seen`, { swap: "none" });
}

function wireConversation() {
  markOpen();
  const thread = document.getElementById("thread");
  if (thread && !thread.dataset.wired) {
    thread.dataset.wired = "yes";
    watchScroll(thread);
  }
  wireComposer();
  sawIt();
  tick();
}

function wireComposer() {
  const form = document.querySelector("[data-composer]");
  if (!form || form.dataset.wired) return;
  form.dataset.wired = "yes";
  const { url } = form.dataset;
  const field = form.querySelector("textarea");
  const kinds = form.elements.kind;
  const isReply = () => kinds.value === "reply";
  const retarget = () => {
    form.closest(".composer").classList.toggle("is-note", !isReply());
    form.setAttribute("hx-post", `${url}/${isReply() ? "reply" : "note"}`);
    form.elements.private.value = String(kinds.value === "private");
    htmx.process(form);
  };
  for (const kind of kinds.length ? kinds : [kinds]) kind.addEventListener("change", retarget);
  retarget();

  // What is typed is kept by the service, which says what it promises; the customer sees that somebody writes.
  let keeping = 0;
  let typingUntil = 0;
  const say = (on) => post(`${url}/typing`, { values: { on }, swap: "none" });
  const keep = () => post(`${url}/draft`, { values: { text: isReply() ? field.value : "" }, target: "#hints", swap: "innerHTML" });
  field.addEventListener("input", () => {
    clearTimeout(keeping);
    keeping = setTimeout(keep, 500);
    if (isReply() && field.value && Date.now() > typingUntil) {
      typingUntil = Date.now() + 4000;
      say(true);
    }
    grow(field);
    if (field.value === "/") openSaved();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful || event.target !== form) return;
    clearTimeout(keeping);
    typingUntil = 0;
    field.value = "";
    grow(field);
    document.getElementById("hints").replaceChildren();
    document.getElementById("attached").replaceChildren();
    pinned = true;
  });
  const file = form.querySelector("[data-attach]");
  file?.addEventListener("change", async () => {
    const [picture] = file.files;
    file.value = "";
    if (!picture) return;
    const headers = JSON.parse(body.getAttribute("hx-headers"));
    const response = await fetch(`${url}/attachments?name=${encodeURIComponent(picture.name)}`, { method: "POST", body: picture, headers: { ...headers, "HX-Request": "true" } });
    if (!response.ok) return toast((await response.json().catch(() => null))?.error?.message ?? words.failed);
    document.getElementById("attached").insertAdjacentHTML("beforeend", await response.text());
  });
  if (field.value) keep();
  grow(field);
}

function grow(field) {
  field.rows = Math.min(12, Math.max(3, field.value.split("\n").length + Math.floor(field.value.length / 90)));
}

/** Puts words where the agent is writing. */
function insert(text) {
  const field = document.getElementById("words");
  if (!field) return;
  document.querySelector('[data-composer] input[value="reply"]')?.click();
  const before = field.value === "/" ? "" : field.value;
  field.value = before && !before.endsWith("\n") && !before.endsWith(" ") ? `${before} ${text}` : before + text;
  field.focus();
  field.dispatchEvent(new Event("input"));
}

function openSaved() {
  const menu = document.getElementById("saved");
  if (!menu) return;
  menu.open = true;
}

// Opened: the list is fetched, filled in for this conversation, and what is typed narrows it.
document.addEventListener("toggle", (event) => {
  if (event.target.id !== "saved" || !event.target.open) return;
  htmx.trigger("#saved-list", "open");
  const filter = document.getElementById("saved-filter");
  filter.value = "";
  filter.focus();
}, true);
document.addEventListener("input", (event) => {
  if (event.target.id !== "saved-filter") return;
  const wanted = event.target.value.toLowerCase();
  for (const choice of document.querySelectorAll("#saved-list [data-find]")) choice.hidden = !choice.dataset.find.includes(wanted);
});
document.addEventListener("keydown", (event) => {
  if (event.target.id !== "saved-filter" || event.key !== "Enter") return;
  event.preventDefault();
  document.querySelector("#saved-list [data-find]:not([hidden])")?.click();
});

// -- buttons that need no service

document.addEventListener("click", (event) => {
  const control = event.target.closest("[data-dialog], [data-close], [data-insert], [data-remove], [data-toggle-side], [data-ask-notices]");
  if (!control) return;
  if (control.dataset.dialog) document.getElementById(control.dataset.dialog)?.showModal();
  if ("insert" in control.dataset) insert(control.dataset.insert);
  if ("close" in control.dataset) control.closest("dialog")?.close();
  if ("remove" in control.dataset) control.parentElement.remove();
  if ("toggleSide" in control.dataset) conversationPane.classList.toggle("show-side");
  if ("askNotices" in control.dataset && control.checked && "Notification" in window) Notification.requestPermission();
});
body.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful) return;
  if (event.target.matches("[data-closes]")) {
    event.target.closest("dialog").close();
    event.target.reset();
  }
  if (event.target.matches("[data-clears]")) event.target.reset();
});
body.addEventListener("htmx:afterSwap", (event) => {
  const opener = event.detail.requestConfig?.elt;
  if (opener?.dataset.opens) document.getElementById(opener.dataset.opens)?.showModal();
});

// -- time

function tick() {
  const now = Date.now();
  for (const mark of document.querySelectorAll("time[data-since]")) {
    const seconds = Math.max(0, (now - Date.parse(mark.dateTime)) / 1000);
    mark.title ||= mark.textContent;
    mark.textContent = inWords(seconds);
    if (mark.dataset.late) mark.classList.toggle("late", seconds > Number(mark.dataset.late));
  }
}

function inWords(seconds) {
  if (seconds < 60) return words.now;
  if (seconds < 3600) return words.minutes.replace("{n}", Math.floor(seconds / 60));
  if (seconds < 86400) return words.hours.replace("{n}", Math.floor(seconds / 3600));
  return words.days.replace("{n}", Math.floor(seconds / 86400));
}

// -- telling the agent

function toast(text) {
  const note = document.createElement("p");
  note.className = "toast";
  note.textContent = text;
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}

function alertAgent(text) {
  if (body.dataset.sound === "on") chime();
  if (body.dataset.notices === "on" && document.hidden && "Notification" in window && Notification.permission === "granted") {
    new Notification("Zusage", { body: text, tag: "zusage" });
  }
}

let audio = null;
/** Two soft tones. Browsers play them only after the agent has used the page once; later they would be no news. */
async function chime() {
  const asked = Date.now();
  audio ??= new AudioContext();
  await audio.resume();
  if (Date.now() - asked > 2000) return;
  for (const [pitch, begin] of [[660, 0], [880, 0.12]]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, audio.currentTime + begin);
    volume.gain.exponentialRampToValueAtTime(0.08, audio.currentTime + begin + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + begin + 0.25);
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + begin);
    tone.stop(audio.currentTime + begin + 0.3);
  }
}

let typingTimer = 0;
function showTyping(notice) {
  if (notice.by !== "customer" || notice.id !== openConversation()) return;
  const line = document.getElementById("typing");
  clearTimeout(typingTimer);
  if (!line) return;
  line.textContent = notice.on ? line.dataset.words : "";
  if (notice.on) typingTimer = setTimeout(() => { line.textContent = ""; }, 8000);
}

body.addEventListener("htmx:responseError", (event) => {
  let message = words.failed;
  try {
    message = JSON.parse(event.detail.xhr.responseText).error.message;
  } catch { /* an answer of something between us and the service */ }
  toast(message);
});
body.addEventListener("htmx:sendError", () => toast(words.failed));
// htmx has told by those events what failed, and then rejects a promise that nobody holds, with nothing in it.
addEventListener("unhandledrejection", (event) => { if (event.reason === undefined) event.preventDefault(); });
body.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "lists") { countRows(); markOpen(); tick(); }
  else {
    wireConversation();
    const thread = document.getElementById("thread");
    if (thread && pinned) thread.scrollTop = thread.scrollHeight;
  }
});
// Whoever accepts and types at once must not lose the words, nor the place, when the composer becomes one for replies:
// without a place the next letters would be keys that do something.
let typed = null;
body.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  // The answer of a conversation that was left meanwhile must not put its parts beside the words of another customer.
  const of = fragment.querySelector("[data-of]")?.dataset.of;
  if (of !== undefined && Number(of) !== openConversation()) event.detail.shouldSwap = false;
  if (target.id !== "composer" || !event.detail.shouldSwap) return;
  // Two answers under way at once may bring the same composer twice.
  if (fragment.querySelector("#composer")?.dataset.mode === target.dataset.mode) event.detail.shouldSwap = false;
  const field = target.querySelector("textarea");
  typed = field && { text: field.value, from: field.selectionStart, to: field.selectionEnd, focused: field === document.activeElement };
});
body.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target.id !== "composer") return;
  const field = document.getElementById("words");
  if (event.detail.shouldSwap && field && typed) {
    if (typed.text) field.value = typed.text;
    if (typed.focused) {
      field.focus();
      if (typed.text) field.setSelectionRange(typed.from, typed.to);
    }
  }
  wireComposer();
});

// The composer is replaced only when what the agent may do has changed: what is typed stays.
body.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.path.endsWith("/live")) event.detail.parameters.mode = document.getElementById("composer")?.dataset.mode ?? "";
});
document.addEventListener("visibilitychange", sawIt);

// Menus close when something else is clicked, on Escape, and after a choice.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("[data-menu][open]")) {
    if (!menu.contains(event.target) || event.target.closest(".menu-body button")) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// -- keys

const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.altKey && /^[1-3]$/.test(event.key)) {
    event.preventDefault();
    return void document.querySelector(`[data-suggestion="${event.key}"]`)?.click();
  }
  if (body.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "j" || event.key === "k") {
    const links = [...document.querySelectorAll(".list[open] .row > a")];
    const at = links.findIndex((link) => link === document.activeElement || link.hasAttribute("aria-current"));
    const next = links[event.key === "j" ? Math.min(at + 1, links.length - 1) : Math.max(at - 1, 0)];
    next?.focus();
    next?.click();
  } else if (event.key === "r" || event.key === "n") {
    const form = document.querySelector("[data-composer]");
    if (!form) return;
    event.preventDefault();
    form.querySelector(`input[value="${event.key === "r" ? "reply" : "note"}"]`).click();
    form.querySelector("textarea").focus();
  } else {
    const control = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (control) {
      event.preventDefault();
      control.focus();
      if (control.tagName !== "INPUT") control.click();
    }
  }
});

// -- what changed

// A list that was read before a change may arrive after it: what is heard meanwhile is placed when the list is there.
let heldBack = null;
const isLists = (event) => event.detail.elt?.id === "lists";
body.addEventListener("htmx:beforeSend", (event) => { if (isLists(event)) heldBack = new Map(); });
body.addEventListener("htmx:afterRequest", (event) => {
  if (!isLists(event) || !heldBack) return;
  const changes = heldBack.values();
  heldBack = null;
  for (const change of changes) placeRow(change);
});

function heardRow(change) {
  if (heldBack) heldBack.set(change.id, change);
  else placeRow(change);
}

function listen() {
  const source = new EventSource(`/console/events?${body.dataset.query}`);
  source.addEventListener("hello", () => {
    document.getElementById("link").hidden = true;
    htmx.trigger("#lists", "refresh");
    refreshConversation();
  });
  source.addEventListener("typing", (event) => showTyping(JSON.parse(event.data)));
  source.addEventListener("team", () => htmx.trigger("#colleagues", "refresh"));
  source.addEventListener("row", (event) => heardRow(JSON.parse(event.data)));
  source.addEventListener("signed-out", () => { source.close(); location.reload(); });
  source.onerror = () => { document.getElementById("link").hidden = false; };
}

wireConversation();
countRows();
setInterval(tick, 5000);
listen();
