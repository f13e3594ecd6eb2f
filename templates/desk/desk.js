// The desk a little faster: keys, who else looks at a case, lists that keep up. Every page works without it.
// Nothing is loaded from elsewhere, nothing is kept but whether the keys are on.
"use strict";
(() => {
  const all = (what, within) => [...(within || document).querySelectorAll(what)];
  const one = (what, within) => (within || document).querySelector(what);
  const STORED = "bode-sneltoetsen";
  const stored = () => { try { return localStorage.getItem(STORED); } catch { return null; } };
  const keysOn = () => stored() !== "uit";
  document.documentElement.classList.add("js");

  // Told to who does not see it.
  const say = (text) => { const place = one("#meldingen"); if (place) place.textContent = text; };

  // Keys (WCAG 2.1.4: they can be switched off, on the help page).
  const isTyping = (at) => at.closest("select, textarea, [contenteditable], input:not([type=radio]):not([type=checkbox])");
  const shown = (at) => at.offsetParent !== null || at.getClientRects().length > 0;
  const step = (by) => {
    const list = all("[data-step]").filter(shown);
    if (!list.length) return false;
    const now = list.findIndex((at) => at === document.activeElement || at.contains(document.activeElement));
    const to = now < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(now + by, 0), list.length - 1);
    list[to].focus();
    list[to].scrollIntoView({ block: "center" });
    return true;
  };
  const use = (at) => {
    for (let up = at.parentElement; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    if (at.matches("input[type=radio], input[type=checkbox]")) { at.focus(); at.click(); at.scrollIntoView({ block: "nearest" }); }
    else if (at.matches("input, textarea, select")) { at.focus(); at.scrollIntoView({ block: "center" }); }
    else if (at.matches("summary")) { at.click(); at.focus(); at.scrollIntoView({ block: "center" }); }
    else at.click();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape" && isTyping(event.target)) { event.target.blur(); return; }
    if (!keysOn() || isTyping(event.target)) return;
    if (event.key === "j" || event.key === "k") { if (step(event.key === "j" ? 1 : -1)) event.preventDefault(); return; }
    const at = all("[data-key]").find((at) => at.dataset.key === event.key && !at.disabled);
    if (at) { event.preventDefault(); use(at); }
  });

  // The switch of the help page.
  const toggle = one("#toetsen-aan");
  if (toggle) {
    toggle.hidden = false;
    const told = () => { toggle.textContent = keysOn() ? "Zet de sneltoetsen uit" : "Zet de sneltoetsen aan"; };
    toggle.addEventListener("click", () => {
      try { localStorage.setItem(STORED, keysOn() ? "uit" : "aan"); } catch { /* kept for this page only */ }
      told();
      say(keysOn() ? "De sneltoetsen staan aan." : "De sneltoetsen staan uit.");
    });
    told();
  }

  // A finding that is pointed at lights up where it stands: in the text and on the page.
  const light = (number) => all("[data-f]").forEach((at) => at.classList.toggle("lit", at.dataset.f.split(" ").includes(number)));
  for (const kind of ["mouseover", "focusin"]) {
    document.addEventListener(kind, (event) => {
      const at = event.target.closest && event.target.closest("[data-finding]");
      if (at) light(at.dataset.finding);
    });
  }

  // All rows at once, where rows can be chosen.
  const everything = one("#alles-kiezen");
  if (everything) {
    everything.closest("label").hidden = false;
    document.addEventListener("change", (event) => {
      if (event.target === everything) all("input[name=case]").forEach((box) => { box.checked = everything.checked; });
    });
  }

  // Questions that a page asks by itself, while somebody has it in view.
  const every = (seconds, ask) => {
    let asking = false;
    setInterval(async () => {
      if (document.visibilityState !== "visible" || asking) return;
      asking = true;
      try { await ask(); } catch { /* the next time */ } finally { asking = false; }
    }, seconds * 1000);
  };
  const json = async (path) => {
    const answer = await fetch(path, { headers: { Accept: "application/json", "X-Bode-Live": "1" }, redirect: "error" });
    return answer.ok ? answer.json() : null;
  };
  const others = one("#anderen");
  if (others) {
    every(15, async () => {
      const here = await json(others.dataset.here);
      if (!here) return;
      let text = here.others;
      if (String(here.revision) !== others.dataset.revision) {
        text = `Deze zaak is intussen gewijzigd (${here.last}). Laad de bladzijde opnieuw voordat u beslist. ${text}`;
      }
      if (one("p", others).textContent !== text) one("p", others).textContent = text;
      others.hidden = !text;
    });
  }
  const list = one("#lijst");
  if (list) {
    let mark = list.dataset.mark;
    every(10, async () => {
      const now = await json("/changes");
      if (!now || String(now.mark) === mark) return;
      const answer = await fetch(location.href, { headers: { "X-Bode-Live": "1" }, redirect: "error" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const focus = document.activeElement && document.activeElement.getAttribute("href");
      const chosen = new Set(all("input[name=case]:checked").map((box) => box.value));
      for (const id of ["lijst", "voorraden"]) {
        const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
        if (old && fresh && old.innerHTML !== fresh.innerHTML) {
          old.replaceChildren(...fresh.childNodes);
          if (id === "lijst") say("De lijst is bijgewerkt.");
        }
      }
      all("input[name=case]").forEach((box) => { box.checked = chosen.has(box.value); });
      if (focus) { const at = all("#lijst a, #voorraden a").find((at) => at.getAttribute("href") === focus); if (at) at.focus({ preventScroll: true }); }
      mark = String(now.mark);
    });
  }
})();
