// The globals of a page of the account: APP (once AMOCRM), its constants, notifications and router.
(function () {
  "use strict";

  const { HOST } = window;

  // What the centre of notifications shows: header, text with its markup, and a link to its element.
  function notify(kind, said) {
    HOST.notified.push({ kind, ...said });
    const { header, text } = typeof said.text === "object" && said.text ? said.text : said;
    const row = document.createElement("li");
    row.className = `notification ${kind}`;
    row.dataset.kind = kind;
    const title = document.createElement("b");
    title.textContent = header || [said.from, said.to].filter(Boolean).join(" → ");
    const body = document.createElement("div");
    body.innerHTML = text || "";
    row.append(title, body);
    const link = said.element?.id ? `/${places[said.element.type] || said.element.type}/detail/${said.element.id}` : said.link;
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link;
      anchor.className = "js-navigate-link";
      anchor.textContent = said.element?.name || link;
      row.append(anchor);
    }
    document.getElementById("notifications").prepend(row);
  }
  const places = { contact: "contacts", lead: "leads", company: "companies", 1: "contacts", 2: "leads", 3: "companies" };

  const constants = {
    user: HOST.user,
    account: HOST.account,
    managers: HOST.managers,
    groups: HOST.groups,
    user_rights: { is_admin: HOST.user.is_admin },
  };

  window.APP = {
    lang_id: HOST.language,
    data: { current_card: null, current_entity: HOST.area, is_card: false },
    constant: (name) => constants[name],
    getBaseEntity: () => window.APP.data.current_entity,
    isCard: () => window.APP.data.is_card,
    getWidgetsArea: () => HOST.area,
    router: { navigate: (path) => HOST.navigate(path) },
    notifications: {
      add_call: (said) => notify("call", said),
      add_error: (said) => notify("error", said),
      show_notification: (said) => notify(said.type || "notification", said),
      show_message: (said) => notify("message", said),
      show_message_error: (said) => notify("error", said),
    },
    widgets: { list: {} },
    element_types: { contacts: 1, leads: 2, companies: 3 },
  };
  window.AMOCRM = window.APP;

  define("lib/components/base/modal", ["jquery"], ($) => function Modal(given) {
    const $modal = $('<div class="modal"><div class="modal-scroller"><div class="modal-body"></div></div></div>').addClass(given.class_name || "");
    $modal.appendTo(document.body);
    this.destroy = () => { if (given.destroy && given.destroy() === false) return; $modal.remove(); };
    $modal.on("click", ".modal-body__close, .js-modal-close, .button-cancel", () => this.destroy());
    if (given.init) given.init($modal.find(".modal-body"));
    return this;
  });
})();
