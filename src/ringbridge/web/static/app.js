// What the server cannot do: running clocks, and a word when the push breaks. The page is complete without it.
// It runs before htmx, so that it hears all that htmx tells.
(() => {
  const skew = Number(document.body.dataset.now) - Date.now(); // the server's clock counts, not the visitor's

  const two = (n) => String(n).padStart(2, "0");
  const length = (ms) => {
    const s = Math.max(0, Math.floor(ms / 1000));
    const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
    return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
  };

  const tick = () => {
    const now = Date.now() + skew;
    for (const clock of document.querySelectorAll("[data-since]")) {
      const text = length(now - Number(clock.dataset.since));
      if (clock.textContent !== text) clock.textContent = text;
    }
  };
  setInterval(tick, 1000);
  document.addEventListener("htmx:after:swap", tick);

  const connection = (state) => {
    for (const sign of document.querySelectorAll("[data-connection]")) sign.dataset.connection = state;
  };
  document.addEventListener("htmx:sse:after:connection", () => connection("up"));
  document.addEventListener("htmx:sse:error", () => connection("down"));
  document.addEventListener("htmx:sse:before:connection", (event) => {
    if (event.detail.connection.attempt > 0) connection("down");
  });

  // A form marked so is sent when one of its fields changes; its button is for those without JavaScript.
  document.addEventListener("change", (event) => {
    if (event.target.closest("form[data-send-on-change]")) event.target.form.requestSubmit();
  });

  // By selecting: a page without TLS, as offices have them, is given no clipboard of its own.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    if (document.execCommand("copy")) button.textContent = button.dataset.done;
  });
})();
