// Choosing categories, brands, products and stores: search while typing, chips for what is chosen. Without it, typed names count.
(() => {
  const add = (root, found) => {
    const chosen = root.querySelector("[data-chosen]");
    const held = [...chosen.querySelectorAll("input")].find((box) => box.value === found.value);
    if (held) { held.checked = true; return; }
    const chip = document.createElement("label");
    chip.className = "prog-chip";
    const box = document.createElement("input");
    Object.assign(box, { type: "checkbox", name: root.dataset.name, value: found.value, checked: true });
    chip.append(box, ` ${found.label}`);
    chosen.append(chip);
  };
  const offer = (root, found) => {
    const offers = root.querySelector("[data-offers]");
    offers.replaceChildren(...found.map((one) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: one.label });
      button.setAttribute("role", "option");
      button.addEventListener("click", () => {
        add(root, one);
        root.querySelector("[data-query]").value = "";
        offers.hidden = true;
        root.querySelector("[data-query]").focus();
      });
      return button;
    }));
    if (!found.length) offers.textContent = root.dataset.nothing;
    offers.hidden = false;
  };
  for (const root of document.querySelectorAll("[data-picks]")) {
    const query = root.querySelector("[data-query]");
    let asked = 0, timer;
    query.addEventListener("input", () => {
      clearTimeout(timer);
      const text = query.value.trim(), mine = ++asked;
      if (!text) { root.querySelector("[data-offers]").hidden = true; return; }
      timer = setTimeout(async () => {
        const answer = await fetch(`${root.dataset.search}?q=${encodeURIComponent(text)}`);
        if (answer.ok && mine === asked) offer(root, (await answer.json()).found);
      }, 200);
    });
    query.addEventListener("keydown", (event) => {
      const first = root.querySelector("[data-offers]:not([hidden]) button");
      if (event.key === "Enter" && query.value.trim()) { event.preventDefault(); if (first) first.click(); }
      if (event.key === "Escape") root.querySelector("[data-offers]").hidden = true;
    });
  }
})();
