// myst-nb calls every hidden part "Toggle hidden content"; what is written on it says more.
document.addEventListener("DOMContentLoaded", () => {
  for (const part of document.querySelectorAll("details.hide > summary"))
    part.removeAttribute("aria-label");
});
