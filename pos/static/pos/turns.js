// Taking turns by keyboard: arrows choose the cashier while the PIN is being typed; F9 and Esc are the buttons that say so.
(() => {
  document.addEventListener("keydown", (event) => {
    const choices = [...document.querySelectorAll("[data-choose] input")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && choices.length && event.target.type !== "radio") {
      event.preventDefault();
      const at = choices.findIndex((one) => one.checked);
      choices[(at + step + choices.length) % choices.length].checked = true;
    } else if (event.key === "F9" || event.key === "Escape") {
      const target = document.querySelector(`main [data-key="${event.key}"]`);
      if (target) { event.preventDefault(); target.click(); }
    }
  });
  document.querySelector("[autofocus]")?.focus();
})();
