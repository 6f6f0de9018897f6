// The till without a mouse: keys, arrows, and cards that are scanned wherever the cursor happens to be.
(() => {
  const CARD = 13, PREFIX = "29";
  const find = document.getElementById("find");
  let typed = "";

  const isCard = (digits) => {
    const sum = [...digits].reverse().reduce((total, digit, place) => {
      const value = Number(digit) * (place % 2 ? 2 : 1);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
    return sum % 10 === 0;
  };

  const beep = () => {
    try {
      const audio = new AudioContext(), tone = audio.createOscillator();
      tone.frequency.value = 220;
      tone.connect(audio.destination);
      tone.start();
      tone.stop(audio.currentTime + 0.25);
    } catch { /* no sound device: the words remain */ }
  };

  // A scanner types. Whatever field it typed into gets its own text back: a card number is never an amount.
  const takeBack = (field, digits) => {
    if (field?.value?.endsWith(digits)) field.value = field.value.slice(0, -digits.length);
  };

  const scanned = (field, digits) => {
    takeBack(field, digits);
    if (isCard(digits)) {
      find.value = digits;
      find.form.requestSubmit();
      return;
    }
    beep();
    document.getElementById("bad-card").hidden = false;
  };

  const walk = (step) => {
    const rows = [...document.querySelectorAll("[data-arrows] a")];
    rows[(rows.indexOf(document.activeElement) + step + rows.length) % rows.length]?.focus();
    return rows.length > 0;
  };

  const press = (key) => {
    const target = document.querySelector(`main .stack [data-key="${key}"]`) || document.querySelector(`[data-key="${key}"]`);
    target?.click();
    return Boolean(target);
  };

  const KEYS = {
    F2: () => { find?.focus(); find?.select(); return true; },
    F4: () => press("F4"),
    F8: () => press("F8"),
    F9: () => press("F9"),
    Escape: () => press("Escape"),
    ArrowDown: () => walk(1),
    ArrowUp: () => walk(-1),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.key === "Shift") return;
    if (/^[0-9]$/.test(event.key)) { typed = (typed + event.key).slice(-CARD); return; }
    const digits = typed, field = event.target.closest?.("input, textarea");
    typed = "";
    if (event.key === "Enter" && find && digits.length === CARD && digits.startsWith(PREFIX) && !field?.matches("[data-takes-cards]")) {
      event.preventDefault();
      scanned(field, digits);
    } else if (KEYS[event.key]?.() && event.target.tagName !== "SELECT") {
      event.preventDefault();
    }
  });

  // At once, not at the next repaint as `autofocus` would: somebody may be typing already.
  (document.querySelector("[data-first]") || document.querySelector("[autofocus]"))?.focus();
})();
