/** What a shop's own page does with the chat: say who is signed in, and what is looked at. */

const Zusage = (window.Zusage ??= []);
const KEY = "demo-signed-in";

function show(signedIn) {
  for (const element of document.querySelectorAll(".guest")) element.hidden = signedIn;
  for (const element of document.querySelectorAll(".member")) element.hidden = !signedIn;
}

async function signIn() {
  const response = await fetch("/demo/sign-in", { method: "POST" });
  if (!response.ok) return;
  const { token } = await response.json();
  sessionStorage.setItem(KEY, "yes");
  window.Zusage.push(["identify", token]);
  show(true);
}

function signOut() {
  sessionStorage.removeItem(KEY);
  window.Zusage.push(["identify", null]);
  show(false);
}

document.querySelector("[data-sign-in]")?.addEventListener("click", signIn);
document.querySelector("[data-sign-out]")?.addEventListener("click", signOut);
for (const button of document.querySelectorAll("[data-open]")) {
  button.addEventListener("click", () => window.Zusage.push(["open"]));
}
for (const goods of document.querySelectorAll("[data-product]")) {
  goods.addEventListener("click", () => {
    const { product, name } = goods.dataset;
    window.Zusage.push(["page", { url: location.href, title: name, product }]);
  });
}
Zusage.push(["page", { url: location.href, title: document.title }]);
if (sessionStorage.getItem(KEY)) signIn();
