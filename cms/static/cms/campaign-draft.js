// The campaign editor keeps what is typed: each change within a second, with the way back. Words come from the page.
(() => {
  const form = document.querySelector("form[data-draft]");
  if (!form) return;
  const bar = document.querySelector("[data-draft-bar]");
  const said = bar.querySelector("[data-draft-said]");
  const undo = bar.querySelector("[data-draft-undo]");
  const redo = bar.querySelector("[data-draft-redo]");
  const WAIT_MS = 600;
  let timer = null;
  let sending = Promise.resolve();

  const snapshot = () => {
    const told = {};
    for (const [name, value] of new FormData(form)) {
      if (name !== "csrfmiddlewaretoken" && typeof value === "string") (told[name] ??= []).push(value);
    }
    return told;
  };

  const show = (told) => {
    for (const field of form.elements) {
      if (!field.name || field.name === "csrfmiddlewaretoken" || field.type === "submit") continue;
      const values = told[field.name] ?? [];
      if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
      else if (field.options) for (const option of field.options) option.selected = values.includes(option.value);
      else field.value = values[0] ?? "";
    }
  };

  const initial = snapshot();
  let last = JSON.stringify(initial);

  const ask = (body) => {
    sending = sending.then(async () => {
      try {
        const answer = await fetch(form.dataset.draft, {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
          body: JSON.stringify(body),
        });
        if (!answer.ok) throw new Error(answer.status);
        const told = await answer.json();
        undo.disabled = !told.undo;
        redo.disabled = !told.redo;
        if (told.form) {
          show(told.form);
          last = JSON.stringify(snapshot());
        }
        said.textContent = body.act === "keep" ? bar.dataset.kept : "";
      } catch {
        said.textContent = bar.dataset.failed;
        if (body.act === "keep") last = "";
      }
    });
    return sending;
  };

  const keep = () => {
    clearTimeout(timer);
    timer = null;
    const now = snapshot();
    if (JSON.stringify(now) === last) return sending;
    last = JSON.stringify(now);
    return ask({ act: "keep", forms: [initial, now] });
  };

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(keep, WAIT_MS);
  };

  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  undo.addEventListener("click", () => keep().then(() => ask({ act: "undo" })));
  redo.addEventListener("click", () => keep().then(() => ask({ act: "redo" })));
  form.addEventListener("submit", () => clearTimeout(timer));

  const stored = document.getElementById("unsaved-form");
  if (stored) {
    show(JSON.parse(stored.textContent));
    last = JSON.stringify(snapshot());
  }
  document.querySelector("[data-draft-drop]")?.addEventListener("click", () => {
    clearTimeout(timer);
    ask({ act: "drop" }).then(() => window.location.reload());
  });
})();
