/* The picker of fields: a button beside each text of a message, and a dialog that works with the keyboard alone. */
(function () {
  "use strict";
  const source = document.getElementById("field-picker");
  if (!source) return;
  const fields = JSON.parse(source.textContent);
  const words = JSON.parse(document.getElementById("field-picker-words").textContent);
  const SKIPPED = /(^|[-_])(name|slug|price|code|valid_until|postal_address|url-?id|go_live_at|expire_at)$/;
  let target = null;
  let range = null;
  let place = [0, 0];
  let chosen = null;

  function isText(element) {
    if (!element.closest("form[data-edit-form], #w-editor-form, form.w-form, form")) return false;
    if (element.closest("dialog, .field-picker, [role=search]")) return false;
    if (element.matches(".public-DraftEditor-content")) return true;
    if (!element.matches("textarea, input[type=text], input:not([type])")) return false;
    if (element.readOnly || element.type === "hidden" || element.getAttribute("role") === "combobox") return false;
    return element.name === "subject" || element.name === "preheader" || (/^(body-|wordings-)/.test(element.name) && !SKIPPED.test(element.name));
  }

  const dialog = document.createElement("dialog");
  dialog.className = "field-picker";
  dialog.setAttribute("aria-labelledby", "field-picker-title");
  dialog.innerHTML =
    '<form method="dialog"><h2 id="field-picker-title"></h2><label><span></span><input type="search" role="combobox" autocomplete="off" aria-expanded="true" aria-controls="field-picker-list"></label>' +
    '<ul id="field-picker-list" role="listbox"></ul><label class="field-picker__fallback" hidden><span></span><input type="text" maxlength="80"></label>' +
    '<p class="field-picker__fault" role="alert"></p><p class="field-picker__acts"><button type="submit" class="button"></button> <button type="button" class="button button-secondary"></button></p></form>';
  const [search, fallback] = dialog.querySelectorAll("input");
  const [searchWords, fallbackWords] = dialog.querySelectorAll("label > span");
  const [insertButton, cancelButton] = dialog.querySelectorAll("button");
  const list = dialog.querySelector("ul");
  const fault = dialog.querySelector(".field-picker__fault");
  const fallbackRow = dialog.querySelector(".field-picker__fallback");
  dialog.querySelector("h2").textContent = words.title;
  searchWords.textContent = words.search;
  fallbackWords.textContent = words.fallback;
  insertButton.textContent = words.insert;
  cancelButton.textContent = words.cancel;
  document.body.append(dialog);

  function show() {
    const asked = search.value.trim().toLowerCase();
    const found = fields.filter((f) => !asked || (f.label + " " + f.name).toLowerCase().includes(asked));
    list.replaceChildren(
      ...found.map((f, i) => {
        const item = document.createElement("li");
        item.id = "field-picker-" + f.name;
        item.setAttribute("role", "option");
        item.append(Object.assign(document.createElement("strong"), { textContent: f.label }), Object.assign(document.createElement("small"), { textContent: f.sample }));
        item.addEventListener("click", () => choose(f));
        item.addEventListener("dblclick", insert);
        return item;
      }),
    );
    fault.textContent = found.length ? "" : words.none;
    choose(found.includes(chosen) ? chosen : found[0] || null);
  }

  function choose(field) {
    chosen = field;
    for (const item of list.children) {
      const isIt = field !== null && item.id === "field-picker-" + field.name;
      item.setAttribute("aria-selected", String(isIt));
      if (isIt) item.scrollIntoView({ block: "nearest" });
    }
    search.setAttribute("aria-activedescendant", field ? "field-picker-" + field.name : "");
    fallbackRow.hidden = !(field && field.needsFallback);
  }

  function step(by) {
    const items = [...list.children];
    const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
    const next = items[Math.max(0, Math.min(items.length - 1, at + by))];
    if (next) choose(fields.find((f) => "field-picker-" + f.name === next.id));
  }

  function insert() {
    if (!chosen) return;
    const said = fallback.value.trim().replace(/["{}%]/g, "");
    if (chosen.needsFallback && !said) {
      fault.textContent = words.needed;
      fallbackRow.hidden = false;
      fallback.focus();
      return;
    }
    const text = "{{ " + chosen.name + chosen.filters + (chosen.needsFallback ? ' | default: "' + said + '"' : "") + " }}";
    dialog.close();
    if (target.matches("input, textarea")) {
      target.focus();
      target.setRangeText(text, place[0], place[1], "end");
      target.dispatchEvent(new Event("input", { bubbles: true }));
      target.dispatchEvent(new Event("change", { bubbles: true }));
    } else {
      target.focus();
      if (range) {
        const selection = window.getSelection();
        selection.removeAllRanges();
        selection.addRange(range);
      }
      document.execCommand("insertText", false, text); // the only way that rich text editors hear as typing
    }
  }

  function open(element) {
    target = element;
    if (element.matches("input, textarea")) place = [element.selectionStart, element.selectionEnd];
    search.value = fallback.value = "";
    show();
    dialog.showModal();
    search.focus();
  }

  search.addEventListener("input", show);
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && chosen && chosen.needsFallback && !fallback.value) {
      event.preventDefault();
      fallback.focus();
    }
  });
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    insert();
  });
  cancelButton.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => target && target.focus());

  function equip(element) {
    if (element.dataset.fieldPicker) return;
    element.dataset.fieldPicker = "on";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "field-picker-open";
    button.textContent = "{ } " + words.open;
    button.addEventListener("mousedown", () => remember(element));
    button.addEventListener("click", () => open(element));
    const root = element.closest(".Draftail-Editor") || element;
    root.insertAdjacentElement("afterend", button);
  }

  function remember(element) {
    const selection = window.getSelection();
    if (!element.matches("input, textarea") && selection.rangeCount && element.contains(selection.anchorNode)) range = selection.getRangeAt(0).cloneRange();
  }

  document.addEventListener("focusin", (event) => {
    if (isText(event.target)) equip(event.target);
  });
  document.addEventListener("focusout", (event) => {
    if (event.target.dataset && event.target.dataset.fieldPicker) remember(event.target);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === " " && isText(event.target)) {
      event.preventDefault();
      remember(event.target);
      equip(event.target);
      open(event.target);
    }
  });

  /* A rich text editor stands beside its label, and nothing says that they belong together: a screen reader hears a nameless box. */
  function nameEditors() {
    for (const editor of document.querySelectorAll(".public-DraftEditor-content:not([aria-label]):not([aria-labelledby])")) {
      let field = editor;
      while (field && !field.querySelector(":scope > .w-field__label")) field = field.parentElement;
      const label = field && field.querySelector(":scope > .w-field__label");
      if (label) editor.setAttribute("aria-label", label.textContent.replace("*", "").trim());
    }
  }

  let isNaming = false;
  new MutationObserver(() => {
    if (isNaming) return;
    isNaming = true;
    requestAnimationFrame(() => {
      isNaming = false;
      nameEditors();
    });
  }).observe(document.body, { childList: true, subtree: true });
  nameEditors();
})();
