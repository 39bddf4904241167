// What the figures' page does beside fetching: it prints, with everything opened.

const button = document.querySelector("[data-print]");
button.hidden = false;
button.addEventListener("click", () => {
  for (const part of document.querySelectorAll(".all-figures details")) part.open = true;
  window.print();
});
