// What a scanner may have typed: a card, the changing code of a card, a voucher. Told apart by prefix, length and check.
const TillCodes = (() => {
  const CARD = 13, PREFIX = "29", LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ", VOUCHER = 16;

  const isLuhn = (digits) => [...digits].reverse().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0) % 10 === 0;
  const isCard = (digits) => digits.length === CARD && digits.startsWith(PREFIX) && isLuhn(digits);
  const isVoucher = (code) => [...code].every((letter) => LETTERS.includes(letter))
    && ([...code].slice(0, -1).reduce((sum, letter, place) => sum + (place + 2) * LETTERS.indexOf(letter), 0)
      + LETTERS.indexOf(code.at(-1))) % LETTERS.length === 0;

  const ending = (typed, length, prefix, kind) => {
    const text = typed.slice(-length);
    return text.length === length && /^\d+$/.test(text) && text.startsWith(prefix) ? { kind, text, isGood: isLuhn(text) } : null;
  };
  // The code that the typed text ends with, or null. A voucher without dashes is only believed when its check is right.
  const recognise = (typed, { tokenLength, tokenPrefix }) => {
    const found = ending(typed, Number(tokenLength), tokenPrefix, "token") ?? ending(typed, CARD, PREFIX, "card");
    if (found) return found;
    const dashed = typed.toUpperCase().match(/(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}$/)?.[0];
    if (dashed) return { kind: "voucher", text: dashed, isGood: isVoucher(dashed.replaceAll("-", "")) };
    const plain = typed.toUpperCase().slice(-VOUCHER);
    return plain.length === VOUCHER && isVoucher(plain) ? { kind: "voucher", text: plain, isGood: true } : null;
  };

  // Watch the keyboard, wherever the cursor is. A scanner types; whatever field it typed into gets back what stood there
  // before, so a card number is never an amount. `handle(found, field)` answers whether the code was taken.
  const LONGEST = 64;
  const watch = (lengths, handle) => {
    let typed = [];
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.key === "Shift") return;
      const field = event.target.closest?.("input, textarea");
      if (/^[0-9A-Za-z-]$/.test(event.key)) {
        typed = [...typed.slice(1 - LONGEST), { letter: event.key, field, before: field?.value }];
        return;
      }
      const letters = typed;
      typed = [];
      if (event.key !== "Enter" || field?.matches("[data-takes-cards]")) return;
      const found = recognise(letters.map(({ letter }) => letter).join(""), lengths);
      if (!found || (field?.matches("[data-apply]") && found.kind === "voucher")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      for (const one of letters.slice(-found.text.length).reverse()) if (one.field) one.field.value = one.before;
      handle(found);
    }, true);
  };
  // After the words have been painted: starting the sound device takes as long as several frames.
  const beep = () => requestAnimationFrame(() => setTimeout(sound));
  const sound = () => {
    try {
      const audio = new AudioContext(), tone = audio.createOscillator();
      tone.frequency.value = 220;
      tone.connect(audio.destination);
      tone.start();
      tone.stop(audio.currentTime + 0.25);
    } catch { /* no sound device: the words remain */ }
  };
  return { beep, isCard, recognise, watch };
})();
