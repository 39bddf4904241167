/** What the chat itself says, in both languages. What bot and team say comes from the service. */

const TEXTS = {
  de: {
    assistant: "Digitaler Assistent",
    waiting: "Assistent · Team verständigt",
    agentSub: "schreibt mit Ihnen",
    closedSub: "Gespräch beendet",
    connecting: "Verbinde …",
    hello: "Guten Tag! Womit können wir helfen?",
    intro: "Hier antwortet der digitale Assistent von {shop}, kein Mensch. Auf Wunsch übernimmt unser Team.",
    privacyIntro: "Was Sie schreiben, speichern wir, um Ihr Anliegen zu bearbeiten.",
    privacy: "Datenschutz",
    starters: ["Wo ist meine Bestellung?", "Ich möchte etwas zurücksenden", "Was kostet der Versand?", "Wo bleibt meine Erstattung?"],
    startersLabel: "Häufige Anliegen",
    log: "Gesprächsverlauf",
    earlier: "Frühere Nachrichten",
    placeholder: "Ihre Nachricht",
    send: "Senden",
    attach: "Foto senden",
    person: "Mensch",
    personLong: "Mit einem Menschen sprechen",
    menu: "Menü",
    close: "Chat schließen",
    back: "Zurück zum Gespräch",
    you: "Sie",
    system: "Hinweis",
    typingBot: "Der Assistent schreibt",
    typingAgent: "{name} schreibt",
    offline: "Keine Verbindung. Was Sie schreiben, wird gesendet, sobald es wieder geht.",
    state_waiting: "Wird gesendet, sobald Sie verbunden sind",
    state_sending: "Wird gesendet",
    state_sent: "Gesendet",
    state_failed: "Nicht gesendet",
    retry: "Erneut senden",
    discard: "Verwerfen",
    failed_not_found: "Das Bild ist nicht mehr verfügbar.",
    failed_empty_message: "Die Nachricht ist leer.",
    tooLong: "Noch {left} Zeichen",
    tooLongOver: "{over} Zeichen zu viel",
    choices: "{count} Antwortmöglichkeiten",
    unread: "Neue Nachrichten",
    jump: "Zu den neuesten Nachrichten",
    today: "Heute",
    yesterday: "Gestern",
    promises: "Was wir zugesagt haben",
    promisesIntro: "Jede Zusage aus diesem Gespräch, mit ihrem Termin. Wir sagen Ihnen Bescheid, wenn sich etwas ändert.",
    promisesNone: "In diesem Gespräch gibt es noch keine Zusagen.",
    promise_open: "offen",
    promise_kept: "eingehalten",
    promise_broken: "nicht eingehalten",
    promise_withdrawn: "zurückgenommen",
    due: "bis {date}",
    order: "Bestellung {order}",
    transcript: "Gespräch speichern",
    transcriptFailed: "Das Gespräch konnte nicht gespeichert werden. Bitte versuchen Sie es noch einmal.",
    switchLanguage: "English",
    switchLanguageCode: "en",
    sound: "Ton bei neuen Nachrichten",
    withdrawal: "Vertrag widerrufen",
    restart: "Gespräch löschen und neu beginnen",
    restartTitle: "Neu beginnen?",
    restartText: "Das Gespräch wird beendet und ist in diesem Browser nicht mehr zu sehen. Eine laufende Anfrage an unser Team wird zurückgezogen.",
    restartYes: "Neu beginnen",
    cancel: "Abbrechen",
    personTitle: "Mit einem Menschen sprechen",
    personOpen: "Unser Team ist bis {until} Uhr da.",
    personWait: "Voraussichtliche Wartezeit: {wait}.",
    personNobody: "Im Moment ist niemand angemeldet; eine Wartezeit können wir deshalb nicht nennen.",
    personClosed: "Unser Team ist gerade nicht da und meldet sich ab {opens} hier im Chat.",
    personContext: "Das bisherige Gespräch liegt dem Team vor, Sie müssen nichts wiederholen.",
    personYes: "Ja, bitte verbinden",
    personLeave: "Ja, Anliegen übergeben",
    minutes: ["etwa {n} Minute", "etwa {n} Minuten"],
    lessThanMinute: "unter einer Minute",
    photoChoose: "Foto auswählen",
    photoSending: "Foto wird übertragen",
    photo: "Foto",
    photoBad: "Dieses Bild konnte nicht gelesen werden. Möglich sind JPEG, PNG, WebP und GIF.",
    photoLarge: "Das Bild ist zu groß. Höchstens {mb} MB sind möglich.",
    photoFailed: "Das Bild konnte nicht übertragen werden. Bitte versuchen Sie es noch einmal.",
    scaleValue: "{value} von {max}",
    starsValue: ["{value} Stern von {max}", "{value} Sterne von {max}"],
    dateLabel: "Datum",
    dateSend: "Datum senden",
    details: "Einzelheiten",
    track: "Sendung verfolgen",
    parcel: "Paket {n}",
    label: "Retourenschein öffnen",
    qr: "QR-Code für die Abgabestelle",
    qrHint: "Code in der Abgabestelle zeigen – kein Drucker nötig.",
    reference: "Referenz",
    dropOff: "Abgabe",
    handInBy: "Abgeben bis",
    refund: "Erstattung",
    total: "Summe",
    expected: "voraussichtlich {date}",
    quantity: "{n} ×",
    slow: "Bitte warten Sie einen Moment, dann geht es weiter.",
  },
  en: {
    assistant: "Digital assistant",
    waiting: "Assistant · team notified",
    agentSub: "is writing with you",
    closedSub: "Conversation ended",
    connecting: "Connecting …",
    hello: "Hello! How can we help?",
    intro: "You are writing with {shop}'s digital assistant, not a person. Our team takes over whenever you like.",
    privacyIntro: "We store what you write in order to handle your request.",
    privacy: "Privacy",
    starters: ["Where is my order?", "I would like to return something", "How much is delivery?", "Where is my refund?"],
    startersLabel: "Common requests",
    log: "Conversation",
    earlier: "Earlier messages",
    placeholder: "Your message",
    send: "Send",
    attach: "Send a photo",
    person: "Person",
    personLong: "Talk to a person",
    menu: "Menu",
    close: "Close chat",
    back: "Back to the conversation",
    you: "You",
    system: "Notice",
    typingBot: "The assistant is writing",
    typingAgent: "{name} is writing",
    offline: "No connection. What you write is sent as soon as it is back.",
    state_waiting: "Will be sent once you are connected",
    state_sending: "Sending",
    state_sent: "Sent",
    state_failed: "Not sent",
    retry: "Send again",
    discard: "Discard",
    failed_not_found: "The picture is no longer available.",
    failed_empty_message: "The message is empty.",
    tooLong: "{left} characters left",
    tooLongOver: "{over} characters too many",
    choices: "{count} possible answers",
    unread: "New messages",
    jump: "Go to the latest messages",
    today: "Today",
    yesterday: "Yesterday",
    promises: "What we promised you",
    promisesIntro: "Every promise made in this conversation, with its date. We will tell you when something changes.",
    promisesNone: "Nothing has been promised in this conversation yet.",
    promise_open: "open",
    promise_kept: "kept",
    promise_broken: "not kept",
    promise_withdrawn: "withdrawn",
    due: "by {date}",
    order: "Order {order}",
    transcript: "Save conversation",
    transcriptFailed: "The conversation could not be saved. Please try again.",
    switchLanguage: "Deutsch",
    switchLanguageCode: "de",
    sound: "Sound for new messages",
    withdrawal: "Withdraw from contract",
    restart: "Delete conversation and start over",
    restartTitle: "Start over?",
    restartText: "The conversation ends and can no longer be seen in this browser. A request to our team is withdrawn.",
    restartYes: "Start over",
    cancel: "Cancel",
    personTitle: "Talk to a person",
    personOpen: "Our team is here until {until}.",
    personWait: "Expected wait: {wait}.",
    personNobody: "Nobody is signed in at the moment, so we cannot give you a waiting time.",
    personClosed: "Our team is not in right now and will reply here in the chat from {opens}.",
    personContext: "The team can see this conversation, so you will not have to repeat anything.",
    personYes: "Yes, connect me",
    personLeave: "Yes, pass it on",
    minutes: ["about {n} minute", "about {n} minutes"],
    lessThanMinute: "less than a minute",
    photoChoose: "Choose a photo",
    photoSending: "Uploading photo",
    photo: "Photo",
    photoBad: "This picture could not be read. JPEG, PNG, WebP and GIF are possible.",
    photoLarge: "The picture is too large. {mb} MB at most.",
    photoFailed: "The picture could not be uploaded. Please try again.",
    scaleValue: "{value} of {max}",
    starsValue: ["{value} star of {max}", "{value} stars of {max}"],
    dateLabel: "Date",
    dateSend: "Send date",
    details: "Details",
    track: "Track parcel",
    parcel: "Parcel {n}",
    label: "Open return label",
    qr: "QR code for the drop-off point",
    qrHint: "Show the code at the drop-off point – no printer needed.",
    reference: "Reference",
    dropOff: "Drop-off",
    handInBy: "Hand in by",
    refund: "Refund",
    total: "Total",
    expected: "expected {date}",
    quantity: "{n} ×",
    slow: "Please wait a moment, then it goes on.",
  },
};

/** @type {"de"|"en"} */
let current = "de";

/** @param {"de"|"en"} language */
export function speak(language) {
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
  return fill(TEXTS[current][key], values);
}

/** @param {string} key a text with a singular and a plural form */
export function plural(key, n, values = {}) {
  return fill(TEXTS[current][key][n === 1 ? 0 : 1], { n, ...values });
}

/** @param {string} key @returns {string[]} */
export function list(key) {
  return TEXTS[current][key];
}

/** @returns {boolean} whether there is a text of this key */
export function has(key) {
  return key in TEXTS[current];
}

function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

const locale = () => (current === "de" ? "de-DE" : "en-GB");

export const clock = (at) => new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit" }).format(new Date(at));

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
