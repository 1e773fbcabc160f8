// The page around the widget: loads it, runs its callbacks where the platform does, shows a card and the settings.
(function () {
  "use strict";

  const { HOST, APP, $ } = window;
  const init_once = HOST.manifest.widget?.init_once === true;
  let started = false;

  // A callback must say true, or the platform goes no further.
  function run(name, ...given) {
    const callback = name.split(".").reduce((found, part) => found?.[part], HOST.widget.callbacks);
    if (typeof callback !== "function") {
      if (["render", "init", "bind_actions", "settings", "onSave"].includes(name)) HOST.complain(`the widget has no callback ${name}`);
      return false;
    }
    const said = callback.apply(HOST.widget, given);
    if (said !== true && name !== "destroy" && !(name === "onSave" && said === false)) HOST.complain(`callback ${name} returned ${said}, not true`);
    return said;
  }

  function enter() {
    $("#widgets").empty();
    if (!HOST.active) return;
    if (!run("render")) return;
    if ((!started || !init_once) && !run("init")) return;
    started = true;
    if (!init_once || !enter.bound) run("bind_actions");
    enter.bound = true;
    if (HOST.area === "advanced_settings") run("advancedSettings");
  }

  function leave() {
    if (started && !init_once) run("destroy");
    if (!init_once) HOST.actions = {};
  }

  // Cards.
  HOST.navigate = async (path) => {
    leave();
    document.body.dataset.path = path;
    const detail = path.match(/^\/(contacts|leads|companies)\/detail\/(\d+)/);
    const fresh = path.match(/^\/contacts\/add(?:\?(.*))?/);
    $("#card").empty();
    if (detail) await card(detail[1], detail[2]);
    else if (fresh) blank(new URLSearchParams(fresh[1] || "").get("phone") || "");
    else APP.data.is_card = false;
    enter();
  };

  async function card(kind, id) {
    const answer = await fetch(`/_emulator/widget/card?kind=${kind}&id=${id}`);
    const $card = $("#card");
    if (!answer.ok) { $card.append($("<p class='missing'>").text(`${kind} ${id}?`)); return; }
    const shown = await answer.json();
    HOST.area = { contacts: "ccard", leads: "lcard", companies: "comcard" }[kind];
    Object.assign(APP.data, { is_card: true, current_entity: kind, current_card: { id: Number(id), element_type: APP.element_types[kind], model: { attributes: shown } } });
    $card.append($("<h2>").text(shown.name || "—"));
    for (const phone of shown.phones) {
      $card.append($("<p>").append($('<a href="#" class="js-control-phone">').text(phone).attr("data-value", phone).attr("data-id", id).attr("data-type", kind)));
    }
    for (const [title, rows] of Object.entries(shown.linked)) {
      for (const one of rows) $card.append($("<p>").append(`${title}: `, $('<a class="js-navigate-link">').attr("href", `/${title}/detail/${one.id}`).text(one.name)));
    }
    for (const call of shown.calls) {
      const $call = $('<div class="feed-note__call-content">').text(`${call.direction} ${call.phone} ${call.duration}`);
      if (call.link) $call.append($("<a>").attr("href", call.link).text(" ▶"));
      $card.append($call);
    }
  }

  function blank(phone) {
    APP.data.is_card = true;
    $("#card").append($("<h2>").text("+"), $('<input name="PHONE">').val(phone));
  }

  $(document).on("click", ".js-navigate-link", function (event) {
    event.preventDefault();
    HOST.navigate(this.getAttribute("href"));
  });
  $(document).on("click", ".js-control-phone", function (event) {
    event.preventDefault();
    const { value, id, type } = this.dataset;
    const [act] = HOST.actions.phone || []; // one telephony wins
    if (act) act.call(HOST.widget, { value, element: { id: Number(id), type }, event });
    else HOST.complain("nobody takes a click on a phone");
  });

  // Settings.
  const label = (key) => HOST.context.i18n(key) || key;

  function control(name, field) {
    const value = HOST.settings[name] ?? "";
    if (field.type === "users" || field.type === "users_lp") {
      const map = typeof value === "string" ? JSON.parse(value || "{}") : value;
      const rows = Object.values(HOST.managers).map((one) => $("<label>").append($("<span>").text(one.title), $("<input>").attr({ name: `${name}[${one.id}]`, "data-user": one.id }).val(map[one.id] ?? "")));
      return $('<div class="widget_settings_block__users">').append(...rows);
    }
    if (field.type === "custom") return $(`<div id="${HOST.code}_custom_content"></div><input type="hidden" id="${HOST.code}_custom">`).each((_, one) => { if (one.name !== undefined) { one.name = name; one.value = value; } });
    return $("<input>").attr({ name, type: field.type === "pass" ? "password" : "text" }).val(value);
  }

  function values($form) {
    const found = {};
    for (const [name, field] of Object.entries(HOST.manifest.settings || {})) {
      if (field.type === "users" || field.type === "users_lp") {
        found[name] = {};
        $form.find(`[name^="${name}["]`).each((_, one) => { if (one.value) found[name][one.dataset.user] = one.value; });
      } else found[name] = $form.find(`[name="${name}"]`).val() ?? "";
    }
    return found;
  }

  function openSettings() {
    const $window = $('<div class="modal widget-settings"><div class="modal-body"><div class="widget_settings_block"></div><button type="button" class="button-input js-widget-save"></button> <button type="button" class="js-modal-close"></button></div></div>');
    for (const [name, field] of Object.entries(HOST.manifest.settings || {})) {
      $window.find(".widget_settings_block").append($('<div class="widget_settings_block__item_field">').append($('<div class="widget_settings_block__title_field">').text(label(field.name)), $('<div class="widget_settings_block__input_field">').append(control(name, field))));
    }
    $window.find(".js-widget-save").text(HOST.texts.save).on("click", () => save($window));
    $window.find(".js-modal-close").text(HOST.texts.close).on("click", () => $window.remove());
    $window.appendTo(document.body);
    run("settings", $window);
  }

  async function save($window) {
    const fields = values($window);
    const empty = Object.entries(HOST.manifest.settings || {}).filter(([name, field]) => field.required && (!fields[name] || $.isEmptyObject(fields[name])));
    $window.find(".widget_settings_block__input_field").removeClass("error");
    if (empty.length) {
      for (const [name] of empty) $window.find(`[name^="${name}"]`).closest(".widget_settings_block__input_field").addClass("error");
      return;
    }
    if (run("onSave", { active: "Y", fields, widget_code: HOST.code }) === false) return;
    await fetch("/_emulator/widget/settings", { method: "POST", body: JSON.stringify({ active: true, fields }) });
    HOST.settings = fields;
    HOST.active = true;
    HOST.context.set_settings({ ...fields, active: "Y" });
    $window.remove();
    if (!started) enter();
  }

  $("#open-settings").on("click", openSettings);
  $("#switch-off").on("click", async () => {
    await fetch("/_emulator/widget/settings", { method: "POST", body: JSON.stringify({ active: false, fields: HOST.settings }) });
    HOST.active = false;
    if (HOST.widget) run("destroy");
  });

  // The platform's own pop-ups of incoming calls.
  let shown = "";
  async function watch() {
    try {
      const answer = await fetch(`/_emulator/widget/rings?user=${HOST.user.id}`);
      const rings = await answer.json();
      if (JSON.stringify(rings) !== shown) {
        shown = JSON.stringify(rings);
        $("#rings").empty().append(...rings.map((one) => $("<li>").append($('<a class="js-navigate-link">').attr("href", one.path).text(`${one.phone} ${one.name}`))));
      }
    } catch { /* the account is away; the next look will tell */ }
    setTimeout(watch, 1000);
  }

  async function start() {
    const Widget = await window.require([`${HOST.path}/script.js?v=${HOST.version}`], (found) => found);
    if (typeof Widget !== "function") { HOST.complain("script.js defines no widget"); return; }
    Object.assign(Widget.prototype, HOST.context);
    const made = new Widget();
    HOST.widget = made;
    for (const name in HOST.context) if (!(name in made)) made[name] = HOST.context[name];
    APP.widgets.list[HOST.code] = made;
    if (HOST.area === "settings") { enter(); openSettings(); }
    else if (HOST.card) await HOST.navigate(HOST.card);
    else enter();
    document.body.dataset.ready = "1";
  }

  if (HOST.path) start().catch((error) => HOST.complain(String(error)));
  watch();
})();
