// What the host page keeps, and where it writes down what a widget does wrong.
(function () {
  "use strict";

  const HOST = JSON.parse(document.getElementById("boot").textContent);
  Object.assign(HOST, { notified: [], complaints: [], actions: {}, sources: [], widget: null });
  window.HOST = HOST;

  HOST.complain = (text) => {
    HOST.complaints.push(text);
    const list = document.getElementById("complaints");
    const row = document.createElement("li");
    row.textContent = text;
    list.append(row);
    list.hidden = false;
  };
  addEventListener("error", (event) => HOST.complain(event.message || String(event.error)));
  addEventListener("unhandledrejection", (event) => HOST.complain(String(event.reason)));
})();
