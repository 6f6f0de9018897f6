// Theme switch, dialogs, and forms that refuse a second click. No words here: they come from the page.
(() => {
  const root = document.documentElement;
  const dark = () => root.dataset.theme === "dark" || (root.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const show = () => document.querySelectorAll("[data-theme-switch]").forEach((button) => button.setAttribute("aria-pressed", String(dark())));

  document.addEventListener("click", (event) => {
    const theme = event.target.closest("[data-theme-switch]");
    if (theme) {
      root.dataset.theme = dark() ? "light" : "dark";
      document.cookie = `theme=${root.dataset.theme};path=/;max-age=31536000;samesite=lax`;
      show();
    }
    const opener = event.target.closest("[data-dialog]");
    if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
    if (event.target.closest("[data-dialog-close]")) event.target.closest("dialog")?.close();
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) dismiss.closest(".banner")?.remove();
  });

  // A double tap is one act: the second submit of a POST form is dropped while the first is under way.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.dataset.repeat !== undefined || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    form.querySelectorAll("button[type=submit], button:not([type])").forEach((button) => button.classList.add("is-busy"));
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.querySelectorAll(".is-busy").forEach((button) => button.classList.remove("is-busy"));
  }));

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  });

  // What scrolls sideways can be reached and moved by the keyboard.
  const reach = () => document.querySelectorAll(".table-scroll, .chart__plot").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
  addEventListener("resize", reach);
  addEventListener("load", reach);
  // A bar longer than the screen begins where one is.
  const bar = document.querySelector(".topbar__nav"), here = bar?.querySelector("[aria-current]");
  if (here && bar.scrollWidth > bar.clientWidth) bar.scrollLeft = here.offsetLeft - bar.offsetLeft + here.offsetWidth - bar.clientWidth;
  show();
  reach();
})();
