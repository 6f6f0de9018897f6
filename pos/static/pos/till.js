// The till without a mouse: keys, arrows, and codes that are scanned wherever the cursor happens to be.
(() => {
  const find = document.getElementById("find"), sale = document.getElementById("sale");
  const amount = document.getElementById("id_amount"), code = document.getElementById("code");
  const lengths = document.getElementById("codes")?.dataset ?? {};
  const tell = (field) => field?.dispatchEvent(new Event("input", { bubbles: true }));

  const lookUp = (text) => {
    find.value = text;
    find.form.requestSubmit();
  };
  const scanned = ({ kind, text, isGood }) => {
    document.getElementById("bad-card").hidden = isGood;
    if (!isGood) return TillCodes.beep();
    if (!sale?.dataset.show) return lookUp(text);
    if (kind === "voucher") {
      code.value = text;
      return applyCode();
    }
    return ask(sale.dataset.show, { scanned: text }).catch(() => lookUp(text));
  };
  // The panel is asked one question at a time, so that an older answer never covers a newer one; what was typed and ticked
  // outside it stays as it is.
  let asked = Promise.resolve(), pause;
  const ask = (address, also = {}, method = "POST") => {
    clearTimeout(pause);
    const question = () => htmx.ajax(method, address, { source: "#sale", target: "#spend-options", swap: "innerHTML", values: also });
    const answer = asked.then(question);
    asked = answer.catch(() => {});
    return answer;
  };
  const refresh = () => ask(sale.dataset.fits, {}, "GET").catch(() => {});
  sale?.addEventListener("input", (event) => {
    if (event.target === code || event.target.id === "agreed" || !sale.dataset.fits) return;
    clearTimeout(pause);
    pause = setTimeout(refresh, event.target.type === "checkbox" ? 0 : 250);
  });
  const applyCode = () => {
    if (!code.value.trim()) return;
    const text = code.value;
    code.value = "";
    ask(code.dataset.apply, { code: text }).catch(() => { code.value = text; });
  };

  const reachable = () => [...document.querySelectorAll("[data-arrows] :is(a, input:not([type=hidden]), button)")].filter((one) => !one.disabled && one.offsetParent);
  const walk = (step) => {
    const rows = reachable(), at = rows.indexOf(document.activeElement);
    rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : (at + step + rows.length) % rows.length]?.focus();
    return rows.length > 0;
  };
  const press = (key) => {
    const target = document.querySelector(`main .stack [data-key="${key}"]`);
    target?.click();
    return Boolean(target);
  };
  const KEYS = {
    F2: () => { find?.focus(); find?.select(); return true; },
    F4: () => press("F4"),
    F6: () => { const first = document.querySelector("#spend :is(input:not([type=hidden]):not(:disabled), button)"); first?.focus(); return Boolean(first); },
    F7: () => press("F7"),
    F8: () => press("F8"),
    F9: () => press("F9"),
    Escape: () => press("Escape"),
    ArrowDown: () => walk(1),
    ArrowUp: () => walk(-1),
  };

  if (find) TillCodes.watch(lengths, scanned);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.key === "Shift") return;
    if (event.key === "Enter") {
      const helper = event.target === code ? document.getElementById("apply-code") : document.getElementById(event.target.dataset?.enter);
      if (helper) { event.preventDefault(); helper.click(); }
    } else if (event.target.tagName !== "SELECT" && KEYS[event.key]?.()) event.preventDefault();
  });

  // What was typed before it was known for whom goes along to the next member: F2, a number, Enter.
  const carry = () => new URLSearchParams(amount?.value ? { amount: amount.value } : {});
  find?.form.addEventListener("submit", () => {
    if (!amount) return;
    find.form.querySelector("[name=amount]")?.remove();
    for (const [name, value] of carry()) {
      find.form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
  });
  document.addEventListener("click", (event) => {
    const fill = event.target.closest?.("[data-fill]");
    if (fill) {
      const field = document.getElementById(fill.dataset.fill);
      field.value = fill.dataset.value;
      field.focus();
      tell(field);
    }
    if (event.target.closest?.("#apply-code")) applyCode();
    const asking = event.target.closest?.("[data-ask]");
    if (asking) ask(asking.dataset.ask).catch(() => {});
    const enrol = event.target.closest?.("a[data-key=F4]");
    if (enrol && amount?.value) enrol.search = carry();
  });

  const toPay = () => {
    const place = document.getElementById("to-pay"), said = document.querySelector("[data-to-pay]");
    if (place && said) place.textContent = amount?.value || said.innerHTML ? said.innerHTML : "";
  };
  document.addEventListener("htmx:afterSwap", toPay);
  toPay();
  if (code?.value) applyCode();

  // At once, not at the next repaint as `autofocus` would: somebody may be typing already.
  (document.querySelector("[data-first]") || document.querySelector("[autofocus]"))?.focus();
})();
