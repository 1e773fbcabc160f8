// What the platform gives to a widget: the methods of its `self`.
(function () {
  "use strict";

  const { HOST } = window;
  const settings = { ...HOST.settings, widget_code: HOST.code, path: HOST.path, version: HOST.version, oauth_client_uuid: HOST.client_id, active: HOST.active ? "Y" : "N" };

  const controls = {
    "/tmpl/controls/button.twig": '<button type="button" class="button-input {{ class_name }}" id="{{ id }}"><span class="button-input-inner__text">{{ text }}</span></button>',
    "/tmpl/controls/input.twig": '<input class="text-input {{ class_name }}" type="{{ type }}" id="{{ id }}" name="{{ name }}" value="{{ value }}" placeholder="{{ placeholder }}">',
    "/tmpl/controls/textarea.twig": '<textarea class="text-input {{ class_name }}" id="{{ id }}" name="{{ name }}">{{ value }}</textarea>',
    "/tmpl/controls/checkbox.twig": '<label class="control-checkbox {{ class_name }}"><input type="checkbox" name="{{ name }}" value="{{ value }}" {% if checked %}checked{% endif %}>{{ text }}</label>',
    "/tmpl/controls/select.twig": '<select class="{{ class_name }}" id="{{ id }}" name="{{ name }}">{% for one in items %}<option value="{{ one.id }}">{{ one.option }}</option>{% endfor %}</select>',
  };

  HOST.context = {
    params: settings,
    get_settings: () => settings,
    set_settings: (more) => Object.assign(settings, more),
    get_version: () => HOST.version,
    get_install_status: () => (HOST.active ? "installed" : "install"),
    system: () => ({
      area: HOST.area,
      amouser: HOST.user.login,
      amouser_id: String(HOST.user.id),
      subdomain: HOST.account.subdomain,
      domain: location.host,
      server: location.host,
    }),
    i18n: (key) => key.split(".").reduce((found, name) => found?.[name], HOST.words) ?? "",

    render(given, params) {
      if (given.href) {
        const base = given.base_path || HOST.path;
        window.$.get(base + given.href + (given.v ? `?v=${given.v}` : "")).done((source) => given.load && given.load({ render: (names) => window.TWIG(source, names) }));
        return undefined;
      }
      const source = given.ref ? controls[given.ref] : given.data ?? given.body;
      if (source === undefined) { HOST.complain(`the platform has no template ${given.ref}`); return ""; }
      return window.TWIG(source, params || {});
    },
    render_template({ caption, body, render }) {
      const $panel = window.$('<div class="card-widgets__widget"><div class="card-widgets__widget__caption"></div><div class="card-widgets__widget__body js-body-hide"></div></div>');
      $panel.attr("data-code", HOST.code).addClass(caption?.class_name || "");
      $panel.find(".card-widgets__widget__caption").text(HOST.words.widget?.name || HOST.code);
      $panel.find(".card-widgets__widget__body").html((body || "") + (render || ""));
      window.$("#widgets").append($panel);
    },

    $authorizedAjax(options) {
      const deferred = window.$.Deferred();
      window.$.getJSON("/_emulator/widget/token", { user: HOST.user.id }).done(({ token }) => {
        window.$.ajax({ ...options, headers: { ...options.headers, "X-Auth-Token": token } }).done(deferred.resolve).fail(deferred.reject);
      }).fail(deferred.reject);
      return deferred.promise();
    },
    crm_post(url, data, done, type, failed) {
      window.$.ajax({ url: "/_emulator/widget/crm_post", method: "POST", contentType: "application/json", data: JSON.stringify({ url, data }), dataType: type || "json", success: done, error: failed });
    },
    add_action(kind, act) { (HOST.actions[kind] ||= []).push(act); },
    add_source(kind, act) { HOST.sources.push({ kind, act }); },
    set_lead_source: (source) => HOST.sources.push(source),
    list_selected: () => ({ count_selected: 0, selected: [], summary: {} }),
    widgetsOverlay: () => {},
    set_status: (status) => { settings.status = status; },
  };
})();
