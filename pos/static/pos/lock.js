// A till left alone for two minutes covers itself; the PIN uncovers it with everything that was typed still there.
(() => {
  const cover = document.getElementById("till-lock");
  if (!cover) return;
  const form = cover.querySelector("form"), pin = form.elements.till_pin, wrong = cover.querySelector("[data-wrong]");
  const IDLE = Number(cover.dataset.seconds) * 1000;
  let last = Date.now(), focused = null;

  const lock = () => {
    if (cover.open) return;
    focused = document.activeElement;
    wrong.hidden = true;
    pin.value = "";
    cover.showModal();
    pin.focus();
  };
  for (const sign of ["keydown", "pointerdown"]) document.addEventListener(sign, () => { if (!cover.open) last = Date.now(); }, true);
  setInterval(() => { if (Date.now() - last > IDLE) lock(); }, 1000);
  cover.addEventListener("cancel", (event) => event.preventDefault());
  // The keys of the till stay shut in: a scan or F4 behind the cover does nothing.
  cover.addEventListener("keydown", (event) => { if (event.key !== "F9") event.stopPropagation(); });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
    if (answer.status === 204) {
      last = Date.now();
      cover.close();
      focused?.focus();
      return;
    }
    wrong.textContent = answer.status === 403 ? (await answer.json()).reason : wrong.dataset.wrong;
    wrong.hidden = false;
    pin.select();
  });
})();
